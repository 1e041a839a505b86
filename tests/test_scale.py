from pathlib import Path

import made
import numpy as np
import pytest
import scale
from hypothesis import given
from hypothesis import strategies as st

ROW = {
    "chunks": 10_000, "open_s": 0.3, "embedded_s": 0.2,
    "search_ms": 20.0, "document_ms": 20.0, "tenth_ms": 20.0, "half_ms": 20.0,
}  # fmt: skip


@given(st.integers(1, 30_000))
def test_documents_have_as_many_passages_as_are_wanted(n: int) -> None:
    sizes = made.sizes(n)
    assert sum(sizes) == n
    assert sizes[:-1] == made.sizes(n + 500)[: len(sizes) - 1]


def test_a_document_is_read_from_its_number_and_the_same_every_time(tmp_path: Path) -> None:
    path = made.write(tmp_path, 7, 3)
    first, second = (
        made.MadeReader().read(path, doc_id="d", name=path.name, password=None) for _ in range(2)
    )
    texts = [page.text for page in first.pages]
    assert texts == [page.text for page in second.pages]
    assert (len(texts), len(set(texts))) == (3, 3)
    assert [c.id for c in made.MadeReader().chunk(first)] == ["d:0", "d:1", "d:2"]


def test_a_question_lies_near_to_the_page_that_it_is_about(tmp_path: Path) -> None:
    document = made.MadeReader().read(
        made.write(tmp_path, 7, 30), doc_id="d", name="document 00007.txt", password=None
    )
    chunks = made.MadeReader().chunk(document)
    vectors = made.MadeEmbedder().embed([c.embedded_text for c in chunks])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    page = made.vector_of(7, made.part_of(20, 30), 20)
    assert vectors[19].tolist() == page.tolist()
    asked = made.near(page, 1)
    assert float(asked @ page) == pytest.approx(0.7, abs=0.08)
    assert int(np.argmax(vectors @ asked)) == 19


def test_a_floor_is_missed_by_a_slow_search_and_by_what_grows() -> None:
    large = {**ROW, "chunks": 200_000}
    assert list(scale._missed([ROW, large])) == []
    slow = {**large, "tenth_ms": 51.0, "open_s": 0.5}
    assert list(scale._missed([{**ROW, "chunks": 1_000, "open_s": 0.1}, ROW, slow])) == [
        "In a tenth of all, median, ms at 200,000: 51 > 50",
        "Opening, s: 0.30 to 0.50",
    ]
