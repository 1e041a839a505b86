"""Whether work survives being killed: kills `strongroom add` again and again.

Each kill is SIGKILL to the whole process group, at a random moment of a phase of the work; the next
start goes on with the same library. When all is taken in, the library is compared with one that
was never disturbed: documents, pages, chunks, vectors, copies, and `strongroom check`. A kill that
comes when nothing is left to do does not count. Prints a table and one line of JSON; the exit code
is 1 unless every kill was survived. benchmarks/README.md says what each figure means.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import machine
import numpy as np

from rag import __version__
from rag.settings import ROOT

Phase = Literal["starting", "opening", "copying", "reading", "embedding", "writing", "healing"]

ORDER: tuple[Phase, ...] = (
    "writing", "healing", "healing", "reading", "copying", "embedding", "healing", "opening",
    "reading", "starting",
)  # fmt: skip
"""Healing comes after kills while Chroma was written or filled, for then there is most to heal, and
a kill while healing is the quickest to come."""
WHEN: dict[Phase, str] = {
    "starting": "before the library is locked",
    "opening": "while it is opened",
    "copying": "while files are copied in",
    "reading": "while files are read",
    "embedding": "while the embedder loads and embeds",
    "writing": "while Chroma writes",
    "healing": "while a start heals what the kill before left",
}
LOOK_S = 0.0005
LIMIT_S = 900
EMBED_S = 6.0
"""Longest wait once all files are read, so that kills come often."""
WRITE_S = 0.03
"""About as long as Chroma writes a batch."""

DUMPS = {
    "documents": "SELECT id, name, media_type, title, state, n_bytes, n_pages, n_chunks, "
    "n_embedded, unread, warnings, error, error_kind, kept FROM documents ORDER BY id",
    "pages": "SELECT * FROM pages ORDER BY doc_id, number",
    "chunks": "SELECT id, doc_id, ordinal, text, context, heading, spans, n_tokens, embedded, "
    "clean FROM chunks ORDER BY id",
    "words": "SELECT c.id, length(f.text) FROM chunks_fts f JOIN chunks c ON c.rowid = f.rowid "
    "ORDER BY c.id",
}
VECTORS = "SELECT id, vector FROM chunks JOIN vectors ON chunk = rowid"
LEFT = """SELECT (SELECT count(*) FROM documents WHERE state IN ('embedded', 'failed')),
    (SELECT count(*) FROM meta WHERE key = 'unsure' AND value = '1'),
    (SELECT total(n_embedded) FROM documents)"""


class Failed(Exception):
    """A start or a library that did not survive a kill."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """Times in seconds: until the lock is taken, the first file told of, the last one, the end.
    code: exit code; it is 1 where some files cannot be taken in."""

    library: Path
    n_files: int
    n_documents: int
    code: int
    lock_s: float
    first_s: float
    last_s: float
    end_s: float


@dataclass(slots=True)
class Result:
    """kills: by phase. libraries: finished and compared. healed: starts that said they healed."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    healed: int = 0
    late: int = 0
    libraries: int = 0
    same_vectors: int = 0
    vectors: int = 0
    lowest_cosine: float = 1.0
    problems: list[str] = field(default_factory=list)


