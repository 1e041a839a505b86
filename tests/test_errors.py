"""The tree of errors, and that nothing else comes out of a library, whatever its file holds."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from libraries import answer_from, document, hit

from rag import errors
from rag.catalog import Catalog
from rag.chunk import chunk
from rag.errors import RagError
from rag.testing import WordTokenizer

DOC_ID = "a" * 64
VECTORS = np.eye(3, 8, dtype=np.float32)


def test_the_tree_at_the_top_shows_every_error_under_its_base() -> None:
    classes = [v for v in vars(errors).values() if isinstance(v, type)]
    drawn: list[tuple[str, str]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        marks, _, rest = line.rpartition("── ")
        if marks or line == "RagError":
            name = (rest or line).split()[0]
            depth = 0 if not marks else 1 + len(marks) // 4
            path[depth:] = [name]
            drawn.append((name, path[depth - 1] if depth else "Exception"))

    assert drawn == [(c.__name__, c.__base__.__name__ if c.__base__ else "") for c in classes]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "library.db"
    with closing(Catalog(path)) as catalog:
        made = document(*(f"Sales of year {i} rose. " * 30 for i in range(10)), doc_id=DOC_ID)
        chunks = chunk(made, WordTokenizer())
        catalog.queue(DOC_ID, "report.pdf", 1, "secret")
        catalog.store(made, chunks)
        catalog.store_vectors([c.id for c in chunks[:3]], VECTORS)
        for i in range(20):
            turn_id = catalog.begin_turn(f"c{i}", "How many?")
            catalog.end_turn(turn_id, answer_from(hit("Forty trees.", doc_id=DOC_ID)))
    return path


def uses(catalog: Catalog) -> list[Callable[[], object]]:
    made = document("Costs fell.", doc_id=DOC_ID)
    return [
        catalog.documents,
        catalog.conversations,
        catalog.n_embedded,
        lambda: catalog.document(DOC_ID),
        lambda: catalog.page(DOC_ID, 3),
        lambda: catalog.place(DOC_ID, 3),
        lambda: catalog.search("sales", 9),
        lambda: catalog.chunks([f"{DOC_ID}:{i}" for i in range(60)]),
        lambda: [catalog.conversation(f"c{i}") for i in range(20)],
        lambda: catalog.unembedded(99),
        catalog.embedded_ids,
        catalog.unread,
        lambda: catalog.scans(DOC_ID),
        lambda: catalog.meta("embedder"),
        lambda: catalog.begin_turn("c1", "Why?"),
        lambda: catalog.store(made, chunk(made, WordTokenizer())),
        lambda: catalog.store_vectors([f"{DOC_ID}:0"], VECTORS[:1]),
        lambda: catalog.remove(DOC_ID),
        catalog.erase_free_space,
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_library_gives_only_errors_of_our_own(
    sound: Path, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "library.db"
    shutil.copy(sound, path)
    damage = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(damage.choice([1, 30, 1000])):
        data[damage.randrange(16, len(data))] = damage.randrange(256)
    path.write_bytes(data)

    with suppress(RagError), closing(Catalog(path)) as catalog:
        for use in uses(catalog):
            with suppress(RagError):
                use()
