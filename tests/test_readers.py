import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import outside
import pdfs
import pytest
import waiting
from libraries import document

from rag import chunk
from rag import readers as readers_module
from rag.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EncryptedDocument,
    RagError,
    ReadingFailed,
    UnreadableDocument,
)
from rag.readers import RETRIES, Cost, Readers
from rag.settings import ROOT
from rag.testing import WordTokenizer
from rag.tokens import FolderTokenizer
from rag.types import Box, Document, ReadLimits

BAD_READER = (sys.executable, "-P", str(Path(__file__).with_name("bad_reader.py")))
HERE = Path("/nowhere")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


@pytest.fixture
def pool() -> Iterator[Callable[..., Readers]]:
    """pool(n) starts none yet; what is asked of it is done by tests/bad_reader.py."""
    with ExitStack() as opened:

        def make(n: int = 1, **chosen: Any) -> Readers:
            given: dict[str, Any] = {
                "limits": ReadLimits(), "memory_mb": 400, "file_s": 60, "page_s": 30,
                "tokenizer": HERE, "command": BAD_READER, **chosen,
            }  # fmt: skip
            made = Readers(n, **given)
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "original"
    path.write_bytes(pdfs.outlined(pdfs.make("One", "Two"), [("Part", 1, 2)]))
    return path


def read(readers: Readers, name: str, path: Path = HERE) -> Document:
    return readers.read(path, doc_id="id", name=name)


def pid(readers: Readers) -> int:
    """Of the process that reads now."""
    return int(read(readers, "fine").warnings[0])


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended stays in the list until its parent, or whoever took its place, looks at it.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.is_file() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def own_words(document: Document) -> tuple[str, ...]:
    """The warnings that are not those of tests/bad_reader.py."""
    return document.warnings[2:]


# -- the real reader -------------------------------------------------------------------------------


def test_a_document_arrives_as_its_reader_made_it(pool: Callable[..., Readers], file: Path) -> None:
    readers = pool(command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000)
    told: list[tuple[int, int]] = []

    made = readers.read(file, doc_id="id", name="a.pdf", progress=lambda *at: told.append(at))

    assert [(p.number, p.label, p.text, p.size) for p in made.pages] == [
        (1, "page 1", "One", (300.0, 400.0)), (2, "page 2", "Two", (300.0, 400.0)),
    ]  # fmt: skip
    assert [(h.title, h.level, h.page) for h in made.headings] == [("Part", 1, 2)]
    assert (made.id, made.name, made.warnings) == ("id", "a.pdf", ())
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_boxes_and_pictures_come_from_readers_too(pool: Callable[..., Readers], file: Path) -> None:
    readers = pool(command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000)

    page = readers.page(file, 2, name="a.pdf")
    plain = readers.picture(file, 2, name="a.pdf", width_px=60)
    marked = readers.picture(file, 2, name="a.pdf", width_px=60, boxes=[Box(0, 0, 300, 400)])

    assert page.text == "Two"
    assert page.boxes is not None
    assert (page.boxes.shape, page.boxes.dtype) == ((3, 4), "float32")
    assert plain.startswith(b"\x89PNG")
    assert plain != marked


@pytest.mark.real
def test_a_reader_can_do_all_that_a_photograph_needs(pool: Callable[..., Readers]) -> None:
    """Its libraries are loaded, and decode and read, behind the sandbox."""
    photo = Path(__file__).with_name("photo.heic")
    readers = pool(command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000)

    made = readers.read(photo, doc_id="id", name=photo.name)
    page = readers.ocr_page(photo, 1, name=photo.name)

    assert made.unread == (1,)
    assert page.text == "The orchard at Fellgate has\nforty apple trees."


@pytest.mark.real
def test_a_document_is_cut_as_it_would_be_in_this_process(
    pool: Callable[..., Readers], models_dir: Path
) -> None:
    tokenizer = models_dir / "all-MiniLM-L6-v2"
    readers = pool(
        command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000, tokenizer=tokenizer
    )
    made = document("The ap-\nple 🍎 is ripe.\n" * 200, "\x00\x1f\u2028 Pears.", name="a.pdf")

    chunks = readers.chunk(made)

    assert len(chunks) > 5
    assert chunks == chunk.chunk(made, FolderTokenizer(tokenizer))


