"""The program of a process that reads files for the main one: python -m rag.reader MEGABYTES

It takes requests on its standard input and answers on its standard output, one at a time, as
rag.wire says. It ends with its parent, or when nothing was asked for a while.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from rag import cage, extract, wire
from rag.errors import DamagedDocument, DocumentError, ModelError, ReadingFailed
from rag.types import Chunk, Document, Page

IDLE_S = 60.0

Made: TypeAlias = Document | Page | bytes | tuple[Chunk, ...]
Act: TypeAlias = Callable[[wire.Request, wire.Progress], Made]


def main(act: Act | None = None) -> None:
    """act: what is done with a request; what it raises is told to the parent."""
    told = _take_stdout()
    cage.enter(int(sys.argv[1]))
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    _tell(told, wire.line(wire.Ready()))
    while True:
        try:
            request = wire.request(lines.get(timeout=IDLE_S))
        except queue.Empty:
            os._exit(0)  # not by way of the libraries: some crash when they are put away
        cage.forget_peak()
        _tell(told, _answer(act or perform, request, told))


def perform(request: wire.Request, progress: wire.Progress) -> Made:
    """Raises DocumentError, ModelError, and whatever a parser raises."""
    if isinstance(request, wire.Cut):
        return extract.chunks(request.document, request.tokenizer)
    name, password, limits = request.name, request.password, request.limits
    match request:
        case wire.Read(path=path, doc_id=doc_id, skip=skip):
            return extract.read(
                path,
                doc_id=doc_id,
                name=name,
                password=password,
                limits=limits,
                skip=skip,
                progress=progress,
            )
        case wire.OcrPage(path=path, number=number):
            return extract.ocr_page(path, number, name=name, password=password, limits=limits)
        case wire.BoxedPage(path=path, number=number):
            return extract.page(path, number, name=name, password=password)
        case wire.Picture(path=path, number=number):
            return extract.draw(
                path,
                number,
                name=name,
                password=password,
                limits=limits,
                width_px=request.width_px,
                boxes=request.boxes,
            )


def _answer(act: Act, request: wire.Request, told: BinaryIO) -> bytes:
    """The last line in answer to a request."""
    try:
        made = act(
            request, lambda done, total: _tell(told, wire.line(wire.Step(int(done), int(total))))
        )
        return wire.line(_gave(made))
    except DocumentError as error:
        failed = wire.Failed(type(error).__name__, str(error)[: wire.MAX_MESSAGE])
    except ModelError as error:
        # No fault of the document, but all that one reader can tell of is its document.
        told_of = f"{request.name} was not read: {error}"
        failed = wire.Failed(ReadingFailed.__name__, told_of[: wire.MAX_MESSAGE])
    except MemoryError:
        failed = wire.Failed("MemoryError", "no memory")
    except Exception as error:  # noqa: BLE001
        # The end of this process's work: parsers were seen to raise everything that there is, and
        # what they say may quote the document.
        failed = wire.Failed(
            DamagedDocument.__name__,
            f"{request.name} is damaged, or not what it says it is: its reader could not follow it "
            f"({type(error).__name__}). Open it in another program, save it anew and add that.",
        )
    return wire.line(failed)


def _gave(made: Made) -> wire.Reply:
    match made:
        case Document():
            return wire.GaveDocument(made)
        case Page():
            return wire.GavePage(made)
        case bytes():
            return wire.GavePicture(made)
    return wire.GaveChunks(tuple(wire.bare(chunk) for chunk in made))


def _take_stdout() -> BinaryIO:
    """The pipe to the parent, for us alone; what libraries print goes where errors go."""
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(own, "wb")


def _tell(told: BinaryIO, line: bytes) -> None:
    try:
        told.write(line)
        told.flush()
    except BrokenPipeError:
        os._exit(0)


def _listen(lines: "queue.SimpleQueue[bytes]") -> None:
    """Also while the main thread is busy, so that this process never outlives its parent."""
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
