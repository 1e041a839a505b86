"""What reading ahead and guessing ahead are worth: every question by the plain and the fast paths.

The contexts of a file of questions are taken in, one document for each title, and prepared. Then
each question is answered in turn

- plain: nothing is kept and nothing guessed, and all passages found are read, as a plain library
  does it;
- cold: nothing is prepared, but the instructions are still there from the question before, and
  passages far behind the best are left out, as on the paths that follow;
- half: every other passage is prepared;
- prepared: all are;
- again: another question to the same passages.

One run after another in one process, the order turned round from question to question. Prints a
table, then JSON. Exits with 1 under --check when a floor is missed.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import evaluation
import machine
import matching
from evaluation import Question

from rag import prompt, seal, settings, threads
from rag.types import Answer, Delta, Done, Hit, Prompt

if TYPE_CHECKING:
    from rag.library import Library

PATHS = ("plain", "cold", "half", "prepared", "again")
AGAIN = "In one sentence: {}"
QUOTED = 5
"""Words in a row that an answer shares with a passage when it quotes."""
SOONER, F1_LOST, COLD, QUOTING, OTHERS = 10.0, 0.01, 0.8, 1.2, 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """One question on one path. first_s: from the question to the first word, retrieval included.
    rate: tokens a second behind it; None for fewer than two. first_cpu_s, cpu_rate: the same in
    seconds of processor time, which other programs change less."""

    id: str
    dataset: str
    path: str
    n_prompt: int
    n_written: int
    first_s: float | None
    rate: float | None
    first_cpu_s: float | None
    cpu_rate: float | None
    total_s: float
    f1: float | None
    quotes: bool
    text: str


def main() -> int:
    options = _options()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    seal.seal()
    before = machine.clock()
    runs = _kept(options.keep)
    with TemporaryDirectory(prefix="strongroom-cells-") as temporary:
        folder = options.library or Path(temporary)
        for path in options.questions:
            runs += _ask_all(path, folder / path.stem, runs, options)
    return _report(runs, machine.others_share(before, machine.clock()), check=options.check)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure reading and guessing ahead.")
    parser.add_argument("--questions", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--titles", type=int, metavar="N", help="of each file, the first ones: one document each"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="questions of each file, from all of these titles"
    )
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=PATHS)
    parser.add_argument(
        "--minutes", type=float, default=600.0, help="begin no question after these (default: 600)"
    )
    parser.add_argument(
        "--library", type=Path, metavar="DIR", help="keep the libraries here, prepared as they are"
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="of the catalogue, or a GGUF file")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="add each run here as a line of JSON; those that it holds are not done again",
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    return parser.parse_args()


def _kept(path: Path | None) -> list[Run]:
    if path is None or not path.exists():
        return []
    return [Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


# -- asking ----------------------------------------------------------------------------------------


def _ask_all(
    path: Path, folder: Path, known: Sequence[Run], options: argparse.Namespace
) -> Iterator[Run]:
    ends = time.monotonic() + 60 * options.minutes
    done = {(run.dataset, run.id, run.path) for run in known}
    questions = choose(evaluation.read(path), titles=options.titles, limit=options.limit)
    asked = {q.title for q in questions}
    contexts = [q for q in evaluation.read(path) if q.title in asked]
    with closing(_open(folder, contexts, options.model)) as library:
        for n, question in enumerate(questions):
            left = [p for p in options.paths if (question.dataset, question.id, p) not in done]
            hits = library.search(question.text) if left else ()
            alike = tuple(replace(hit, score=1.0) for hit in hits)
            if left and not _prepare(library, hits, ends):
                return
            for name in in_turn(left, n):
                print(f"\r{path.name}: {n + 1} of {len(questions)}, {name:<10}", end="",
                      file=sys.stderr, flush=True)  # fmt: skip
                run = _run(library, question, alike if name == "plain" else hits, name)
                if options.keep:
                    with options.keep.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(run)) + "\n")
                yield run
    print(file=sys.stderr)


def choose(
    questions: Sequence[Question], *, titles: int | None, limit: int | None
) -> list[Question]:
    """Answerable ones of the first titles: one of each, then another of each, up to the limit."""
    groups: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if question.answerable:
            groups[question.title].append(question)
    columns = zip_longest(*list(groups.values())[:titles])
    return [q for column in columns for q in column if q is not None][:limit]


def in_turn(paths: Sequence[str], n: int) -> list[str]:
    """The paths of the n-th question: every other time the other way round, but for the question
    that comes after another to the same passages."""
    turned = list(paths[:: 1 if n % 2 else -1])
    return sorted(turned, key=lambda path: path == "again")


def _open(folder: Path, questions: Sequence[Question], model: str | None) -> "Library":
    from rag.library import open_library

    chosen = settings.load(os.environ)
    chosen = replace(chosen, library=folder, model=model or chosen.model, cells_gb=100)
    folder.parent.mkdir(parents=True, exist_ok=True)
    library = open_library(chosen, command="benchmark")
    texts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for question in questions:
        texts[question.title][question.context] = None
    with TemporaryDirectory(prefix="strongroom-contexts-") as temporary:
        paths = []
        for number, (title, contexts) in enumerate(texts.items(), start=1):
            paths.append(Path(temporary, f"{title.replace('/', ' ')[:60]} {number:03}.txt"))
            paths[-1].write_text("\n\n".join(contexts), encoding="utf-8")
        for _ in library.ingest.take_in(paths):
            pass
    return library


def _prepare(library: "Library", hits: Sequence[Hit], ends: float) -> bool:
    """Prepare the documents of the hits as the app does. False when the time is over."""
    from rag import prepare  # numpy starts threads, and networking is off by now

    ordered = list(dict.fromkeys(hit.chunk.doc_id for hit in hits))
    preparing = prepare.Preparing(
        library.catalog, library.cells, generator=library.generator,
        busy=lambda: time.monotonic() > ends,
    )  # fmt: skip
    for doc_id in ordered:
        for _ in preparing.document(doc_id):
            if time.monotonic() > ends:
                return False
    return time.monotonic() < ends


def _run(library: "Library", question: Question, hits: tuple[Hit, ...], path: str) -> Run:
    generator = library.generator()
    generator.guesses = path != "plain"  # type: ignore[attr-defined]
    if path != "again":
        head = "" if path == "plain" else prompt.INSTRUCTIONS
        list(generator.generate(Prompt(head, (), "?"), max_tokens=1))
    text = AGAIN.format(question.text) if path == "again" else question.text
    moments: list[tuple[float, float]] = []
    finished: Answer | None = None
    started, cpu_started = time.perf_counter(), time.process_time()
    for event in _events(library, text, hits, path):
        if isinstance(event, Delta):
            moments.append((time.perf_counter() - started, time.process_time() - cpu_started))
        elif isinstance(event, Done):
            finished = event.answer
    assert finished is not None
    shown = "" if finished.stop == "no_evidence" else finished.text
    first, last = (moments[0], moments[-1]) if moments else ((0.0, 0.0), (0.0, 0.0))
    n_behind = finished.output_tokens - 1
    return Run(
        id=question.id,
        dataset=question.dataset,
        path=path,
        n_prompt=finished.prompt_tokens,
        n_written=finished.output_tokens,
        first_s=first[0] or None,
        rate=n_behind / (last[0] - first[0]) if last[0] > first[0] else None,
        first_cpu_s=first[1] or None,
        cpu_rate=n_behind / (last[1] - first[1]) if last[1] > first[1] else None,
        total_s=finished.total_s,
        f1=None if path == "again" else matching.f1(shown, question.answers),
        quotes=_quotes(finished.withheld or finished.text, hits),
        text=finished.withheld or finished.text,
    )


def _events(
    library: "Library", question: str, hits: tuple[Hit, ...], path: str
) -> Iterator[object]:
    from rag import answer, prepare

    def cells(stamp: str, used: Sequence[Hit]) -> tuple[str, ...]:
        names = prepare.names(library.catalog, stamp, used)
        if path in ("plain", "cold"):
            return ()
        return tuple("" if path == "half" and i % 2 else name for i, name in enumerate(names))

    def retrieve(text: str) -> tuple[Hit, ...]:
        library.search(text)  # for its time; the passages are the same on every path
        return hits

    return answer.ask(
        question,
        retrieve=retrieve,
        generator=library.generator,
        page_text=library.pages.text,
        label=library.pages.label,
        boxes=library.pages.boxes,
        limits=answer.Limits(library.settings.prompt_tokens, library.settings.answer_tokens),
        cells=cells,
        rule=library.rule,
    )


def _quotes(text: str, hits: Sequence[Hit]) -> bool:
    words = matching.squad_words(text)
    passages = [f" {' '.join(matching.squad_words(hit.chunk.reading))} " for hit in hits]
    return any(
        f" {' '.join(words[i : i + QUOTED])} " in passage
        for i in range(len(words) - QUOTED + 1)
        for passage in passages
    )


# -- figures ---------------------------------------------------------------------------------------


def _report(runs: Sequence[Run], others: float | None, *, check: bool) -> int:
    by_path = {path: {r.id: r for r in runs if r.path == path} for path in PATHS}
    print(machine.name())
    print(f"processor taken by other programs: {_percent(others)}\n")
    for path, group in by_path.items():
        if group:
            _print_path(path, group, by_path["plain"])
    missed = misses(by_path)
    for miss in missed:
        print(f"floor missed: {miss}", file=sys.stderr)
    print(json.dumps({"missed": missed, **{path: len(group) for path, group in by_path.items()}}))
    return int(check and bool(missed))


def _print_path(path: str, group: dict[str, Run], plain: dict[str, Run]) -> None:
    runs = group.values()
    f1, plain_f1 = f1s(group, plain)
    n_quoting = sum(run.quotes for run in runs)
    n_same = sum(run.text == plain[i].text for i, run in group.items() if i in plain)
    rows = {
        "first word, s": _spread(_known(r.first_s for r in runs), 1),
        "  of plain": _spread(ratios(group, plain, _first), 2),
        "  processor time, of plain": _spread(ratios(group, plain, lambda r: r.first_cpu_s), 2),
        "written tokens/s": _spread(_known(r.rate for r in runs), 1),
        f"  of plain, {n_quoting} that quote": _spread(
            ratios(group, plain, _rate, lambda r: r.quotes), 2
        ),
        "  of plain, others": _spread(ratios(group, plain, _rate, lambda r: not r.quotes), 2),
        "  per processor time, of plain": _spread(ratios(group, plain, lambda r: r.cpu_rate), 2),
        "total, s": _spread([r.total_s for r in runs], 1),
        "F1, and plain": f"{_score(f1)}, {_score(plain_f1)}",
        "the same text as plain": str(n_same),
    }
    print(f"{path}: {len(group)} questions")
    for name, value in rows.items():
        print(f"  {name:<32}{value}")
    print()


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _first(run: Run) -> float | None:
    return run.first_s


def _rate(run: Run) -> float | None:
    return run.rate


def ratios(
    group: dict[str, Run],
    plain: dict[str, Run],
    figure: Callable[[Run], float | None],
    keep: Callable[[Run], bool] = lambda _: True,
) -> list[float]:
    """The figure of each question's run over that of its plain run."""
    pairs = [
        (figure(run), figure(plain[i])) for i, run in group.items() if i in plain and keep(run)
    ]
    return [a / b for a, b in pairs if a is not None and b]


