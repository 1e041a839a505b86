"""How a library behaves as it grows to 200,000 passages: a table, then one line of JSON.

Made-up documents with made-up vectors go through the real catalogue, ingestion and Chroma; the
question alone is embedded by the real model. Each size is measured in a process of its own, just
started. Exits with 1 under --check when a floor is missed. benchmarks/README.md says what each
figure means.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import machine
import made
import numpy as np

from rag import __version__, seal, settings, threads
from rag.arrays import FloatArray
from rag.errors import RagError
from rag.settings import Settings
from rag.types import Filter

if TYPE_CHECKING:
    from rag.ingest import Ingest
    from rag.library import Library

T = TypeVar("T")

SIZES = (1_000, 10_000, 100_000, 200_000)
TOGETHER = 20
"""Documents taken in at once while a library is made."""
QUESTIONS, WARM_UP = 60, 5
ADDED, ADDED_PAGES = 5, 40
FIRST_ADDED = 90_000
"""Number of the first document that is added to measure it; a library has fewer."""
PARTS = {"tenth": 10, "half": 2}
"""Collections of each second and each tenth document."""
MAX_MS = 50.0
MAX_START_RATIO = MAX_ADD_RATIO = 1.5
"""Of the largest library, against the smallest of 10,000 or more."""

LABELS = {
    "chunks": "Passages",
    "documents": "Documents",
    "open_s": "Opening, s",
    "start_s": "  to the end of the first search, s",
    "memory_mb": "Memory then, MB",
    "embed_ms": "Embedding a question, ms",
    "search_ms": "Search, median, ms",
    "search_p95_ms": "  95th of 100, ms",
    "search_cpu_ms": "  processor time, median, ms",
    "document_ms": "In one document, median, ms",
    "document_p95_ms": "  95th of 100, ms",
    "document_cpu_ms": "  processor time, median, ms",
    "tenth_ms": "In a tenth of all, median, ms",
    "tenth_p95_ms": "  95th of 100, ms",
    "tenth_cpu_ms": "  processor time, median, ms",
    "half_ms": "In half of all, median, ms",
    "half_p95_ms": "  95th of 100, ms",
    "half_cpu_ms": "  processor time, median, ms",
    "searchable_s": "Adding 40 passages, to searchable, s",
    "embedded_s": "  to embedded, s",
    "remove_s": "Removing them, s",
    "erase_s": "Erasing traces, s",
    "poll_ms": "What the Documents page asks each second, ms",
    "searched_mb": "Memory after all searches, no models, MB",
    "disk_mb": "On disk, MB",
    "others_percent": "Processor taken by other programs, %",
}


def main() -> int:
    options = _options()
    # Before the first import of a library that reads its switch.
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    try:
        if options.step:
            chosen = replace(settings.load(os.environ), library=options.library)
            steps = {"grow": grow, "measure": measure}
            print(json.dumps(steps[options.step](chosen, options.size)))
            return 0
        with TemporaryDirectory(prefix="strongroom-scale-") as folder:
            library = options.library or Path(folder, "library")
            rows = [_row(library, size) for size in sorted(options.sizes)]
    except (RagError, OSError) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    missed = list(_missed(rows))
    if not options.json:
        _print_table(rows)
    about = {"version": __version__, "machine": machine.name()}
    print(json.dumps({**about, "sizes": rows, "missed": missed}))
    return int(options.check and bool(missed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how a library behaves as it grows.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="PASSAGES")
    parser.add_argument(
        "--library", type=Path, metavar="DIR", help="Keep the library here and go on with it."
    )
    parser.add_argument("--json", action="store_true", help="Print only the line of JSON.")
    parser.add_argument("--check", action="store_true", help="Exit with 1 when a floor is missed.")
    parser.add_argument("--step", choices=["grow", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _row(library: Path, size: int) -> dict[str, Any]:
    print(f"{size:,} passages: making the library", file=sys.stderr, flush=True)
    _child("grow", library, size)
    print(f"{size:,} passages: measuring", file=sys.stderr, flush=True)
    return _child("measure", library, size)


def _child(step: str, library: Path, size: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--step", step, "--size", str(size)]
    done = subprocess.run(
        [*command, "--library", str(library)], stdout=subprocess.PIPE, check=False, text=True
    )
    if done.returncode:
        raise RagError(f"{step} at {size} ended with {done.returncode}; see above.")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


# -- in processes of their own ---------------------------------------------------------------------


def grow(chosen: Settings, size: int) -> dict[str, Any]:
    """Take documents in until the library has so many passages."""
    from rag.library import open_library

    n_pages = made.sizes(size)
    with closing(open_library(chosen, command="scale")) as library, TemporaryDirectory() as folder:
        ingest = _with_made(library)
        for start in range(len(library.catalog.document_ids()), len(n_pages), TOGETHER):
            numbers = range(start, min(start + TOGETHER, len(n_pages)))
            paths = [made.write(Path(folder), i, n_pages[i]) for i in numbers]
            for _ in ingest.take_in(paths):
                pass
            for path in paths:
                path.unlink()
        _collect(library)
    return {}


def _with_made(library: "Library") -> "Ingest":
    return replace(library.ingest, reader=made.MadeReader(), embedder=made.MadeEmbedder)


def _collect(library: "Library") -> None:
    records = sorted(library.catalog.documents(), key=lambda record: record.name)
    for name, every in PARTS.items():
        library.catalog.put_in(name, [record.id for record in records[::every]])


class Asking:
    """Embeds a question as the app does, and gives the vector that was made for it."""

    def __init__(self) -> None:
        self.vector = np.zeros(0, np.float32)
        self.real: Callable[[Sequence[str]], FloatArray] = lambda _texts: self.vector

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.real(texts)
        return self.vector.reshape(1, -1)


def measure(chosen: Settings, size: int) -> dict[str, Any]:
    from rag.library import Lazy, open_library

    before = machine.clock()
    questions = _questions(size)
    asking = Asking()
    start = time.perf_counter()
    with closing(open_library(chosen, command="scale")) as library:
        open_s = time.perf_counter() - start
        real = library.embedder
        library.embedder = Lazy(lambda: asking)
        _ask(library, asking, questions[0], Filter())
        figures: dict[str, Any] = {
            "chunks": library.ingest.vectors.count(),
            "documents": len(library.catalog.document_ids()),
            "open_s": open_s,
            "start_s": time.perf_counter() - start,
            "memory_mb": machine.resident_mb(),
        }
        filters = _filters(library)
        for within in filters.values():
            for question in questions:
                _ask(library, asking, question, within)
        figures["searched_mb"] = machine.resident_mb()
        asking.real = real().embed
        figures["embed_ms"] = 1000 * median(_timed(asking.embed, [q]) for q, _ in questions)
        for name, within in filters.items():
            figures |= _searches(library, asking, questions[WARM_UP:], name, within)
        figures |= _changes(library)
        figures["poll_ms"] = 1000 * median(_timed(_poll, library) for _ in range(5))
    figures["disk_mb"] = _size_mb(chosen.library)
    others = machine.others_share(before, machine.clock())
    figures["others_percent"] = None if others is None else 100 * others
    return figures


def _questions(size: int) -> list[tuple[str, FloatArray]]:
    """Each about one page: words of it, common and rare, and a vector near to its own."""
    n_pages = made.sizes(size)
    rng = np.random.default_rng(size)
    found = []
    for i in range(WARM_UP + QUESTIONS):
        number = int(rng.integers(len(n_pages)))
        page = int(rng.integers(n_pages[number])) + 1
        words = made.page_text(number, page).replace(".", "").split()
        some = " ".join(words[j] for j in rng.integers(0, len(words), 5))
        vector = made.vector_of(number, made.part_of(page, n_pages[number]), page)
        found.append((f"What did the company report about {some}?", made.near(vector, i)))
    return found


def _filters(library: "Library") -> dict[str, Filter]:
    largest = max(library.catalog.documents(), key=lambda record: record.n_chunks)
    return {
        "search": Filter(),
        "document": Filter(documents=(largest.id,)),
        **{name: Filter(collections=(name,)) for name in PARTS},
    }


def _ask(
    library: "Library", asking: Asking, question: tuple[str, FloatArray], within: Filter
) -> None:
    text, asking.vector = question
    if not library.search(text, within=within):
        raise RagError(f"Nothing was found for {text!r}.")


def _searches(
    library: "Library",
    asking: Asking,
    questions: Sequence[tuple[str, FloatArray]],
    name: str,
    within: Filter,
) -> dict[str, float]:
    wall, cpu = [], []
    for question in questions:
        start = machine.clock()
        _ask(library, asking, question, within)
        end = machine.clock()
        wall.append(1000 * (end.wall_s - start.wall_s))
        cpu.append(1000 * (end.own_s - start.own_s))
    return {
        f"{name}_ms": median(wall),
        f"{name}_p95_ms": quantiles(wall, n=20)[-1],
        f"{name}_cpu_ms": median(cpu),
    }


def _changes(library: "Library") -> dict[str, float]:
    """Adding documents one by one, and removing them."""
    ingest = _with_made(library)
    searchable, embedded = [], []
    with TemporaryDirectory() as folder:
        for i in range(ADDED):
            path = made.write(Path(folder), FIRST_ADDED + i, ADDED_PAGES)
            steps = dict(_steps(ingest, path))
            searchable.append(steps["searchable"])
            embedded.append(steps["embedded"])
    ids = [r.id for r in library.catalog.documents() if r.name > f"document {FIRST_ADDED}"]
    removed = [_timed(ingest.remove, [i], leave_traces=True) for i in ids]
    return {
        "searchable_s": median(searchable),
        "embedded_s": median(embedded),
        "remove_s": median(removed),
        "erase_s": _timed(ingest.erase_traces),
    }


def _steps(ingest: "Ingest", path: Path) -> Iterator[tuple[str, float]]:
    start = time.perf_counter()
    for progress in ingest.take_in([path]):
        yield progress.step, time.perf_counter() - start


def _poll(library: "Library") -> None:
    library.catalog.documents()
    library.catalog.work()
    library.catalog.sources()


def _timed(call: Callable[..., object], *arguments: Any, **named: Any) -> float:
    start = time.perf_counter()
    call(*arguments, **named)
    return time.perf_counter() - start


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


# -- what came out ---------------------------------------------------------------------------------


def _missed(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        for key in ("search_ms", "document_ms", *(f"{name}_ms" for name in PARTS)):
            if row[key] > MAX_MS:
                yield f"{LABELS[key].strip()} at {row['chunks']:,}: {row[key]:.0f} > {MAX_MS:.0f}"
    large = [row for row in rows if row["chunks"] >= 10_000]
    for key, most in (("open_s", MAX_START_RATIO), ("embedded_s", MAX_ADD_RATIO)):
        if len(large) > 1 and large[-1][key] > most * large[0][key]:
            yield f"{LABELS[key].strip()}: {large[0][key]:.2f} to {large[-1][key]:.2f}"


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    for key, label in LABELS.items():
        cells = "".join(f"{_shown(row[key]):>11}" for row in rows)
        print(f"{label:46}{cells}")
    print()


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