def test_a_tokenizer_that_is_gone_is_named_and_no_fault_of_the_file(
    pool: Callable[..., Readers], tmp_path: Path
) -> None:
    readers = pool(
        command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000, tokenizer=tmp_path
    )

    expected = rf"^report\.pdf was not read: .*{re.escape(str(tmp_path))} cannot be read.*fetch"
    with pytest.raises(ReadingFailed, match=expected):
        readers.chunk(document("Sales rose."))


def test_a_refusal_is_the_one_that_the_reader_raised(
    pool: Callable[..., Readers], tmp_path: Path
) -> None:
    readers = pool(command=(sys.executable, "-P", "-m", "rag.reader"), memory_mb=3000)
    path = tmp_path / "bad"
    path.write_bytes(pdfs.garbage_after_header())

    with pytest.raises(DamagedDocument, match=r"^a\.pdf is damaged: its structure"):
        read(readers, "a.pdf", path)
    with pytest.raises(UnreadableDocument, match=r"^a\.pdf cannot be read"):
        read(readers, "a.pdf", tmp_path / "gone")


def test_a_path_of_any_bytes_is_found(pool: Callable[..., Readers], tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + '/a\n"ä'.encode("latin-1")))
    path.write_bytes(b"text")

    assert read(pool(), "fine", path).pages[0].text == "text"


# -- readers that die ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("segfault", r"its reader crashed\. Open it in another program"),
        ("leaves", r"its reader crashed\. Open it in another program"),
        ("killed", r"the system ended its reader, most likely for want of memory"),
        ("rust-bomb", r"its reader needed more than 400 MB\. Raise reader_mb in the settings"),
        ("junk", r"its reader gave an answer that makes no sense"),
        ("impostor", r"its reader gave an answer that makes no sense"),
        ("liar", r"its reader gave an answer that makes no sense"),
        ("flood", r"it holds more than the 1 MB of text that can be taken in at once"),
    ],
)
def test_what_befell_the_reader_is_said_of_the_file_and_the_next_one_is_read(
    pool: Callable[..., Readers], how: str, expected: str
) -> None:
    readers = pool(max_reply_mb=1)

    with pytest.raises(ReadingFailed, match=rf"^{how} was not read: {expected}") as caught:
        read(readers, how)

    assert "Traceback" not in str(caught.value)
    assert read(readers, "fine").name == "fine"


@linux
def test_memory_without_end_ends_at_the_limit(pool: Callable[..., Readers]) -> None:
    costs: list[Cost] = []

    with pytest.raises(ReadingFailed, match="needed more than 400 MB"):
        read(pool(observed=costs.append), "bomb")

    assert [0 < cost.peak_mb < 450 for cost in costs] == [True]


@pytest.mark.parametrize("how", ["loop", "stuck", "asleep"])
def test_one_that_gets_no_further_is_stopped(pool: Callable[..., Readers], how: str) -> None:
    readers = pool(page_s=0.3)

    with pytest.raises(ReadingFailed, match=r"no further in 0\.3 seconds.*Raise page_s in the"):
        read(readers, how)


def test_one_that_goes_on_for_too_long_is_stopped(pool: Callable[..., Readers]) -> None:
    expected = (
        r"^slow 9 .* was not read in 0\.7 seconds, the limit for one file; its reader was "
        r"stopped at page 2 of 9\. Raise file_s"
    )
    with pytest.raises(ReadingFailed, match=expected):
        read(pool(file_s=0.7), "slow 9 1 2 3 4 5 6 7 8 9")


def test_waiting_for_a_reader_is_not_counted(pool: Callable[..., Readers]) -> None:
    readers = pool(file_s=1.0)
    threads = [threading.Thread(target=read, args=(readers, "slow 1 1")) for _ in range(3)]
    for thread in threads:
        thread.start()

    assert read(readers, "slow 1 1").pages

    for thread in threads:
        thread.join()


def test_what_libraries_print_is_no_answer(pool: Callable[..., Readers]) -> None:
    assert len(read(pool(), "prints 3 2").pages) == 3


