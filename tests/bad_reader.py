"""A reader that misbehaves as the name of the file that it is asked for says: a program for tests.

Behind "cut-" stands what it does when it is to cut the document; it reads that one well.

Whatever else it does is what the real one does.
"""

import ctypes
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable

from rag import reader, wire
from rag.errors import EncryptedDocument
from rag.testing import WordTokenizer
from rag.types import Document, Page


def act(request: wire.Request, progress: wire.Progress) -> reader.Made:
    if isinstance(request, wire.Cut):
        from rag import chunk  # numpy takes a while to import

        misbehave(request.name.removeprefix("cut-"))
        return chunk.chunk(request.document, WordTokenizer())
    text = request.path.read_text() if request.path.is_file() else ""
    if not isinstance(request, wire.Read):
        misbehave(request.name)
        return b"png" if isinstance(request, wire.Picture) else Page(request.number, "", "", (0, 0))
    words = request.name.split()
    n_pages = int(words[1]) if len(words) > 1 else 1
    bad_pages = {int(word) for word in words[2:]}
    if len(words) < 2:
        misbehave(words[0])
    for number in range(n_pages + 1):
        progress(number, n_pages)
        if number + 1 in bad_pages and number + 1 not in request.skip:
            misbehave(words[0])
    if 0 in bad_pages and 0 not in request.skip:
        misbehave(words[0])
    pages = tuple(Page(n, f"page {n}", text, (1.0, 1.0)) for n in range(1, n_pages + 1))
    told = (str(os.getpid()), connecting() if words[0] == "connects" else "")
    return Document(request.doc_id, request.name, "text/plain", pages, warnings=told)


def misbehave(how: str) -> None:
    HABITS.get(how, lambda: None)()


def hoard() -> None:
    blocks: list[bytearray] = []
    while True:
        blocks.append(bytearray(10_000_000))


def give_up() -> None:
    os.write(2, b"memory allocation of 99999999999 bytes failed\n")
    os.abort()


def loop() -> None:
    while True:
        pass


def chatter() -> None:
    sys.stdout.write('{"say": "picture", "value": ""}\n')
    sys.stdout.flush()
    os.write(1, b"\xff\n\n{}\n" * 100_000)


def refuse() -> None:
    raise EncryptedDocument("a.pdf needs a password. Give it and try again.")


def be_confused() -> None:
    raise KeyError("secret words of the document")


def say(line: bytes) -> None:
    """Past all that keeps replies in order, as a parser that was taken over could."""
    for fd in range(3, 20):
        try:
            os.write(fd, line + b"\n")
        except OSError:
            continue
    time.sleep(1000)


LIE = {
    "say": "document",
    "value": {
        "id": "x",
        "name": "x",
        "media_type": "x",
        "pages": [{"number": 7, "label": "", "text": "", "size": [1, 1]}],
    },
}
BARE = {"spans": [[1, 0, 2]], "n_tokens": 1, "heading": [], "context": "", "clean": None}
CHEAT = {"say": "chunks", "value": [BARE] * 1000}
"""Each with all the text."""
HABITS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "bomb": hoard,
    "rust-bomb": give_up,
    "loop": loop,
    "stuck": lambda: re.match(r"(a+)+$", "a" * 99 + "b"),  # without ever giving the lock back
    "asleep": lambda: time.sleep(1000),
    "slow": lambda: time.sleep(0.5),
    "leaves": lambda: os._exit(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "prints": chatter,
    "encrypted": refuse,
    "confused": be_confused,
    "junk": lambda: say(b"{]"),
    "flood": lambda: say(b"x" * 3_000_000),
    "impostor": lambda: say(b'{"say": "failed", "kind": "SystemExit", "message": "m"}'),
    "liar": lambda: say(json.dumps(LIE).encode()),
    "cheat": lambda: say(json.dumps(CHEAT).encode()),
}


def connecting() -> str:
    """How sending to a documentation address ends. Only for a network of the test's own."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.sendto(b"?", ("192.0.2.10", 80))
    except OSError as error:
        return str(error.errno)
    return "sent"


if __name__ == "__main__":
    if sys.argv[-1] == "257":
        sys.exit("it would not start")
    reader.main(act)