class Run:
    """`strongroom add` in a process group of its own. lines: what it has told so far."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.library = library
        self.started = time.monotonic()
        self.lines: list[str] = []
        self._originals = library / "originals"
        self._process = subprocess.Popen(
            [*PROGRAM, "add", str(folder), "--library", str(library)],
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip())

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def n_told(self) -> int:
        """Files told of: read, known or failed."""
        return sum(line[:2] in ("✓ ", "= ", "✗ ") for line in self.lines)

    def has_told(self, n: int) -> bool:
        return self.n_told >= n

    def has_lock(self) -> bool:
        with suppress(OSError):
            lock = (self.library / "library.lock").read_text(encoding="utf-8")
            return f'"pid": {self._process.pid},' in lock
        return False

    def is_writing(self) -> bool:
        return (self.library / "chroma" / "suspect").exists()

    def is_resting(self) -> bool:
        return not self.is_writing()

    def is_copying(self) -> bool:
        with suppress(OSError):
            return any(p.name.startswith(".incoming") for p in self._originals.iterdir())
        return False

    def until(self, seen: Callable[[], bool]) -> bool:
        """Wait for something; False when the run ends first. Raises Failed."""
        while not seen():
            if self.code is not None:
                return False
            if time.monotonic() - self.started > LIMIT_S:
                self.kill()
                raise Failed(f"did nothing more for {LIMIT_S} s: {self.lines[-3:]}")
            time.sleep(LOOK_S)
        return True

    def kill(self) -> None:
        """All of its processes, and wait until none is left."""
        with suppress(ProcessLookupError):
            while True:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                time.sleep(LOOK_S)

    def end(self) -> int:
        self.until(lambda: False)
        self._listener.join()
        return self._process.wait()


PROGRAM = [sys.executable, "-m", "rag"]


def _environment() -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("STRONGROOM_")}
    return {**own, "PYTHONPATH": str(ROOT)}


def main() -> int:
    options = _options()
    before_s = time.monotonic()
    with TemporaryDirectory(prefix="strongroom-crash-") as temporary:
        root = Path(temporary)
        print("Taking all in once, undisturbed …", file=sys.stderr)
        undisturbed = _undisturbed(options.folder, root / "undisturbed")
        shares = [len(range(i, options.kills, options.at_once)) for i in range(options.at_once)]
        with ThreadPoolExecutor(options.at_once) as lanes:
            work = [
                lanes.submit(
                    _lane, options.folder, root / str(i), share, options.seed + i, undisturbed
                )
                for i, share in enumerate(shares)
            ]
        results = [lane.result() for lane in work]
    return _report(options, undisturbed, results, time.monotonic() - before_s)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill `strongroom add` and see what is left.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="documents to take in")
    parser.add_argument("--kills", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--at-once", type=int, default=2, metavar="N", help="libraries worked on at once"
    )
    parser.add_argument("--json", action="store_true", help="print no table")
    return parser.parse_args()


# --- Work without kills --------------------------------------------------------------------------


def _undisturbed(folder: Path, library: Path) -> Undisturbed:
    run = Run(folder, library)
    run.until(run.has_lock)
    lock_s = time.monotonic() - run.started
    told_s: list[float] = []
    while run.code is None:
        told_s += [time.monotonic() - run.started] * (run.n_told - len(told_s))
        time.sleep(0.01)
    code = run.end()
    if "Traceback" in "".join(run.lines) or not run.n_told:
        raise SystemExit(f"Without any kill: {run.lines}")
    n_documents = len(_rows(library, DUMPS["documents"]))
    end_s = time.monotonic() - run.started
    return Undisturbed(
        library,
        n_files=run.n_told,
        n_documents=n_documents,
        code=code,
        lock_s=lock_s,
        first_s=told_s[0],
        last_s=told_s[-1],
        end_s=end_s,
    )


# --- Work with kills -----------------------------------------------------------------------------


def _lane(folder: Path, root: Path, n_kills: int, seed: int, undisturbed: Undisturbed) -> Result:
    """Libraries one after another until enough kills came in time."""
    chance, result = random.Random(seed), Result()
    phases = cycle(ORDER)
    while result.kills.total() < n_kills and not result.problems:
        library = root / str(result.libraries)
        library.mkdir(parents=True)
        try:
            _killed_often(folder, library, n_kills, chance, phases, undisturbed, result)
            _compare(undisturbed, library, result)
        except Failed as error:
            result.problems.append(f"{library.relative_to(root.parent)}: {error}")
    return result


def _killed_often(
    folder: Path,
    library: Path,
    n_kills: int,
    chance: random.Random,
    phases: Iterator[Phase],
    undisturbed: Undisturbed,
    result: Result,
) -> None:
    """Start and kill until there is nothing left to do, or no kill is left."""
    while result.kills.total() < n_kills:
        phase = next(phases)
        run = Run(folder, library)
        result.starts += 1
        in_time = _wait_for(phase, run, chance, undisturbed)
        told = in_time and run.code is None
        run.kill()
        result.healed += any("not closed properly" in line for line in run.lines)
        if not told:
            _must_be_well(run, undisturbed)
            return
        if phase != "starting" and _is_done(library, undisturbed):
            result.late += 1
            return
        result.kills[phase] += 1
        print(f"{result.kills.total():>4} killed {WHEN[phase]}", file=sys.stderr)
    run = Run(folder, library)
    result.starts += 1
    run.end()
    result.healed += any("not closed properly" in line for line in run.lines)
    _must_be_well(run, undisturbed)


def _wait_for(phase: Phase, run: Run, chance: random.Random, undisturbed: Undisturbed) -> bool:
    """Until a random moment of a phase; False when the run ended before."""
    signs, delay_s = _moment(phase, run, chance, undisturbed)
    return all(map(run.until, signs)) and _after(run, chance.uniform(0, delay_s))


def _moment(
    phase: Phase, run: Run, chance: random.Random, u: Undisturbed
) -> tuple[list[Callable[[], bool]], float]:
    """What is seen, one after another, when the phase begins, and how long it lasts at most."""
    n = chance.randint(1, u.n_files)
    all_read = partial(run.has_told, u.n_files)
    # The first time it is opened, the second time it is filled again.
    healing = [run.has_lock, run.is_writing]
    healing += [run.is_resting, run.is_writing] if chance.random() < 0.6 else []
    moments: dict[Phase, tuple[list[Callable[[], bool]], float]] = {
        "starting": ([], u.lock_s),
        "opening": ([run.has_lock], u.first_s - u.lock_s),
        "copying": ([run.is_copying], (u.last_s - u.first_s) / u.n_files),
        "reading": ([partial(run.has_told, n)], 0.1),
        "embedding": ([all_read], min(EMBED_S, u.end_s - u.last_s)),
        "writing": ([all_read, run.is_writing], WRITE_S),
        "healing": (healing, WRITE_S),
    }
    return moments[phase]


def _after(run: Run, seconds: float) -> bool:
    end = time.monotonic() + seconds
    return run.until(lambda: time.monotonic() >= end)


def _is_done(library: Path, undisturbed: Undisturbed) -> bool:
    """Whether there was nothing left to do or to heal."""
    if (library / "chroma" / "suspect").exists() or not (library / "library.db").exists():
        return False
    try:
        ((n_done, unsure, n_embedded),) = _rows(library, LEFT)
        n_indexed = _n_indexed(library / "chroma")
    except (sqlite3.OperationalError, OSError):
        return False  # it had no tables yet
    return n_done == undisturbed.n_documents and not unsure and n_indexed == n_embedded


def _n_indexed(chroma: Path) -> int:
    """An index that was under suspicion begins anew, and is filled by a later step or start."""
    path = chroma / (chroma / "current").read_text(encoding="ascii").strip() / "chroma.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM embeddings").fetchone()[0])


def _must_be_well(run: Run, undisturbed: Undisturbed) -> None:
    # A file that was refused before the kill is known, and not refused a second time.
    if run.code not in (0, undisturbed.code) or any("Traceback" in line for line in run.lines):
        raise Failed(f"the next start ended with {run.code}: {' | '.join(run.lines[-4:])}")


# --- What is left --------------------------------------------------------------------------------


def _compare(undisturbed: Undisturbed, library: Path, result: Result) -> None:
    """Raises Failed with the first difference."""
    for what, sql in DUMPS.items():
        expected, actual = (
            [tuple(row) for row in _rows(folder, sql)] for folder in (undisturbed.library, library)
        )
        if expected != actual:
            n = len(set(map(str, expected)) ^ set(map(str, actual)))
            raise Failed(
                f"{what} differ: {len(expected)} expected, {len(actual)} there, {n} differ"
            )
    copies = [sorted(p.name for p in (f / "originals").iterdir())
              for f in (undisturbed.library, library)]  # fmt: skip
    if copies[0] != copies[1]:
        raise Failed(f"copies differ: {len(copies[0])} expected, {len(copies[1])} there")
    _compare_vectors(undisturbed.library, library, result)
    checked = subprocess.run(
        [*PROGRAM, "check", "--json", "--library", str(library)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if checked.returncode:
        raise Failed(f"`strongroom check`: {_findings(checked.stdout) or checked.stderr}")
    result.libraries += 1


def _findings(report: str) -> str:
    found = json.loads(report)["findings"] if report else []
    return "; ".join(f"{f['document'] or f['kind']}: {f['what']}" for f in found[:5])


def _compare_vectors(undisturbed: Path, library: Path, result: Result) -> None:
    """Padding differs with the chunks that are embedded together, and with it the last bits."""
    expected, actual = (
        {str(row["id"]): bytes(row["vector"]) for row in _rows(folder, VECTORS)}
        for folder in (undisturbed, library)
    )
    if expected.keys() != actual.keys():
        raise Failed(f"vectors differ: {len(expected)} expected, {len(actual)} there")
    result.vectors += len(expected)
    for chunk_id, kept in expected.items():
        result.same_vectors += kept == actual[chunk_id]
        a, b = (np.frombuffer(v, np.float16).astype(np.float32) for v in (kept, actual[chunk_id]))
        cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        result.lowest_cosine = min(result.lowest_cosine, cosine)
        if not cosine > 0.9999:
            raise Failed(f"the vector of {chunk_id} has a cosine of {cosine:.6f}")


def _rows(library: Path, sql: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(f"{(library / 'library.db').as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(sql).fetchall()


# --- Telling -------------------------------------------------------------------------------------


def _report(
    options: argparse.Namespace,
    undisturbed: Undisturbed,
    results: Sequence[Result],
    total_s: float,
) -> int:
    kills = sum((result.kills for result in results), Counter[str]())
    problems = [problem for result in results for problem in result.problems]
    survived = sum(result.kills.total() for result in results if not result.problems)
    vectors = sum(result.vectors for result in results)
    values = {
        "version": __version__,
        "machine": machine.name(),
        "seed": options.seed,
        "files": undisturbed.n_files,
        "documents": undisturbed.n_documents,
        "undisturbed_s": [
            round(t, 1)
            for t in (
                undisturbed.lock_s,
                undisturbed.first_s,
                undisturbed.last_s,
                undisturbed.end_s,
            )
        ],
        "kills": kills.total(),
        "survived": survived,
        "kills_by_phase": {phase: kills[phase] for phase in WHEN},
        "kills_too_late": sum(result.late for result in results),
        "starts": sum(result.starts for result in results),
        "starts_that_healed": sum(result.healed for result in results),
        "libraries": sum(result.libraries for result in results),
        "vectors": vectors,
        "vectors_same": sum(result.same_vectors for result in results),
        "lowest_cosine": min(result.lowest_cosine for result in results),
        "problems": problems,
        "total_s": round(total_s, 1),
    }
    if not options.json:
        for phase, when in WHEN.items():
            print(f"{kills[phase]:>5}  killed {when}")
        for key in ("survived", "starts", "starts_that_healed", "libraries", "kills_too_late",
                    "vectors", "vectors_same", "lowest_cosine"):  # fmt: skip
            print(f"{values[key]:>5}  {key.replace('_', ' ')}")
        for problem in problems:
            print(f"✗ {problem}")
    print(json.dumps(values))
    return 0 if survived == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