def test_a_refusal_costs_no_process(pool: Callable[..., Readers]) -> None:
    readers = pool()
    before = pid(readers)

    with pytest.raises(EncryptedDocument, match=r"^a\.pdf needs a password"):
        read(readers, "encrypted")
    with pytest.raises(DamagedDocument, match=r"could not follow it \(KeyError\)") as caught:
        read(readers, "confused")

    assert "secret" not in str(caught.value)
    assert pid(readers) == before


# -- cutting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("segfault", r"its reader crashed\. Open it in another program"),
        ("killed", r"the system ended its reader, most likely for want of memory"),
        pytest.param("bomb", r"its reader needed more than 400 MB\. Raise reader_mb", marks=linux),
        ("junk", r"its reader gave an answer that makes no sense"),
        ("liar", r"its reader gave an answer that makes no sense"),
        ("cheat", r"its reader gave an answer that makes no sense"),
        ("flood", r"it holds more than the 1 MB of text"),
    ],
)
def test_what_befell_the_cutting_is_said_of_the_file_and_the_next_one_is_cut(
    pool: Callable[..., Readers], how: str, expected: str
) -> None:
    readers = pool(max_reply_mb=1)

    with pytest.raises(ReadingFailed, match=rf"^cut-{how} was not read: {expected}"):
        readers.chunk(document("Sales rose.", name=f"cut-{how}"))

    fine = document("Sales rose.", name="fine")
    assert readers.chunk(fine) == chunk.chunk(fine, WordTokenizer())


@pytest.mark.parametrize("how", ["loop", "stuck"])
def test_cutting_may_take_longer_than_a_page_and_no_longer_than_a_file(
    pool: Callable[..., Readers], how: str
) -> None:
    readers = pool(page_s=0.1, file_s=2)

    assert readers.chunk(document("Sales rose.", name="slow"))
    with pytest.raises(ReadingFailed, match=rf"^cut-{how} was not read in 2 seconds.*Raise file_s"):
        readers.chunk(document("Sales rose.", name=f"cut-{how}"))


def test_a_fault_in_cutting_costs_no_process_and_quotes_nothing(
    pool: Callable[..., Readers],
) -> None:
    readers = pool()
    before = pid(readers)

    with pytest.raises(DamagedDocument, match=r"^cut-confused is damaged.*KeyError") as caught:
        readers.chunk(document("Sales rose.", name="cut-confused"))

    assert "secret" not in str(caught.value)
    assert pid(readers) == before


def test_a_request_much_larger_than_a_pipe_arrives(pool: Callable[..., Readers]) -> None:
    made = document(*["Sales rose by nine percent. " * 200] * 60, name="fine")

    assert len(pool().chunk(made)) > 1000


def test_cutting_waits_for_its_turn_and_is_broken_off_at_the_end(
    pool: Callable[..., Readers],
) -> None:
    readers = pool(1)
    errors: list[RagError] = []

    def go(name: str) -> None:
        try:
            readers.chunk(document("Sales rose.", name=name))
        except RagError as error:
            errors.append(error)

    threads = [threading.Thread(target=go, args=(f"cut-{how}",)) for how in ("asleep", "fine")]
    threads[0].start()
    waiting.until(lambda: readers._n_reading)
    threads[1].start()
    assert readers.picture(HERE, 1, name="fine", width_px=9) == b"png"
    assert threads[1].is_alive()
    readers.close()
    for thread in threads:
        thread.join()

    assert [str(error)[:28] for error in errors] == ["Reading was broken off, beca"] * 2


# -- pages that are left out -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("segfault", "crashed its reader"),
        pytest.param("bomb", "needed more than 400 MB of memory", marks=linux),
        ("loop", "took longer than 0.5 seconds"),
    ],
)
def test_a_page_that_brings_its_reader_down_is_left_out(
    pool: Callable[..., Readers], how: str, expected: str
) -> None:
    made = read(pool(page_s=0.5 if how == "loop" else 30), f"{how} 9 7")

    assert len(made.pages) == 9
    assert own_words(made) == (f"Page 7 {expected} and is left out.",)


def test_so_is_the_outline(pool: Callable[..., Readers]) -> None:
    made = read(pool(), "segfault 2 0")

    assert own_words(made) == ("The outline crashed its reader and is left out.",)


