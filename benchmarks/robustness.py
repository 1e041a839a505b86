"""Whether every file of a folder is either taken in or refused with a reason: a table, then JSON.

Each file, whatever its ending, goes through the real ingestion into a library that is thrown away.
That runs in a process of its own, so that its crash is one more thing to count. Exits with 1 when
that process crashed, or a file had no verdict, or was refused without a proper reason.
benchmarks/README.md says what each figure means.
"""

import argparse
import json
import os
import re
import select
import stat
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, Literal

import machine

from rag import seal, settings, threads
from rag.settings import ROOT, Settings

if TYPE_CHECKING:
    from rag.library import Library
    from rag.readers import Cost
    from rag.types import DocumentRecord
    from rag.worker import Worker

LONG_S = 60
LOOK_S = 0.02
CLOSING_S = 60
STACK_TRACE = re.compile(
    r"Traceback|File \".*\", line \d+|^\w*(Error|Exception|Exit)\b[:(]|\n\s+at "
)
COLUMNS = "{verdict:8} {seconds:>8} {peak_mb:>7} {pages:>6} {characters:>10}  {file}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one file. reason: why it was refused, or why there is no verdict. kind: of a refusal, as
    in rag.errors. peak_mb: resident memory of the process that read it. same_as: an earlier file
    of the same bytes; pages and characters are then counted with that one."""

    file: str
    verdict: Literal["indexed", "refused", "none"]
    reason: str = ""
    kind: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0
    pages: int = 0
    characters: int = 0
    doc_id: str = ""
    same_as: str = ""


def main() -> int:
    if sys.argv[1:2] == ["--take-in"]:
        return _take_in_all(json.loads(sys.argv[2]))
    options = _options()
    files = list(_files(options.folder))
    verdicts: list[Verdict] = []
    if not options.json:
        print(COLUMNS.format(**{name: name for name in Verdict.__dataclass_fields__}))
    with TemporaryDirectory(prefix="strongroom-robustness-") as folder:
        runner = Runner(Path(folder), options)
        for verdict in _without_doubles(runner.verdicts(files)):
            verdicts.append(verdict)
            if not options.json:
                _print_row(verdict)
    totals = _totals(verdicts, runner.n_crashes)
    if not options.json:
        for name, value in totals.items():
            print(f"{name:16} {value}")
    print(json.dumps({"files": [asdict(verdict) for verdict in verdicts], "totals": totals}))
    return int(any(totals[name] for name in ("crashes", "no_verdict", "bad_refusals")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Take in every file of a folder, or say why not.")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print no table")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="files at a time (default: cores)"
    )
    parser.add_argument("--embed", action="store_true", help="give passages their vectors too")
    parser.add_argument(
        "--give-up-s",
        type=float,
        default=3600,
        metavar="S",
        help="seconds after which a file has no verdict (default: 3600)",
    )
    return parser.parse_args()


def _files(folder: Path) -> Iterator[Path]:
    """All regular files below a folder, in order of name; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _without_doubles(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    first: dict[str, str] = {}
    for verdict in verdicts:
        if verdict.verdict == "indexed" and verdict.doc_id in first:
            yield replace(verdict, same_as=first[verdict.doc_id], pages=0, characters=0)
            continue
        if verdict.verdict == "indexed":
            first[verdict.doc_id] = verdict.file
        yield verdict


def _totals(verdicts: Sequence[Verdict], n_crashes: int) -> dict[str, object]:
    refused = [verdict for verdict in verdicts if verdict.verdict == "refused"]
    return {
        "files": len(verdicts),
        "indexed": sum(verdict.verdict == "indexed" for verdict in verdicts),
        "same_bytes": sum(bool(verdict.same_as) for verdict in verdicts),
        "refused": len(refused),
        "refused_by_kind": dict(Counter(verdict.kind for verdict in refused).most_common()),
        "crashes": n_crashes,
        "over_60_s": sum(verdict.seconds > LONG_S for verdict in verdicts),
        "no_verdict": sum(verdict.verdict == "none" for verdict in verdicts),
        "bad_refusals": sum(is_bad(verdict.reason) for verdict in refused),
        "pages": sum(verdict.pages for verdict in verdicts),
        "characters": sum(verdict.characters for verdict in verdicts),
        "slowest_s": max((verdict.seconds for verdict in verdicts), default=0.0),
        "peak_mb": max((verdict.peak_mb for verdict in verdicts), default=0.0),
    }


def is_bad(reason: str) -> bool:
    """Whether a person could do nothing with it."""
    return not reason.strip() or bool(STACK_TRACE.search(reason))


def _print_row(verdict: Verdict) -> None:
    row = {
        **asdict(verdict),
        "file": _printable(verdict.file),
        "seconds": f"{verdict.seconds:.2f}",
        "peak_mb": f"{verdict.peak_mb:.0f}",
    }
    print(COLUMNS.format(**row))
    if verdict.same_as:
        print(f"{'':8} same as {_printable(verdict.same_as)}")
    if verdict.reason:
        print(f"{'':8} {verdict.kind or 'no verdict'}: {_printable(verdict.reason)}")
    sys.stdout.flush()


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# --- The process that takes files in, as seen from outside ---------------------------------------


class Runner:
    """Hands files to the process and starts a new one, on the same library, when it has crashed."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.n_crashes = 0
        self._folder = folder
        self._options = options
        self._given: dict[Path, float] = {}  # to the process; and since when
        self._alone: deque[Path] = deque()  # one of them crashed it

    def verdicts(self, files: Sequence[Path]) -> Iterator[Verdict]:
        """One for each file, in the order in which they come."""
        waiting = deque(files)
        while waiting or self._alone:
            told, telling = os.pipe()
            with self._process(telling) as process, os.fdopen(told, "rb", 0) as said:
                os.close(telling)
                if not said.readline():
                    raise SystemExit("The library could not be opened: see above.")
                yield from self._talk(process, said, waiting)
                self._end(process)
            yield from self._judge_the_rest(waiting)

    def _process(self, telling: int) -> "subprocess.Popen[bytes]":
        chosen = {
            "library": str(self._folder / "library"),
            "jobs": self._options.jobs,
            "embed": self._options.embed,
            "telling": telling,
        }
        return subprocess.Popen(
            [sys.executable, __file__, "--take-in", json.dumps(chosen)],
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            pass_fds=(telling,),
            bufsize=0,
        )

    def _talk(
        self, process: "subprocess.Popen[bytes]", said: BinaryIO, waiting: deque[Path]
    ) -> Iterator[Verdict]:
        """Until all have a verdict, or the process is gone, or a file takes too long."""
        while True:
            self._hand_out(process, waiting)
            if not self._given:
                return
            line = self._line(said)
            if not line:
                return
            told = json.loads(line)
            path = Path(os.fsdecode(told.pop("path").encode("latin-1")))
            self._given.pop(path)
            yield Verdict(file=self._name(path), **told)

    def _hand_out(self, process: "subprocess.Popen[bytes]", waiting: deque[Path]) -> None:
        assert process.stdin
        while len(self._given) < (1 if self._alone else self._options.jobs):
            source = self._alone or waiting
            if not source:
                return
            path = source.popleft()
            self._given[path] = time.monotonic()
            line = json.dumps(os.fsencode(path).decode("latin-1")).encode() + b"\n"
            try:
                process.stdin.write(line)
            except BrokenPipeError:  # the end of its answers tells the same
                return

    def _line(self, said: BinaryIO) -> bytes:
        """Empty when the process is gone, or is to be given up."""
        end = min(self._given.values()) + self._options.give_up_s
        ready, _, _ = select.select([said], [], [], max(0.0, end - time.monotonic()))
        return said.readline() if ready else b""

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin
        process.stdin.close()
        if self._given:
            process.kill()
            return
        try:
            self.n_crashes += process.wait(CLOSING_S) != 0
        except subprocess.TimeoutExpired:
            self.n_crashes += 1
            process.kill()

    def _judge_the_rest(self, waiting: deque[Path]) -> Iterator[Verdict]:
        """What was being read when the process ended."""
        if not self._given:
            return
        now = time.monotonic()
        late = [p for p, at in self._given.items() if now - at >= self._options.give_up_s]
        others = [path for path in self._given if path not in late]
        if not late:
            self.n_crashes += 1
        if not late and len(others) == 1:
            seconds = now - self._given[others[0]]
            reason = "the main process crashed"
            yield Verdict(self._name(others.pop()), "none", reason, seconds=seconds)
        for path in late:
            reason = f"nothing came of it in {self._options.give_up_s:g} seconds"
            yield Verdict(self._name(path), "none", reason, seconds=now - self._given[path])
        (waiting if late else self._alone).extendleft(others)
        self._given.clear()

    def _name(self, path: Path) -> str:
        name = os.fsencode(path.relative_to(self._options.folder))
        return name.decode("utf-8", "backslashreplace")


# --- The same from inside ------------------------------------------------------------------------


def _take_in_all(chosen: dict[str, object]) -> int:
    # Before the first import of a library that reads its switch, and while there is one thread.
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    seal.seal()
    from rag.library import open_library
    from rag.testing import HashEmbedder
    from rag.worker import Worker

    jobs = int(str(chosen["jobs"]))
    path = ROOT / "strongroom.toml"
    loaded = settings.load(os.environ, path if path.is_file() else None)
    own: Settings = replace(loaded, library=Path(str(chosen["library"])), readers=jobs)
    writing = threading.Lock()
    with (
        os.fdopen(int(str(chosen["telling"])), "wb") as telling,
        closing(open_library(own, command="robustness")) as library,
        ThreadPoolExecutor(jobs) as pool,
    ):
        peaks = _watch_memory(library)
        embed = bool(chosen["embed"])
        # Reading is what is measured here; words to numbers takes most of the time of the rest.
        ingest = library.ingest if embed else replace(library.ingest, embedder=HashEmbedder)
        worker = Worker(ingest.resume)
        worker.start()
        telling.write(b"ready\n")
        telling.flush()

        def work(name: str) -> None:
            path = Path(os.fsdecode(name.encode("latin-1")))
            told = _told(lambda: _take_in(library, worker, path, peaks, embed=embed))
            with writing:
                telling.write(json.dumps({"path": name, **told}).encode() + b"\n")
                telling.flush()

        for line in sys.stdin:
            pool.submit(work, json.loads(line))
        pool.shutdown()
        worker.close()
    return 0


def _told(work: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What a verdict is made of, and the seconds that it took."""
    started = time.perf_counter()
    try:
        told = work()
    except Exception as error:  # noqa: BLE001 - whatever it is, it should not have come this far
        told = {"verdict": "none", "reason": f"{type(error).__name__}: {error}"}
    return {**told, "seconds": round(time.perf_counter() - started, 3)}


def _is_done(record: "DocumentRecord", *, embed: bool) -> bool:
    if record.state == "searchable":
        return not embed and not record.n_unread
    return record.state in ("embedded", "failed")


def _take_in(
    library: "Library", worker: "Worker", path: Path, peaks: dict[str, float], *, embed: bool
) -> dict[str, object]:
    ingest, catalog = library.ingest, library.catalog
    staged = ingest.stage(path)
    if staged.step == "failed":
        return {"verdict": "refused", "kind": "on entry", "reason": staged.message}
    worker.wake()
    record = catalog.document(staged.doc_id)
    while record and not _is_done(record, embed=embed) and not worker.error:
        time.sleep(LOOK_S)
        record = catalog.document(staged.doc_id)
    told: dict[str, object] = {
        "doc_id": staged.doc_id,
        "peak_mb": peaks.get(staged.doc_id) or machine.peak_mb(os.getpid()) or 0.0,
    }
    if record is None or not _is_done(record, embed=embed):
        return {**told, "verdict": "none", "reason": worker.error or "it was left undone"}
    if record.state == "failed":
        return {**told, "verdict": "refused", "kind": record.error_kind, "reason": record.error}
    texts = [library.page_text(record.id, n) for n in range(1, record.n_pages + 1)]
    return {
        **told,
        "verdict": "indexed",
        "pages": record.n_pages,
        "characters": sum(len(text) for text in texts),
    }


def _watch_memory(library: "Library") -> dict[str, float]:
    """Most memory by document, filled as documents are read; stays empty where this very process
    reads them."""
    peaks: dict[str, float] = {}

    def note(cost: "Cost") -> None:
        peaks[cost.doc_id] = max(cost.peak_mb, peaks.get(cost.doc_id, 0.0))

    readers = getattr(library, "readers", None)
    if readers is not None:
        readers.observed = note
    return peaks


if __name__ == "__main__":
    sys.exit(main())
