"""Whether every file of a folder is either taken in or refused with a reason: a table, then JSON.

Each file, whatever its ending, goes through the real ingestion into a library that is thrown away.
That runs in a process of its own, so that its crash is one more thing to count. Exits with 1 when
that process crashed, or a file had no verdict, or was refused without a proper reason.
benchmarks/README.md says what each figure means.
"""

import argparse
import itertools
import json
import os
import queue
import re
import select
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import machine

from rag import seal, settings, threads
from rag.settings import ROOT

if TYPE_CHECKING:
    from rag.ingest import Ingest
    from rag.library import Library
    from rag.readers import Cost

LONG_S = 60
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
        "--jobs",
        type=int,
        default=1,
        help="files at a time, each with a process and a library (default: 1)",
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


# --- The processes that take files in, as seen from outside --------------------------------------


class Runner:
    """Hands files to processes, each with a library of its own and one file at a time, so that a
    crash is known to be that file's. After one the next begins with a new library: in the old one
    the file is still queued."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.n_crashes = 0
        self._folder = folder
        self._options = options
        self._found: queue.SimpleQueue[Verdict | None] = queue.SimpleQueue()
        self._counting = threading.Lock()

    def verdicts(self, files: Sequence[Path]) -> Iterator[Verdict]:
        """One for each file, in the order in which they come."""
        waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for path in files:
            waiting.put(path)
        jobs = range(self._options.jobs)
        work = [threading.Thread(target=self._work, args=(waiting, n), daemon=True) for n in jobs]
        for thread in work:
            thread.start()
        n_running = len(work)
        while n_running:
            verdict = self._found.get()
            if verdict is None:
                n_running -= 1
            else:
                yield verdict

    def _work(self, waiting: "queue.SimpleQueue[Path]", n: int) -> None:
        try:
            for life in itertools.count():
                if waiting.empty():
                    return
                self._one_life(waiting, self._folder / f"library-{n}-{life}")
        finally:
            self._found.put(None)

    def _one_life(self, waiting: "queue.SimpleQueue[Path]", library: Path) -> None:
        """Of one process: until no file is left, or it is gone, or is given up."""
        told, telling = os.pipe()
        with self._process(library, telling) as process, os.fdopen(told, "rb", 0) as said:
            os.close(telling)
            if not self._line(said):
                process.kill()
                self._found.put(self._none(self._options.folder, "no library could be opened", 0.0))
                while not waiting.empty():
                    waiting.get_nowait()
                return
            while self._judge(process, said, waiting):
                pass
            self._end(process)

    def _process(self, library: Path, telling: int) -> "subprocess.Popen[bytes]":
        chosen = {"library": str(library), "embed": self._options.embed, "telling": telling}
        return subprocess.Popen(
            [sys.executable, __file__, "--take-in", json.dumps(chosen)],
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            pass_fds=(telling,),
            bufsize=0,
        )

    def _judge(
        self,
        process: "subprocess.Popen[bytes]",
        said: BinaryIO,
        waiting: "queue.SimpleQueue[Path]",
    ) -> bool:
        """Whether the process can take the next file."""
        try:
            path = waiting.get_nowait()
        except queue.Empty:
            return False
        started = time.monotonic()
        assert process.stdin
        with suppress(BrokenPipeError):  # the end of its answers tells the same
            process.stdin.write(json.dumps(os.fsencode(path).decode("latin-1")).encode() + b"\n")
        line = self._line(said)
        seconds = time.monotonic() - started
        if line:
            self._found.put(Verdict(self._name(path), **json.loads(line)))
            return True
        if seconds >= self._options.give_up_s:
            reason = f"nothing came of it in {self._options.give_up_s:g} seconds"
        else:
            self._count_crash()
            reason = "the main process crashed"
        process.kill()
        process.wait()
        self._found.put(self._none(path, reason, seconds))
        return False

    def _line(self, said: BinaryIO) -> bytes:
        """Empty when the process is gone, or is to be given up."""
        ready, _, _ = select.select([said], [], [], self._options.give_up_s)
        return said.readline() if ready else b""

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.returncode is not None:
            return
        assert process.stdin
        process.stdin.close()
        try:
            code = process.wait(CLOSING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code:
            self._count_crash()

    def _count_crash(self) -> None:
        with self._counting:
            self.n_crashes += 1

    def _none(self, path: Path, reason: str, seconds: float) -> Verdict:
        return Verdict(self._name(path), "none", reason, seconds=round(seconds, 3))

    def _name(self, path: Path) -> str:
        name = os.fsencode(path.relative_to(self._options.folder))
        return name.decode("utf-8", "backslashreplace")


# --- The same from inside ------------------------------------------------------------------------


def _take_in_all(chosen: dict[str, Any]) -> int:
    # Before the first import of a library that reads its switch, and while there is one thread.
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    seal.seal()
    from rag.library import open_library
    from rag.testing import HashEmbedder

    path = ROOT / "strongroom.toml"
    loaded = settings.load(os.environ, path if path.is_file() else None)
    own = replace(loaded, library=Path(chosen["library"]))
    with (
        os.fdopen(chosen["telling"], "wb", 0) as telling,
        closing(open_library(own, command="robustness")) as library,
    ):
        peaks = _watch_memory(library)
        # Vectors of words alone, as long as the real ones, take no time, and all else is as it is.
        of_words = replace(library.ingest, embedder=lambda: HashEmbedder(dim=384))
        ingest = library.ingest if chosen["embed"] else of_words
        telling.write(b"ready\n")
        for line in sys.stdin:
            path = Path(os.fsdecode(json.loads(line).encode("latin-1")))
            told = _told(ingest, path, peaks)
            telling.write(json.dumps(told).encode() + b"\n")
    return 0


def _told(ingest: "Ingest", path: Path, peaks: dict[str, float]) -> dict[str, object]:
    """What a verdict is made of, and the seconds that it took."""
    started = time.perf_counter()
    try:
        told = _take_in(ingest, path, peaks)
    except Exception as error:  # noqa: BLE001 - whatever it is, it should not have come this far
        told = {"verdict": "none", "reason": f"{type(error).__name__}: {error}"}
    return {**told, "seconds": round(time.perf_counter() - started, 3)}


def _take_in(ingest: "Ingest", path: Path, peaks: dict[str, float]) -> dict[str, object]:
    peaks.clear()
    steps = list(ingest.take_in([path]))
    doc_id = steps[0].doc_id
    if not doc_id:
        return {"verdict": "refused", "kind": "on entry", "reason": steps[0].message}
    record = ingest.catalog.document(doc_id)
    told: dict[str, object] = {
        "doc_id": doc_id,
        "peak_mb": round(peaks.get(doc_id) or machine.peak_mb(os.getpid()) or 0.0),
    }
    if record is None or record.state == "queued":
        return {**told, "verdict": "none", "reason": "it was left queued"}
    if record.state == "failed":
        return {**told, "verdict": "refused", "kind": record.error_kind, "reason": record.error}
    pages = [ingest.catalog.page(doc_id, number) for number in range(1, record.n_pages + 1)]
    return {
        **told,
        "verdict": "indexed",
        "pages": record.n_pages,
        "characters": sum(len(page.text) for page in pages if page),
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