def test_only_a_few_pages_are_left_out(pool: Callable[..., Readers]) -> None:
    readers = pool()
    bad = " ".join(str(number) for number in range(3, 3 + RETRIES))

    assert len(own_words(read(readers, f"segfault 9 {bad}"))) == RETRIES
    with pytest.raises(ReadingFailed, match=rf"its reader crashed at page {3 + RETRIES} of 9"):
        read(readers, f"segfault 9 {bad} {3 + RETRIES}")


def test_all_attempts_together_have_the_time_of_one_file(pool: Callable[..., Readers]) -> None:
    started = time.monotonic()

    with pytest.raises(ReadingFailed, match="was not read in 1 seconds"):
        read(pool(page_s=0.8, file_s=1), "loop 9 3 4 5")

    assert time.monotonic() - started < 6


def test_one_page_that_fails_is_named(pool: Callable[..., Readers]) -> None:
    readers = pool(page_s=0.5)
    for ask in (
        lambda name: readers.page(HERE, 4, name=name),
        lambda name: readers.ocr_page(HERE, 4, name=name),
        lambda name: readers.picture(HERE, 4, name=name, width_px=9),
    ):
        for how in ("segfault", "loop", "liar"):
            with pytest.raises(ReadingFailed, match=f"^Page 4 of {how} was not read: its reader"):
                ask(how)


# -- turns and processes ---------------------------------------------------------------------------


def test_a_process_is_used_again_and_outlives_the_thread_that_asked_first(
    pool: Callable[..., Readers],
) -> None:
    readers = pool()
    pids: list[int] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: pids.append(pid(readers)))
        thread.start()
        thread.join()
        time.sleep(0.1)

    assert pids == [pid(readers)] * 2


def test_two_threads_read_at_once_and_a_third_waits(pool: Callable[..., Readers]) -> None:
    readers = pool(2)
    read(readers, "fine")
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(int(read(readers, "slow 1 1").warnings[0])))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(seen), len(set(seen))) == (5, 2)


def test_a_picture_waits_for_no_reading(pool: Callable[..., Readers]) -> None:
    readers = pool(1)
    begun = threading.Event()

    def go() -> None:
        with pytest.raises(RagError, match="Strongroom is closing"):
            readers.read(HERE, doc_id="", name="asleep 2 2", progress=lambda *_: begun.set())

    thread = threading.Thread(target=go)
    thread.start()
    assert begun.wait(30)

    assert readers.picture(HERE, 1, name="fine", width_px=9) == b"png"
    assert readers.page(HERE, 1, name="fine").number == 1
    assert thread.is_alive()
    readers.close()
    thread.join()


def test_closing_breaks_off_what_is_read_and_leaves_no_process(
    pool: Callable[..., Readers],
) -> None:
    readers = pool(1)
    errors: list[Exception] = []
    steps: list[tuple[int, int]] = []

    def go(name: str) -> None:
        try:
            readers.read(HERE, doc_id="", name=name, progress=lambda *at: steps.append(at))
        except RagError as error:
            errors.append(error)

    process = pid(readers)
    threads = [threading.Thread(target=go, args=(f"{how} 2 2",)) for how in ("loop", "asleep")]
    for thread in threads:
        thread.start()
    waiting.until(lambda: steps)
    readers.close()

    assert not is_there(process)
    for thread in threads:
        thread.join()
    # Not of a document: it is no fault of theirs, and they are read after the next start.
    assert [type(error) for error in errors] == [RagError, RagError]
    with pytest.raises(RagError, match="Strongroom is closing"):
        read(readers, "fine")


def test_one_that_died_while_idle_is_replaced(pool: Callable[..., Readers]) -> None:
    readers = pool()
    first = pid(readers)
    os.kill(first, signal.SIGKILL)

    assert pid(readers) != first


def test_one_that_leaves_as_it_is_asked_is_replaced(pool: Callable[..., Readers]) -> None:
    readers = pool()
    pid(readers)

    # A fresh one does the same, so it was the file's doing after all.
    with pytest.raises(ReadingFailed, match="its reader crashed"):
        read(readers, "leaves")