def f1s(group: dict[str, Run], plain: dict[str, Run]) -> tuple[float | None, float | None]:
    """The mean of these runs and that of the plain runs of the same questions."""
    pairs = [(run.f1, plain[i].f1) for i, run in group.items() if i in plain and run.f1 is not None]
    if not pairs:
        return None, None
    return tuple(sum(f1 or 0.0 for f1 in some) / len(some) for some in zip(*pairs, strict=True))  # type: ignore[return-value]


def misses(by_path: dict[str, dict[str, Run]]) -> list[str]:
    """The floors that are missed, in words."""
    plain, missed = by_path["plain"], []
    for path, most, lost in (("prepared", 1 / SOONER, F1_LOST), ("cold", COLD, 0.0)):
        found = ratios(by_path[path], plain, _first)
        f1, plain_f1 = f1s(by_path[path], plain)
        if not found or median(found) > most:
            missed.append(f"{path}: first word after {_spread(found, 2)} of the time of plain")
        if f1 is None or plain_f1 is None or f1 < plain_f1 - lost:
            missed.append(f"{path}: F1 {f1} against {plain_f1}")
    fast = by_path["prepared"]
    for what, keep, least in (
        ("that quote", lambda r: r.quotes, QUOTING),
        ("that do not quote", lambda r: not r.quotes, OTHERS),
    ):
        rates = ratios(fast, plain, _rate, keep)
        if rates and median(rates) < least:
            missed.append(f"answers {what} are written {median(rates):.2f} times as fast")
    return missed


def _spread(values: Sequence[float], digits: int) -> str:
    """The median, and the quartiles."""
    if not values:
        return "–"
    low, middle, high = quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _score(f1: float | None) -> str:
    return "–" if f1 is None else f"{f1:.3f}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"


if __name__ == "__main__":
    sys.exit(main())
