"""The command line."""

import json
import os
import secrets
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from rag import __version__, listen, logs, models, scope, seal, settings, threads
from rag import fetch as fetching
from rag.attempts import Outcome
from rag.errors import FilterError, RagError
from rag.fetch import FetchProgress
from rag.models import Model
from rag.settings import Settings
from rag.types import (
    CONFLICTS,
    EVERYTHING,
    NEAREST,
    QUALIFIERS,
    SURE,
    UNSUPPORTED,
    UNSURE,
    WITHHELD,
    Answer,
    Citation,
    Collection,
    Delta,
    DocumentRecord,
    Done,
    Filter,
    Hit,
    Level,
    Progress,
    Reading,
    SourceRecord,
    Waiting,
)
from rag.types import Sources as Found

if TYPE_CHECKING:  # they are built on numpy, whose threads must not be there before the seal
    from rag.catalog import Catalog
    from rag.check import Finding, Report
    from rag.library import Library
    from rag.sources import Sources, Tally

# Names and texts of documents are shown as they are: no markup, no ":emoji:" in them.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
READING = "Reading the passages …"

library_option = click.option(
    "--library",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the library. In a clone: data/.",
)
model_option = click.option(
    "--model", metavar="NAME|PATH", help="A model of the catalogue, or a GGUF file."
)
top_k_option = click.option(
    "--top-k", type=click.IntRange(1, 50), help="Passages to retrieve. Default 6."
)
seal_option = click.Option(
    ["--require-seal"],
    type=click.Choice(get_args(Level)),
    help="Refuse to run with networking switched off less well than this.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
day = click.DateTime(["%Y-%m-%d"])
filter_options = (
    click.option(
        "--document",
        "documents",
        multiple=True,
        metavar="DOCUMENT",
        help="Only in documents of this file name, or whose id starts so. May be repeated.",
    ),
    click.option(
        "--collection",
        "collections",
        multiple=True,
        metavar="NAME",
        help="Only in documents of this collection. May be repeated.",
    ),
    click.option(
        "--type",
        "types",
        multiple=True,
        type=click.Choice(list(scope.TYPES)),
        help="Only in documents of this type. May be repeated.",
    ),
    click.option(
        "--since",
        type=day,
        metavar="DAY",
        help="Only in documents dated 2024-03-01 or later: "
        "mails by their own date, files by that of their last change.",
    ),
    click.option("--until", type=day, metavar="DAY", help="The same, dated DAY or earlier."),
    click.option(
        "--added-since", type=day, metavar="DAY", help="Only in documents added DAY or later."
    ),
    click.option("--added-until", type=day, metavar="DAY", help="The same, DAY or earlier."),
)
"""Their values go to `_within`."""


def with_filter(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(filter_options):
        command = option(command)
    return command


def with_seal_option(command: click.Command) -> click.Command:
    """The last of its options."""
    command.params.append(seal_option)
    return command


class Sealed(click.Command):
    """A command that runs with networking off. Every command is one, unless it says otherwise."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        with_seal_option(self)

    def invoke(self, ctx: click.Context) -> Any:
        required = ctx.params.pop(seal_option.name)
        ctx.obj = _chosen(ctx.obj, require_seal=required)
        seal.seal(require=ctx.obj.require_seal)
        return super().invoke(ctx)


class Group(click.Group):
    """Turns every error meant for the person into its message and exit code 1."""

    command_class = Sealed
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RagError as error:
            raise click.ClickException(_harmless(str(error))) from error
        except BrokenPipeError:
            ctx.exit(1)
        except OSError as error:
            path = error.filename
            what = _as_named(os.fsdecode(path) if isinstance(path, bytes) else path or "A file")
            why = error.strerror or str(error) or type(error).__name__
            raise click.ClickException(
                f"{what}: {_harmless(why).rstrip('.')}. Check the disk and try again."
            ) from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="strongroom")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file, TOML. Default: strongroom.toml in the current folder, if there.",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Ask your own documents. Nothing leaves the room."""
    ctx.obj = settings.load(os.environ, config or settings.default_file())


@with_seal_option
@cli.command(cls=click.Command)
@library_option
@model_option
@click.option("--port", type=click.IntRange(1, 65535), help="First port to try. Default 8501.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.pass_obj
def serve(
    base: Settings,
    library: Path | None,
    model: str | None,
    port: int | None,
    no_browser: bool,
    require_seal: Level | None,
) -> None:
    """Open the app on a page of this machine.

    It listens on 127.0.0.1 only, takes the next free port when its own is in use, and lets in only
    who opens the address that it prints.
    """
    chosen = _chosen(base, library=library, model=model, port=port, require_seal=require_seal)
    listener = listen.bind(chosen.port)
    token = secrets.token_urlsafe(32)
    address = f"http://{listen.HOST}:{listener.getsockname()[1]}/?token={token}"
    opens = not no_browser and listen.has_display(os.environ)
    open_browser = listen.browser(address) if opens else lambda: None
    reached = seal.seal(require=chosen.require_seal, keep=[listener.fileno()])

    def announce() -> None:
        click.echo(f"Strongroom is open at {address}  (Ctrl+C closes it)\n{reached.meaning}")
        open_browser()

    from rag.serve import serve as run

    run(chosen, listener, token=token, announce=announce)


@cli.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@library_option
@click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    envvar="STRONGROOM_PASSWORD",
    help="Password of encrypted documents. Last and without a value, it is asked for: what stands "
    "on the command line, other programs of this machine can see.",
)
@click.option(
    "--collection",
    metavar="NAME",
    help="Put them into this collection; with a folder, also what it holds later.",
)
@click.pass_obj
def add(
    base: Settings,
    paths: tuple[Path, ...],
    library: Path | None,
    password: str | None,
    collection: str | None,
) -> None:
    """Take in files and folders.

    A folder is remembered: the same command again takes in what is new or has changed, follows
    files that moved, and retires documents whose files are gone. A file that cannot be taken in is
    named on stderr and the rest goes on; the exit code is then 1.
    """
    with _opened(_chosen(base, library=library), "add") as opened:
        files = [path for path in paths if not path.is_dir()]
        folders = [path for path in paths if path.is_dir()]
        bare = [path for path in folders if not opened.sources.has_files(path)]
        sources = _added(opened.sources, [path for path in folders if path not in bare])
        collection = _text(collection) if collection else ""
        if collection:
            opened.catalog.put_in(collection)
        try:
            for folder in folders:
                opened.sources.collect(folder, collection)
            _take_in(opened, files, sources, password=password, collection=collection)
        finally:  # what was taken in belongs there, whatever was not
            for folder in folders:
                opened.sources.collect(folder, collection)
    if bare:
        raise click.ClickException(
            f"No files that Strongroom reads in {_names(bare)}. Name a folder that holds some."
        )


@cli.command()
@click.argument("folders", nargs=-1, metavar="DIR...", type=click.Path(path_type=Path))
@library_option
@click.pass_obj
def watch(base: Settings, folders: tuple[Path, ...], library: Path | None) -> None:
    """Take in folders, and then whatever changes in them, until Ctrl+C.

    Without DIR: every folder that was added before.
    """
    from rag.watch import Watch
    from rag.worker import Worker

    with (
        _until_told() as over,
        _opened(_chosen(base, library=library), "watch") as opened,
    ):
        sources = _added(opened.sources, folders) or list(opened.catalog.source_paths())
        if not sources:
            raise click.UsageError("There is no folder to watch. Name one.")
        worker = Worker(lambda: _reported(opened.ingest.resume()))
        watching = Watch(
            opened.sources, wake=worker.wake, paths=sources, tell=_report, done=_report_tally
        )
        err.print(f"Watching {_names(sources)}  (Ctrl+C ends it)")
        worker.start()
        watching.start()
        told = ("", "")
        while not over.wait(1.0):
            errors = (worker.error, watching.error)
            for error in {e for e in errors if e and e not in told}:
                err.print(error, style="red")
            told = errors
        watching.close()
        worker.close()
    err.print("Stopped. What is unfinished goes on the next time.")


@cli.group("sources", invoke_without_command=True)
@library_option
@json_option
@click.pass_context
def sources_(ctx: click.Context, library: Path | None, as_json: bool) -> None:
    """The folders that are taken in again and again."""
    ctx.obj = _chosen(ctx.obj, library=library)
    if ctx.invoked_subcommand is None:
        seal.seal(require=ctx.obj.require_seal)
        _list_sources(ctx.obj, as_json)


@sources_.command()
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@library_option
@click.option(
    "--retire",
    is_flag=True,
    help="Retire the documents of files that are gone, however many they are.",
)
@click.pass_obj
def sync(base: Settings, folder: Path | None, library: Path | None, retire: bool) -> None:
    """Take in what is new in a folder, or in all of them.

    When a folder is not there or is empty, or more than half of its files, of 20 or more, are gone
    at once, no document is retired until --retire says that it is meant.
    """
    if retire and folder is None:
        raise click.UsageError("Name the folder whose documents may be retired.")
    with _opened(_chosen(base, library=library), "sources sync") as opened:
        chosen = list(opened.catalog.source_paths())
        if folder is not None:
            chosen = [_source(opened.sources, folder)]
        _take_in(opened, [], chosen, retire=retire)


@sources_.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@library_option
@click.option(
    "--keep/--erase",
    default=True,
    help="Keep its documents in the library, as if each had been added by itself, or erase those "
    "that nothing else gives. Default: keep.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(base: Settings, folder: Path, library: Path | None, keep: bool, yes: bool) -> None:
    """Take a folder off the list. Its files stay where they are."""
    with _opened(_chosen(base, library=library), "sources forget") as opened:
        source = _source(opened.sources, folder)
        shown = _as_named(source)
        what = "keep its documents" if keep else "erase its documents"
        if not yes:
            click.confirm(f"Forget {shown} and {what}?", abort=True, err=True)
        erased = opened.sources.forget(source, erase=not keep)
    after = "Its documents stay." if keep else f"Erased {_plural(len(erased), 'document')}."
    err.print(f"Forgot {shown}. {after}")


@cli.group("collections", invoke_without_command=True)
@library_option
@json_option
@click.pass_context
def collections_(ctx: click.Context, library: Path | None, as_json: bool) -> None:
    """Documents put together under a name, to ask in them alone."""
    ctx.obj = _chosen(ctx.obj, library=library)
    if ctx.invoked_subcommand is None:
        seal.seal(require=ctx.obj.require_seal)
        _list_collections(ctx.obj, as_json)


@collections_.command()
@click.argument("name")
@click.argument("documents", nargs=-1, metavar="[DOCUMENT]...")
@library_option
@click.pass_obj
def put(base: Settings, name: str, documents: tuple[str, ...], library: Path | None) -> None:
    """Put documents into a collection, which is made if there is none of that name."""
    name = _text(name)
    with _opened(_chosen(base, library=library), "collections put") as opened:
        opened.catalog.put_in(name, _meant(opened.catalog, documents))


@collections_.command()
@click.argument("name")
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENT...")
@library_option
@click.pass_obj
def take(base: Settings, name: str, documents: tuple[str, ...], library: Path | None) -> None:
    """Take documents out of a collection. They stay in the library."""
    with _opened(_chosen(base, library=library), "collections take") as opened:
        collection = _collection(opened.catalog, name)
        opened.catalog.take_out(collection, _meant(opened.catalog, documents))


@collections_.command()
@click.argument("old")
@click.argument("new")
@library_option
@click.pass_obj
def rename(base: Settings, old: str, new: str, library: Path | None) -> None:
    """Give a collection another name."""
    with _opened(_chosen(base, library=library), "collections rename") as opened:
        opened.catalog.rename_collection(_collection(opened.catalog, old), _text(new))


@collections_.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="No more.")
@library_option
@click.pass_obj
def pin(base: Settings, name: str, off: bool, library: Path | None) -> None:
    """Have the documents of a collection prepared before others."""
    with _opened(_chosen(base, library=library), "collections pin") as opened:
        opened.catalog.pin_collection(_collection(opened.catalog, name), pinned=not off)


@collections_.command()
@click.argument("name")
@library_option
@click.pass_obj
def delete(base: Settings, name: str, library: Path | None) -> None:
    """Delete a collection. Its documents stay in the library."""
    with _opened(_chosen(base, library=library), "collections delete") as opened:
        opened.catalog.remove_collection(_collection(opened.catalog, name))


@cli.command()
@click.argument("question")
@library_option
@model_option
@top_k_option
@click.option(
    "--seed",
    type=int,
    help="Seed, for a model that samples. The default takes the likeliest word each time.",
)
@with_filter
@click.option(
    "--anyway", is_flag=True, help="Show what the model wrote, even where it is not borne out."
)
@json_option
@click.pass_obj
def ask(
    base: Settings,
    /,
    question: str,
    library: Path | None,
    model: str | None,
    top_k: int | None,
    seed: int | None,
    anyway: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Answer a question from the documents, with citations.

    [1] marks a sentence that passage 1 bears out; [2?] one that says more than its nearest
    passage, 2; [?] one that no passage comes near.
    """
    from rag import refusal

    question = _text(question)
    if not question.strip():
        raise click.UsageError("The question is empty.")
    chosen = _chosen(base, library=library, model=model, top_k=top_k, seed=seed)
    with _opened(chosen, "ask") as opened:
        within = _within(opened.catalog, asked)
        _reindex(opened)
        events = opened.ask(question, within=within)
        answer = _last(events) if as_json or not out.is_terminal else _shown(events)
        sure = refusal.is_sure(answer, opened.rule)
    if as_json:
        _print_json(answer_json(answer, within, sure=sure))
        return
    if not out.is_terminal:
        out.print(answer.marked)
    if not answer.hits:
        err.print(
            f"Looked in the library {chosen.library}. `strongroom add` puts documents into it."
        )
    if answer.is_unsupported:
        err.print(UNSUPPORTED, style="yellow")
    if sure is not None:
        err.print(SURE if sure else UNSURE, style="dim" if sure else "yellow")
    if answer.withheld:
        _print_withheld(answer.withheld, shown=anyway)
    _print_citations(answer.citations)
    _print_others(answer.nearest, NEAREST)
    _print_others(answer.conflicts, CONFLICTS)
    _print_others(answer.qualifiers, QUALIFIERS)


@cli.command()
@click.argument("query")
@library_option
@top_k_option
@with_filter
@json_option
@click.pass_obj
def search(
    base: Settings,
    /,
    query: str,
    library: Path | None,
    top_k: int | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find passages, without the language model."""
    chosen = _chosen(base, library=library, top_k=top_k)
    with _opened(chosen, "search") as opened:
        within = _within(opened.catalog, asked)
        _reindex(opened)
        hits = opened.search(_text(query), within=within)
    if as_json:
        _print_json([hit_json(hit) for hit in hits])
        return
    for hit in hits:
        place = f"{hit.rank}. {_place(hit.document, hit.label)}"
        out.print(Text.assemble((place, "bold"), " ", (" › ".join(hit.chunk.heading), "dim")))
        out.print(Text("   " + " ".join(hit.chunk.text.split())[:300]))
    if not hits:
        err.print("Nothing found. Try other words, or `strongroom list` to see what is there.")


@cli.command("list")
@library_option
@json_option
@click.pass_obj
def list_(base: Settings, library: Path | None, as_json: bool) -> None:
    """The documents of the library."""
    records = _records(_chosen(base, library=library))
    if as_json:
        _print_json([asdict(record) for record in records])
        return
    for r in records:
        state = f"{r.state}: {r.error}" if r.error else r.state
        out.print(Text(f"{r.id[:12]}  {r.n_pages:>5} p  {r.name}  ({state})"))
    if not records:
        err.print("No documents yet. Add some with `strongroom add PATH`.")


@cli.command()
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENT...")
@library_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(base: Settings, documents: tuple[str, ...], library: Path | None, yes: bool) -> None:
    """Erase documents, named by file name or by the start of their id.

    Their text, vectors and copies go, and so does every saved answer that drew on them.
    """
    with _opened(_chosen(base, library=library), "remove") as opened:
        chosen = [_named(opened.catalog.documents(), name) for name in documents]
        names = ", ".join(record.name for record in chosen)
        if not yes:
            click.confirm(f"Erase {names} from the library?", abort=True, err=True)
        opened.ingest.remove([record.id for record in chosen])
        has_traces = opened.ingest.has_traces
    err.print(f"Erased {names}.")
    if has_traces:
        err.print(
            "Another program is reading library.db, so its log still holds bytes of that. They go "
            "with the next start of Strongroom, once that program is done."
        )


@cli.command()
@library_option
@click.option("--repair", is_flag=True, help="Put right what can be, then look again.")
@json_option
@click.pass_obj
def check(base: Settings, library: Path | None, repair: bool, as_json: bool) -> None:
    """Check that nothing in the library is damaged, missing or doubled.

    library.db itself, the copies of files, pages, passages, the index of words, and the vectors in
    both places. Exit code 1 when something is wrong; with --repair, when something is left.
    """
    from rag import check as checking

    with _opened(_chosen(base, library=library), "check") as opened:
        report = _checked(opened)
        found = report.findings
        if repair:
            for progress in _with_bars(checking.repair(opened, report), report.n_documents):
                if progress.step == "failed":
                    _report(progress)
            report = _checked(opened)
    left = {(f.doc_id, f.what) for f in report.findings}
    mended = [f for f in found if (f.doc_id, f.what) not in left]
    if as_json:
        _print_json(check_json(report, mended))
    else:
        for finding in mended:
            out.print(Text(f"✓ {_finding(finding)} Put right.", style="green"))
        for finding in report.findings:
            advice = f" --repair {finding.remedy}." if finding.remedy and not repair else ""
            out.print(Text(f"✗ {_finding(finding)}{advice}", style="red"))
        out.print(
            f"{report.n_documents} documents, {report.n_pages} pages, {report.n_chunks} passages, "
            f"{report.n_vectors} vectors."
        )
    if not report.ok:
        raise click.ClickException("Something is wrong with the library; see above.")
    if not as_json:
        out.print("The library is whole.", style="bold")


@cli.command()
@library_option
@model_option
@json_option
@click.pass_obj
def status(base: Settings, library: Path | None, model: str | None, as_json: bool) -> None:
    """What the library holds and which models it uses."""
    chosen = _chosen(base, library=library, model=model)
    records = _records(chosen)
    values = {
        "version": __version__,
        "library": str(chosen.library),
        "documents": len(records),
        "states": {s: n for s in _STATES if (n := sum(r.state == s for r in records))},
        "pages": sum(r.n_pages for r in records),
        "chunks": sum(r.n_chunks for r in records),
        "embedded_chunks": sum(r.n_embedded for r in records),
        "bytes": sum(r.n_bytes for r in records),
        "model": chosen.model,
        "embedder": chosen.embedder,
        "seal": seal.current().level,
    }
    if as_json:
        _print_json(values)
        return
    for key, value in values.items():
        out.print(Text(f"{key.replace('_', ' '):<16} {value}"))
    out.print(Text(f"{'':<17}{seal.current().meaning}"))
    if seal.current().advice:
        out.print(Text(f"{'':<17}{seal.current().advice}"))


@cli.group("models")
def models_() -> None:
    """The models' weights: fetch them, check them."""


@models_.command(cls=click.Command)
@click.argument("names", nargs=-1)
@click.pass_obj
def fetch(base: Settings, names: tuple[str, ...]) -> None:
    """Fetch weights and check them against their published SHA-256.

    This is the one command that uses the network. NAMES: models of the catalogue; by default the
    language model and the embedding model of the settings.
    """
    cache = fetching.default_cache(os.environ)
    for model in _models(base, names):
        with _fetch_progress(model) as progress:
            path = fetching.fetch(model, base.models, progress=progress, cache_dir=cache)
        err.print(f"✓ {model.name}: {path}")


@models_.command()
@click.argument("names", nargs=-1)
@click.pass_obj
def verify(base: Settings, names: tuple[str, ...]) -> None:
    """Compare the weights with their published SHA-256."""
    for model in _models(base, names):
        path = models.verify(model, base.models, full=True)
        out.print(f"✓ {model.name}: {path}")


@models_.command("list")
@click.pass_obj
def list_models(base: Settings) -> None:
    """The models of the catalogue."""
    for model in models.load_catalog().values():
        used = "*" if model.name in (base.model, base.embedder) else " "
        line = f"{used} {model.name:<30} {model.kind:<9} {model.n_bytes / 1e6:>6.0f} MB"
        out.print(Text(f"{line}  {model.licence:<11} {model.description}"))


@cli.command()
@library_option
@model_option
@click.pass_obj
def doctor(base: Settings, library: Path | None, model: str | None) -> None:
    """Check that everything needed to ask a question is in place."""
    from rag import doctor as checks

    found = checks.run(_chosen(base, library=library, model=model))
    for check in found:
        sign, style = ("✓", "green") if check.ok else ("✗", "red")
        out.print(Text(f"{sign} {check.name}: {check.message}", style=style))
    if not all(check.ok for check in found):
        raise click.ClickException("Something needs attention; see the lines marked ✗.")


@cli.command(cls=click.Command)
@click.option(
    "--level",
    type=click.Choice([*get_args(Level), "none"]),
    default="kernel",
    help="Prove this level, or the best one below it that this system allows. "
    "none: no seal, to see what a proof that fails looks like.",
)
@json_option
def prove(level: str, as_json: bool) -> None:
    """Try every way out of this machine from a sealed process, and show what stopped each.

    Exit code 1 if anything got out. Every target is an address that is set aside for documentation,
    where no machine is. It takes half a minute.
    """
    from rag import prove as proving

    report = proving.prove(level, tell=lambda o: None if as_json else _print_outcome(o))
    if as_json:
        _print_json(
            {
                "level": report.level or "none",
                "attempts": [
                    {"name": o.name, "blocked": o.blocked, "by": o.by, "detail": o.detail}
                    for o in report.attempts
                ],
                "not_tried": [
                    {"name": o.name, "reason": o.detail} for o in report.outcomes if not o.tried
                ],
                "verdict": report.verdict,
            }
        )
    else:
        out.print()
        out.print(Text(seal.MEANING[report.level]))
    if report.got_out:
        raise click.ClickException(
            f"{len(report.got_out)} of {len(report.attempts)} attempts got out. "
            "docs/security.md says how to reach a better level."
        )
    if report.verdict == "open":
        raise click.ClickException("Nothing was tried, so nothing is proved. Please report this.")
    if not as_json:
        out.print(Text(f"Sealed: all {len(report.attempts)} attempts were stopped.", style="bold"))


def _print_outcome(outcome: Outcome) -> None:
    if not outcome.tried:
        out.print(Text(f"– {outcome.name}: not tried, {outcome.detail}", style="dim"))
    elif outcome.blocked:
        out.print(Text.assemble(("✓", "green"), f" {outcome.name}", (f"  {outcome.by}", "dim")))
    else:
        detail = " ".join(outcome.detail.split())[:80]
        out.print(Text.assemble(("✗", "red"), f" {outcome.name}", (f"  GOT OUT ({detail})", "red")))


_STATES = ("queued", "searchable", "embedded", "failed")


def _chosen(base: Settings, **options: Any) -> Settings:
    return replace(base, **{name: value for name, value in options.items() if value is not None})


def _text(argument: str) -> str:
    """An argument can hold bytes that are no text."""
    return argument.encode("utf-8", "replace").decode()


def _as_named(path: Path | str) -> str:
    """As the library names files: what a terminal would obey is left out."""
    from rag.ingest import as_text

    return as_text(str(path))


def _harmless(message: str) -> str:
    """The names and paths in it are anybody's."""
    from rag.rawtext import clean

    return clean(message)


def _models(base: Settings, names: tuple[str, ...]) -> list[Model]:
    catalog = models.load_catalog()
    if names:
        return [models.find(catalog, name) for name in names]
    chosen = [models.find(catalog, base.embedder)]
    # A model given by path is the person's own; there is nothing to fetch or compare.
    return [catalog[base.model], *chosen] if base.model in catalog else chosen


@contextmanager
def _fetch_progress(model: Model) -> Iterator[FetchProgress]:
    """A bar over all of the model's files; a line instead where there is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    done: dict[str, int] = {}
    with Bar(*columns, console=err, transient=True) as bar:
        task = bar.add_task(model.name, total=model.n_bytes, visible=False)

        def show(path: str, n_bytes: int, _total: int) -> None:
            if not done and not err.is_terminal:
                err.print(f"Fetching {model.name}, {model.n_bytes / 1e6:.0f} MB")
            done[path] = n_bytes
            bar.update(task, completed=sum(done.values()), visible=True)

        yield show


@contextmanager
def _opened(chosen: Settings, command: str) -> Iterator["Library"]:
    """The library, with what was put right in it told first."""
    from rag.library import open_library

    with closing(open_library(chosen, command=command)) as opened:
        for line in opened.healed:
            err.print(line, style="yellow")
        yield opened


def _reindex(opened: "Library") -> None:
    """Put vectors back that the index lost, so that searching finds by meaning at once."""
    for _ in _with_bars(opened.ingest.reindex(), 0):
        pass


def _checked(opened: "Library") -> "Report":
    from rag import check as checking

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Checking")
        return checking.check(
            opened,
            tell=lambda name, done, total: bar.update(
                task, description=f"Checking {name}", completed=done, total=total
            ),
        )


def _finding(finding: "Finding") -> str:
    return f"{finding.document}: {finding.what}" if finding.document else finding.what


def check_json(report: "Report", mended: Sequence["Finding"]) -> dict[str, Any]:
    """The object that `check --json` prints. findings: what is wrong now; repaired: what was."""
    return {
        "ok": report.ok,
        "documents": report.n_documents,
        "pages": report.n_pages,
        "chunks": report.n_chunks,
        "vectors": report.n_vectors,
        "findings": [_finding_json(finding) for finding in report.findings],
        "repaired": [_finding_json(finding) for finding in mended],
    }


def _finding_json(finding: "Finding") -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "document": finding.document,
        "doc_id": finding.doc_id,
        "what": finding.what,
        "remedy": finding.remedy,
        "chunks": len(finding.chunk_ids),
    }


def _records(chosen: Settings) -> list[DocumentRecord]:
    from rag.library import read_catalog

    catalog = read_catalog(chosen)
    if catalog is None:
        return []
    with closing(catalog):
        return catalog.documents()


def _within(catalog: "Catalog", asked: dict[str, Any]) -> Filter:
    """What the filter's options say, told on stderr. Raises FilterError."""
    values: dict[str, Any] = {
        name: value.date() if isinstance(value, datetime) else value
        for name, value in asked.items()
    }
    values["documents"] = [_as_named(value) for value in values["documents"]]
    values["collections"] = [_text(value) for value in values["collections"]]
    records = catalog.documents()
    within = scope.chosen(records, [c.name for c in catalog.collections()], **values)
    if within.is_empty:
        return within
    words = scope.in_words(within, {record.id: record.name for record in records})
    n = len(catalog.matching(within))
    if not n:
        raise FilterError(
            f"No document fits ({words}). Leave an option out, or see `strongroom list`."
        )
    err.print(f"In {_plural(n, 'document')} ({words})", style="dim")
    return within


def _meant(catalog: "Catalog", names: Sequence[str]) -> tuple[str, ...]:
    """Ids of documents."""
    return scope.chosen(catalog.documents(), [], documents=[_as_named(n) for n in names]).documents


def _collection(catalog: "Catalog", name: str) -> str:
    known = [collection.name for collection in catalog.collections()]
    return scope.chosen([], known, collections=[_text(name)]).collections[0]


def _list_collections(chosen: Settings, as_json: bool) -> None:
    from rag.library import read_catalog

    catalog = read_catalog(chosen)
    found: list[Collection] = []
    if catalog is not None:
        with closing(catalog):
            found = catalog.collections()
    if as_json:
        _print_json([asdict(collection) for collection in found])
        return
    for collection in found:
        pinned = ", pinned" if collection.pinned else ""
        size = _plural(collection.n_documents, "document")
        out.print(Text(f"{collection.name}  ({size}{pinned})"))
    if not found:
        err.print("No collections yet. Make one with `strongroom collections put NAME DOCUMENT…`.")


def _named(records: list[DocumentRecord], name: str) -> DocumentRecord:
    name = _as_named(name)
    found = [r for r in records if r.name == name or (len(name) >= 6 and r.id.startswith(name))]
    if len(found) == 1:
        return found[0]
    ids = ", ".join(r.id[:12] for r in found)
    raise click.ClickException(
        f"{name} names {len(found)} documents ({ids}). Give the start of one id."
        if found
        else f"{name} is not in the library. `strongroom list` shows what is."
    )


def _with_bars(steps: Iterator[Progress], n_files: int) -> Iterator[Progress]:
    """Pass the steps through and draw two bars from them: files read, and passages embedded."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        reading = bar.add_task("Reading files", total=n_files)
        embedding = bar.add_task("Embedding", total=None, visible=False)
        read: set[str] = set()  # with OCR, a document is searchable a second time
        for step in steps:
            if step.step in ("embedding", "indexing"):
                bar.update(
                    embedding,
                    visible=True,
                    description=f"{step.step.capitalize()} {step.name}",
                    completed=step.done,
                    total=step.total,
                )
            elif step.step == "scanning":
                bar.update(reading, description=f"OCR, {step.name} {step.done}/{step.total}")
            elif step.step in ("searchable", "failed") or step.unchanged:
                bar.advance(reading, step.doc_id not in read)
                read.add(step.doc_id)
            yield step


def _report(progress: Progress) -> None:
    if progress.step == "failed":
        err.print(f"✗ {_harmless(progress.message)}", style="red")
    elif progress.unchanged:
        err.print(f"= {progress.name} is already in the library")
    elif progress.step == "renamed":
        err.print(f"→ {_harmless(progress.message)}")
    elif progress.step == "retired":
        err.print(f"− {progress.name}: its file is gone, and so it is from the library")
    elif progress.step == "searchable":
        err.print(f"✓ {progress.name}: {_plural(progress.total, 'page')}")
        if progress.message:
            err.print(f"  {progress.message}", style="yellow")


def _reported(steps: Iterator[Progress]) -> Iterator[Progress]:
    for step in steps:
        _report(step)
        yield step


def _report_tally(source: Path, tally: "Tally") -> None:
    err.print(f"{_as_named(source)}: {tally.words}")
    if tally.others:
        were = "file was" if tally.others == 1 else "files were"
        err.print(f"{tally.others} other {were} passed over: not of a kind that is read.")
    if tally.problem:
        err.print(tally.problem, style="yellow")


def _added(sources: "Sources", folders: Iterable[Path]) -> list[Path]:
    """The folders as sources, each once. Says which are new."""
    found: list[Path] = []
    for folder in folders:
        source, is_new = sources.add(folder)
        shown = _as_named(source)
        if is_new:
            err.print(
                f"{shown} is remembered; undo it with `strongroom sources forget "
                f"{shlex.quote(shown)}`."
            )
        elif source != folder.resolve():
            err.print(f"{_as_named(folder)} lies in {shown}, which was added before.")
        if source not in found:
            found.append(source)
    # A folder that was named after one inside it has taken that in.
    return [source for source in found if source in sources.catalog.source_paths()]


def _take_in(
    opened: "Library",
    files: list[Path],
    sources: list[Path],
    *,
    password: str | None = None,
    retire: bool = False,
    collection: str = "",
) -> None:
    """Take in files and sources, and say what happened. Raises ClickException when not all was.

    collection: that the files are put into.
    """

    def stage(path: Path) -> Progress:
        staged = opened.ingest.stage(path, password=password)
        if collection and staged.doc_id:
            opened.catalog.put_in(collection, [staged.doc_id])
        return staged

    syncs = {s: opened.sources.sync(s, retire=retire, password=password) for s in sources}
    n_files = len(files) + sum(len(s.plan.to_read) for s in syncs.values())
    staging = chain(
        (stage(path) for path in files),
        chain.from_iterable(s.run() for s in syncs.values()),
    )
    own = set[str]()

    def staged() -> Iterator[Progress]:
        for progress in staging:
            own.add(progress.doc_id)
            yield progress

    failed: list[str] = []
    for progress in _with_bars(opened.ingest.resume(staged()), n_files):
        if progress.step == "failed":
            failed.append(progress.doc_id)
        _report(progress)
    tallies = {source: s.tally for source, s in syncs.items()}
    for source, tally in tallies.items():
        _report_tally(source, tally)
    if failed:
        raise click.ClickException(_not_taken_in(failed, own, n_files))
    if any(tally.problem for tally in tallies.values()):
        raise click.ClickException("Not every folder could be looked at whole; see above.")


def _not_taken_in(failed: Sequence[str], own: Iterable[str], n_files: int) -> str:
    """failed: documents, "" for a file that did not become one. own: of the n_files; a run before
    may have left others in the queue."""
    documents = {doc_id for doc_id in failed if doc_id}
    n = len(documents.intersection(own)) + failed.count("")
    n_others = len(documents.difference(own))
    others = f"{_plural(n_others, 'file')} left by an earlier run"
    were = "was" if n_others == 1 else "were"
    if not n:
        return f"{others} {were} not taken in; see above."
    neither = f", and neither {were} {others}" if n_others else ""
    return f"{n} of {n_files} files were not taken in{neither}; see above."


def _source(sources: "Sources", folder: Path) -> Path:
    found = sources.find(folder)
    if found is None:
        raise click.ClickException(
            f"{_as_named(folder)} was not added. `strongroom sources` shows the folders that were."
        )
    return found


def _list_sources(chosen: Settings, as_json: bool) -> None:
    from rag.library import read_catalog

    catalog = read_catalog(chosen)
    found: list[SourceRecord] = []
    if catalog is not None:
        with closing(catalog):
            found = catalog.sources()
    if as_json:
        _print_json([{**asdict(source), "path": _text(str(source.path))} for source in found])
        return
    for s in found:
        looked = time.strftime("%Y-%m-%d %H:%M", time.localtime(s.last_look))
        parts = [_plural(s.n_documents, "document"), f"looked at {looked}" if s.last_look else ""]
        parts += [f"{_plural(s.n_bad, 'file')} not taken in" if s.n_bad else ""]
        parts += [f"into {s.collection}" if s.collection else ""]
        parts += ["watched by the page" if s.watched else ""]
        out.print(Text(f"{_as_named(s.path)}  ({', '.join(filter(None, parts))})"))
        for problem in s.problem.splitlines():
            out.print(Text(f"  {problem}", style="yellow"))
    if not found:
        err.print("No folders yet. Add one with `strongroom add DIR`.")


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that Ctrl+C and SIGTERM set, in place of what they do otherwise."""
    over = threading.Event()
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: over.set()) for number in both]
    try:
        yield over
    finally:
        for number, handler in zip(both, before, strict=True):
            signal.signal(number, handler)


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(_as_named(path) for path in paths)


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _last(events: Iterator[Any]) -> Answer:
    for event in events:
        if isinstance(event, Done):
            return event.answer
    raise RagError("The answer was not finished. Ask again.")


def _shown(events: Iterator[Any]) -> Answer:
    """Show the answer as it is written, and with its marks when it is done."""
    text, near = "", ("", "dim")
    with Live(Text("Searching …", style="dim"), console=out, vertical_overflow="visible") as live:
        for event in events:
            if isinstance(event, Waiting):
                live.update(Text("Waiting for an earlier answer …", style="dim"))
            elif isinstance(event, Found):
                quotes = [f"\n    “{' '.join(c.quote.split())}”" for c in event.nearest]
                near = "".join(quotes), "dim"
                live.update(Text.assemble(text, (READING, "dim"), near))
            elif isinstance(event, Reading):
                reading = (f"{READING} about {event.seconds:.0f} s", "dim")
                live.update(Text.assemble(text, reading, near))
            elif isinstance(event, Delta):
                text += event.text
                live.update(Text(text))
            elif isinstance(event, Done):
                live.update(Text(event.answer.marked))
                return event.answer
    raise RagError("The answer was not finished. Ask again.")


def _print_citations(citations: tuple[Citation, ...]) -> None:
    for c in citations:
        _print_quote(c, f"[{c.mark}] {_place(c.document, c.label)}")


def _print_others(citations: tuple[Citation, ...], what: str) -> None:
    """Those that nothing in the answer points to, under what they are."""
    if citations:
        out.print()
        out.print(Text(what, style="yellow"))
    for c in citations:
        _print_quote(c, _place(c.document, c.label))


def _print_quote(citation: Citation, where: str) -> None:
    out.print()
    out.print(Text(where, style="bold"))
    out.print(Text("    “" + " ".join(citation.quote.split()) + "”"))


def _print_withheld(text: str, *, shown: bool) -> None:
    if not shown:
        err.print(
            "What the model wrote is withheld: the documents do not bear it out. See --anyway."
        )
        return
    err.print(WITHHELD, style="yellow")
    out.print(Text("\n".join(f"    {line}" for line in text.splitlines()), style="dim"))


def _place(document: str, label: str) -> str:
    return f"{document}, {label}"


def answer_json(
    answer: Answer, within: Filter = EVERYTHING, *, sure: bool | None = None
) -> dict[str, Any]:
    """The object that `ask --json` prints. sure: of `rag.refusal.is_sure`."""
    return {
        "question": answer.question,
        "filter": filter_json(within),
        "text": answer.text,
        "marked": answer.marked,
        "sentences": [asdict(sentence) for sentence in answer.sentences],
        "citations": [_citation_json(citation) for citation in answer.citations],
        "nearest": [_citation_json(citation) for citation in answer.nearest],
        "conflicts": [_citation_json(citation) for citation in answer.conflicts],
        "qualifiers": [_citation_json(citation) for citation in answer.qualifiers],
        "hits": [hit_json(hit) for hit in answer.hits],
        "stop": answer.stop,
        "confidence": answer.confidence,
        "sure": sure,
        "withheld": answer.withheld,
        "maker": answer.maker,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "retrieve_s": answer.retrieve_s,
        "first_token_s": answer.first_token_s,
        "total_s": answer.total_s,
    }


def filter_json(within: Filter) -> dict[str, Any]:
    """What was looked in: empty lists and null leave out nothing. documents: ids. Days as
    "2024-03-01"."""
    return {
        name: str(value) if isinstance(value, date) else value
        for name, value in asdict(within).items()
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "document": citation.document,
        "doc_id": citation.span.doc_id,
        "page": citation.span.page,
        "label": citation.label,
        "start": citation.span.start,
        "end": citation.span.end,
        "quote": citation.quote,
        "boxes": [[b.x0, b.y0, b.x1, b.y1] for b in citation.boxes],
        "supported": citation.supported,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """One object of `search --json` and of the hits in `ask --json`."""
    return {
        "rank": hit.rank,
        "score": hit.score,
        "origin": hit.origin,
        "document": hit.document,
        "doc_id": hit.chunk.doc_id,
        "page": hit.page,
        "label": hit.label,
        "heading": list(hit.chunk.heading),
        "spans": [[s.page, s.start, s.end] for s in hit.chunk.spans],
        "text": hit.chunk.text,
    }


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def main() -> None:
    """The program. What it writes is for its user's eyes only."""
    os.umask(0o077)
    logs.keep_messages_out()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    cli(prog_name="strongroom")