def test_one_that_did_enough_is_replaced(
    pool: Callable[..., Readers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers_module, "MOST_ASKED", 2)
    readers = pool()

    pids = [pid(readers) for _ in range(6)]

    assert [len(set(pids[i : i + 2])) for i in (0, 2, 4)] == [1, 1, 1]
    assert len(set(pids)) == 3


def test_one_that_was_idle_for_long_is_replaced(
    pool: Callable[..., Readers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers_module, "IDLE_S", 0.0)
    readers = pool()
    first = pid(readers)

    assert pid(readers) != first
    assert not is_there(first)


def test_an_interrupted_reading_does_not_answer_the_next_question(
    pool: Callable[..., Readers],
) -> None:
    readers = pool()

    def stop(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        readers.read(HERE, doc_id="", name="fine 5", progress=stop)

    assert read(readers, "fine").name == "fine"


def test_readers_that_cannot_start_are_no_fault_of_the_file(pool: Callable[..., Readers]) -> None:
    with pytest.raises(RagError, match=r"cannot be started \(it would not start\)") as caught:
        read(pool(memory_mb=257), "fine")

    assert type(caught.value) is RagError


def test_a_reader_has_no_say_in_how_long_a_document_may_be(pool: Callable[..., Readers]) -> None:
    readers = pool(limits=ReadLimits(pages=3))

    assert len(read(readers, "fine 3").pages) == 3
    with pytest.raises(DocumentTooLarge, match="4 pages, over the limit of 3"):
        read(readers, "fine 4")


# -- its cage --------------------------------------------------------------------------------------

PROGRAM = """
import os, sys, threading, time
from pathlib import Path
from rag import seal

if "sealed" in sys.argv:
    seal.seal()  # while there is one thread
from rag.readers import Readers
from rag.types import ReadLimits

command = [sys.executable, "-P", {bad_reader!r}]
readers = Readers(
    1, limits=ReadLimits(), memory_mb=400, file_s=60, page_s=60, tokenizer=Path(), command=command
)
made = readers.read(Path("/nowhere"), doc_id="id", name="connects" if "sealed" in sys.argv else "a")
print(*made.warnings, flush=True)
if "busy" in sys.argv:
    at = lambda *_: print("busy", flush=True)
    readers.read(Path("/nowhere"), doc_id="id", name="stuck 2 2", progress=at)
if "killed" in sys.argv:
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM.format(bad_reader=BAD_READER[-1])))
    return path


@pytest.mark.parametrize("end", ["leaves", "killed"])
def test_no_reader_outlives_its_parent(program: Path, end: str) -> None:
    done = subprocess.run(
        [sys.executable, program, end],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == (-signal.SIGKILL if end == "killed" else 0), done.stderr
    waiting.until(lambda: not is_there(int(done.stdout)))


@linux
def test_no_busy_reader_outlives_its_parent(program: Path) -> None:
    with subprocess.Popen(
        [sys.executable, program, "busy"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        reader = int(parent.stdout.readline())
        assert parent.stdout.readline() == "busy\n"
        assert is_there(reader)
        parent.kill()

    waiting.until(lambda: not is_there(reader))


def test_the_reader_of_a_sealed_process_is_sealed(program: Path, own_network: None) -> None:
    said = outside.run(sys.executable, str(program), "sealed", PYTHONPATH=str(ROOT))

    assert said["rc"] == 0, said["stderr"]
    assert said["stdout"].split()[1:] == ["64"]  # ENONET, which nothing but the seal gives
    assert said["heard"] == []


def test_in_that_network_a_reader_without_a_seal_would_get_out(own_network: None) -> None:
    code = "import bad_reader; print(bad_reader.connecting())"
    said = outside.run(sys.executable, "-c", code, PYTHONPATH=f"{ROOT}:{Path(__file__).parent}")

    assert (said["stdout"], len(said["heard"])) == ("sent\n", 1)


@linux
def test_the_cage_is_as_small_as_it_is_said_to_be(pool: Callable[..., Readers]) -> None:
    process = Path(f"/proc/{pid(pool())}")
    limits = {
        line[:25].strip(): line[26:46].strip()
        for line in (process / "limits").read_text().splitlines()
    }

    assert limits["Max address space"] == str(400 << 20)
    assert limits["Max core file size"] == "0"
    assert limits["Max open files"] == "256"
    assert limits["Max file size"] == str(100 << 20)
    assert (process / "oom_score_adj").read_text().strip() == "1000"
    assert os.getpriority(os.PRIO_PROCESS, int(process.name)) >= 5
