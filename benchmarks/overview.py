"""How fast Strongroom is on this machine: prints a table and one line of JSON.

Works in a library of its own in the temporary folder and removes it afterwards. Everything is
measured in this process, with the settings that `strongroom` would use, except the start of the
page, which is a process of its own. benchmarks/README.md says what each figure means.
"""

import argparse
import gc
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import machine
import page
import plain

from rag import __version__, models, pdf, prompt, seal, settings, threads
from rag.errors import RagError
from rag.ingest import BATCH
from rag.settings import ROOT, Settings
from rag.types import (
    Answer,
    Chunk,
    Document,
    DocumentRecord,
    Done,
    Generator,
    Progress,
    Prompt,
    ReadLimits,
)

if TYPE_CHECKING:
    from rag.library import Library

T = TypeVar("T")

REPEATS = 3
PAIRS = 5
QUERIES, WARM_UP_QUERIES = 20, 3
WRITTEN_TOKENS = 96
RETELL = "Retell everything that the passages say, sentence by sentence, leaving nothing out."

LABELS = {
    "pages": ("Pages", ""),
    "chunks": ("Chunks", ""),
    "searchable_s": ("Added to searchable", "s"),
    "embedded_s": ("Added to embedded", "s"),
    "extract_pages_per_s": ("Extraction", "pages/s"),
    "readers_pages_per_s": ("Extraction by all readers", "pages/s"),
    "embed_chunks_per_s": ("Embedding", "chunks/s"),
    "embed_ratio": ("Embedding, against the plain library", "times"),
    "retrieve_ms": ("Retrieval", "ms"),
    "model_load_s": ("Loading the language model", "s"),
    "prompt_tokens": ("Length of a prompt", "tokens"),
    "first_token_s": ("First token", "s"),
    "answer_s": ("Whole answer", "s"),
    "prompt_tokens_per_s": ("Reading a prompt", "tokens/s"),
    "generation_tokens_per_s": ("Generation", "tokens/s"),
    "others_percent": ("Processor taken by other programs", "%"),
    "peak_memory_mb": ("Peak memory of all this", "MB"),
    "serve_s": ("`serve` to a page that takes input", "s"),
    "serve_peak_memory_mb": ("Peak memory of `serve`", "MB"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """value: None where it could not be measured; `how` then says why."""

    key: str
    value: float | None
    how: str = ""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Seconds since the files were handed over. loading_s: the part of embedded_s that went into
    importing torch and loading the embedder."""

    searchable_s: float
    loading_s: float
    embedded_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Tokens a second of reading a prompt of which nothing was cached, and of writing after it;
    written is None when the model stopped at its first token."""

    prompt_tokens: int
    read: float
    written: float | None


def main() -> int:
    options = _options()
    # Before the first import of a library that reads its switch.
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    try:
        with TemporaryDirectory(prefix="strongroom-speed-") as folder:
            chosen = _settings(Path(folder, "library"), options.model)
            pdfs = options.pdf or [_sample(Path(folder))]
            measure = _only_reading if options.reading else _figures
            figures = [_told(figure) for figure in measure(chosen, pdfs)]
    except (RagError, OSError) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 1
    about = {
        "version": __version__,
        "machine": machine.name(),
        "model": Path(chosen.model).stem if chosen.model.endswith(".gguf") else chosen.model,
        "embedder": chosen.embedder,
        "documents": ", ".join(path.name for path in pdfs),
    }
    if not options.json_only:
        _print_table(about, figures)
    print(json.dumps({**about, **{figure.key: figure.value for figure in figures}}))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast Strongroom is on this machine.")
    parser.add_argument(
        "--pdf",
        type=Path,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="documents to measure with; by default one of 60 pages, made for it",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="of the catalogue, or a GGUF file")
    parser.add_argument(
        "--reading", action="store_true", help="measure only reading, of many files for example"
    )
    parser.add_argument("--json-only", action="store_true", help="print no table")
    return parser.parse_args()


def _settings(library: Path, model: str | None) -> Settings:
    path = ROOT / "strongroom.toml"
    chosen = settings.load(os.environ, path if path.is_file() else None)
    if model and Path(model).is_file():
        model = str(Path(model).absolute())  # `serve` is started in another folder
    return replace(chosen, library=library, model=model or chosen.model)


def _sample(folder: Path) -> Path:
    try:
        import sample
    except ImportError as error:
        raise RagError(
            f"{error}. The sample document is made with reportlab: run `make setup-test`, "
            "or name documents of your own with --pdf."
        ) from error
    path = folder / "sample.pdf"
    sample.write(path)
    return path


# --- All figures, in the order in which they are measured ----------------------------------------


def _figures(chosen: Settings, pdfs: Sequence[Path]) -> Iterator[Figure]:
    before = machine.clock()
    yield from _in_process(chosen, pdfs)
    others = machine.others_share(before, machine.clock())
    how = "meanwhile; where it is not near 0, this machine can do better"
    yield Figure("others_percent", None if others is None else others * 100, how)
    yield Figure("peak_memory_mb", machine.peak_mb(os.getpid()), "this process, all of the above")
    gc.collect()  # frees the language model: the page is measured beside an idle process
    yield from _page(chosen)


def _only_reading(chosen: Settings, pdfs: Sequence[Path]) -> Iterator[Figure]:
    from rag.library import open_library

    chosen = replace(chosen, ocr="never")
    with closing(open_library(chosen, command="benchmark")) as library:
        library.ingest.pause()
        before = machine.clock()
        started = time.perf_counter()
        for _ in library.ingest.take_in(pdfs):
            pass
        yield Figure("searchable_s", time.perf_counter() - started, f"once, {len(pdfs)} files")
        yield from _files_read(library)[1]
        others = machine.others_share(before, machine.clock())
        yield Figure("others_percent", None if others is None else others * 100, "meanwhile")


def _in_process(chosen: Settings, pdfs: Sequence[Path]) -> Iterator[Figure]:
    from rag.library import open_library

    earlier = [_searchable_s(chosen, pdfs, n) for n in range(REPEATS - 1)]
    with closing(open_library(chosen, command="benchmark")) as library:
        taken = _take_in(library, pdfs)
        all_s = [*earlier, taken.searchable_s]
        yield Figure("searchable_s", median(all_s), f"{_of(REPEATS)}; the first {all_s[0]:.2f}")
        how = f"once; {taken.loading_s:.1f} of it loading the embedder"
        yield Figure("embedded_s", taken.embedded_s, how)
        yield from _parts(library)


def _files_read(library: "Library") -> tuple[list[Document], list[Figure]]:
    documents, extract_s = _timed(lambda: _extracted(library))
    n_pages = sum(len(document.pages) for document in documents)
    _, readers_s = _timed(lambda: _read_by_all(library))
    how = f"{_of(REPEATS)}, {library.readers.n} processes, {len(documents)} documents"
    return documents, [
        Figure("pages", n_pages),
        Figure("extract_pages_per_s", n_pages / extract_s, f"{_of(REPEATS)}, warm"),
        Figure("readers_pages_per_s", n_pages / readers_s, how),
    ]


def _parts(library: "Library") -> Iterator[Figure]:
    documents, figures = _files_read(library)
    yield from figures
    chunks = [c for d in documents for c in library.readers.chunk(d)]
    yield Figure("chunks", len(chunks))
    yield from _embedding(library, chunks)

    n_questions = WARM_UP_QUERIES + QUERIES + 2 * REPEATS
    questions = iter([_question(c) for c in _spread(chunks, n_questions)])
    yield _retrieval(library, questions)
    yield from _answering(library, questions)


# --- From a file to vectors ----------------------------------------------------------------------


def _searchable_s(chosen: Settings, pdfs: Sequence[Path], n: int) -> float:
    from rag.library import open_library

    folder = chosen.library.with_name(f"library-{n}")
    with closing(open_library(replace(chosen, library=folder), command="benchmark")) as library:
        started = time.perf_counter()
        _until_searchable(library.ingest.take_in(pdfs), len(pdfs))
        return time.perf_counter() - started


def _take_in(library: "Library", pdfs: Sequence[Path]) -> TakenIn:
    started = time.perf_counter()
    steps = library.ingest.take_in(pdfs)
    _until_searchable(steps, len(pdfs))
    searchable_s = time.perf_counter() - started
    library.embedder()
    loaded_s = time.perf_counter() - started
    for _ in steps:
        pass
    return TakenIn(searchable_s, loaded_s - searchable_s, time.perf_counter() - started)


def _until_searchable(steps: Iterator[Progress], n_files: int) -> None:
    """Take the steps up to the one that makes the last file searchable. Raises RagError."""
    n_done = 0
    while n_done < n_files:
        step = next(steps)
        if step.step == "failed":
            raise RagError(step.message)
        n_done += step.step == "searchable" or step.unchanged


def _extracted(library: "Library") -> list[Document]:
    return [
        pdf.read(
            library.ingest.originals / record.id,
            doc_id=record.id,
            name=record.name,
            limits=ReadLimits(pages=library.settings.max_pages),
        )
        for record in _read_before(library)
    ]


def _read_before(library: "Library") -> list[DocumentRecord]:
    return [record for record in library.catalog.documents() if record.state != "failed"]


def _read_by_all(library: "Library") -> None:
    """As ingest reads: files side by side, each in a process of its own."""

    def read(record: DocumentRecord) -> Document:
        return library.readers.read(
            library.ingest.originals / record.id, doc_id=record.id, name=record.name
        )

    with ThreadPoolExecutor(library.readers.n) as pool:
        list(pool.map(read, _read_before(library)))


def _embedding(library: "Library", chunks: Sequence[Chunk]) -> Iterator[Figure]:
    embed = library.embedder().embed
    some = _spread(chunks, BATCH)
    _, embed_s = _timed(lambda: embed([c.embedded_text for c in some]))
    how = f"{_of(REPEATS)}, warm; {len(some)} chunks of {_mean_tokens(some):.0f} tokens"
    yield Figure("embed_chunks_per_s", len(some) / embed_s, how)

    texts = [c.embedded_text for c in _spread(chunks, 2 * BATCH)]
    with plain.encoding(_embedder_folder(library.settings), texts) as plainly:
        ratios = [plainly() / _seconds(lambda: embed(texts)) for _ in range(PAIRS)]
    how = f"{_of(PAIRS)} pairs of {len(texts)} chunks, from {min(ratios):.2f} to {max(ratios):.2f}"
    yield Figure("embed_ratio", median(ratios), how)


def _embedder_folder(chosen: Settings) -> Path:
    return models.path_of(models.find(models.load_catalog(), chosen.embedder), chosen.models)


def _mean_tokens(chunks: Sequence[Chunk]) -> float:
    return sum(c.n_tokens for c in chunks) / len(chunks)


# --- From a question to an answer ----------------------------------------------------------------


def _question(source: Chunk) -> str:
    """A question about something in the middle of a chunk."""
    words = re.findall(r"[^\W\d_][\w’'-]+", source.text)
    start = max(0, len(words) // 2 - 4)
    return f"What does it say about {' '.join(words[start : start + 8])}?"


def _retrieval(library: "Library", questions: Iterator[str]) -> Figure:
    for _ in range(WARM_UP_QUERIES):
        library.search(next(questions))
    all_ms = []
    for _ in range(QUERIES):
        started = time.perf_counter()
        library.search(next(questions))
        all_ms.append((time.perf_counter() - started) * 1000)
    return Figure("retrieve_ms", median(all_ms), f"{_of(QUERIES)}, warm; at most {max(all_ms):.0f}")


def _answering(library: "Library", questions: Iterator[str]) -> Iterator[Figure]:
    started = time.perf_counter()
    model = library.generator()
    how = "once; the file may be in the system's cache"
    yield Figure("model_load_s", time.perf_counter() - started, how)

    answers = [_answer(library, next(questions)) for _ in range(REPEATS)]
    firsts = [a.first_token_s for a in answers if a.first_token_s is not None]
    yield Figure("prompt_tokens", median(a.prompt_tokens for a in answers), _of(REPEATS))
    how = f"{_of(len(firsts))}, retrieval included"
    if firsts:
        yield Figure("first_token_s", median(firsts), f"{how}; the first {firsts[0]:.1f}")
    else:
        yield Figure("first_token_s", None, "the model wrote nothing")
    n_written = median(a.output_tokens for a in answers)
    how = f"{_of(REPEATS)}; {n_written:.0f} tokens written"
    yield Figure("answer_s", median(a.total_s for a in answers), how)

    readings = [_reading(model, _retelling(library, next(questions), n)) for n in range(REPEATS)]
    n_tokens = median(r.prompt_tokens for r in readings)
    how = f"{_of(REPEATS)}, nothing cached; {n_tokens:.0f} tokens"
    yield Figure("prompt_tokens_per_s", median(r.read for r in readings), how)
    rates = [r.written for r in readings if r.written is not None]
    how = f"{_of(len(rates))}, behind that prompt" if rates else "the model wrote nothing"
    yield Figure("generation_tokens_per_s", median(rates) if rates else None, how)


def _answer(library: "Library", question: str) -> Answer:
    for event in library.ask(question):
        if isinstance(event, Done):
            return event.answer
    raise RagError("The answer was not finished. Run the benchmark again.")


def _retelling(library: "Library", question: str, n: int) -> Prompt:
    """The prompt of a question, made to give a long answer. n: makes its start unlike any other's,
    so that the model finds nothing of it in its cache."""
    model, chosen = library.generator(), library.settings
    built, _ = prompt.build(
        question,
        library.search(question),
        count_tokens=model.count_tokens,
        budget=min(chosen.prompt_tokens, model.n_context - chosen.answer_tokens),
    )
    return replace(built, instructions=f"{n}. {RETELL}\n", question=RETELL)


def _reading(model: Generator, built: Prompt) -> Reading:
    started = time.perf_counter()
    moments = []
    for piece in model.generate(built, max_tokens=WRITTEN_TOKENS):
        moments += [time.perf_counter()] * piece.n_tokens
    n_tokens = model.prompt_tokens(built)
    if not moments:
        return Reading(n_tokens, n_tokens / (time.perf_counter() - started), None)
    read = n_tokens / (moments[0] - started)
    write_s = moments[-1] - moments[0]
    return Reading(n_tokens, read, (len(moments) - 1) / write_s if write_s else None)


# --- The page ------------------------------------------------------------------------------------


def _page(chosen: Settings) -> Iterator[Figure]:
    arguments = ["--library", str(chosen.library), "--model", chosen.model]
    arguments += ["--port", str(chosen.port)]
    try:
        starts = [page.start(arguments, with_memory=n == REPEATS - 1) for n in range(REPEATS)]
    except page.NoPage as error:
        yield Figure("serve_s", None, str(error))
        yield Figure("serve_peak_memory_mb", None, "no page was opened")
        return
    all_s = [start.ready_s for start in starts]
    how = f"{_of(REPEATS)} starts; the first {all_s[0]:.1f}; new browser profile"
    yield Figure("serve_s", median(all_s), how)
    peak = starts[-1].peak_mb
    how = "with its models loaded, not asked yet" if peak else "not told by this system"
    yield Figure("serve_peak_memory_mb", peak, how)


# --- Small parts ---------------------------------------------------------------------------------


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the median of its seconds."""
    all_s = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        result = work()
        all_s.append(time.perf_counter() - started)
    return result, median(all_s)


def _spread(items: Sequence[T], n: int) -> list[T]:
    """n items at even distances; some more than once where there are fewer."""
    return [items[i * len(items) // n] for i in range(n)]


def _of(n: int) -> str:
    return f"median of {n}"


def _told(figure: Figure) -> Figure:
    """The figure in three digits, mentioned on stderr: measuring takes minutes."""
    digits = 0 if figure.value is None or figure.value >= 100 else 1 if figure.value >= 10 else 2
    value = None if figure.value is None else round(figure.value, digits or None)
    figure = replace(figure, value=value)
    print(f"  {LABELS[figure.key][0]}: {_shown(figure)}", file=sys.stderr, flush=True)
    return figure


def _shown(figure: Figure) -> str:
    unit = LABELS[figure.key][1]
    return "not measured" if figure.value is None else f"{figure.value:,} {unit}".rstrip()


def _print_table(about: dict[str, str], figures: Sequence[Figure]) -> None:
    for key, value in about.items():
        print(f"{key.replace('_', ' '):<12} {value}")
    print()
    for figure in figures:
        print(f"{LABELS[figure.key][0]:<36}{_shown(figure):>18}   {figure.how}".rstrip())
    print()


if __name__ == "__main__":
    sys.exit(main())
