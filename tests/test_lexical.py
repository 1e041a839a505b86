from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import lexical
from rag.catalog import Catalog
from rag.types import Chunk, Document, Page, Span

WORDS = ["apple", "pear", "cellar", "march", "rent", "harbour"]
DOCUMENTS = {letter * 64: letter for letter in "abcd"}


def text(number: int) -> str:
    """Holds the word of WORDS at i in one of i + 1 chunks."""
    return " ".join(word for i, word in enumerate(WORDS) if number % (i + 1) == 0) + " filler"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Four documents of fifteen chunks each, and one without any."""
    with closing(Catalog(tmp_path_factory.mktemp("words") / "library.db")) as opened:
        opened.queue("e" * 64, "empty.pdf", 1, None)
        for n, doc_id in enumerate(DOCUMENTS):
            chunks = [chunk(doc_id, i, text(15 * n + i)) for i in range(15)]
            opened.queue(doc_id, "a.pdf", 1, None)
            pages = (Page(1, "page 1", "", (0.0, 0.0)),)
            opened.store(Document(doc_id, "a.pdf", "application/pdf", pages), chunks)
        yield opened


def chunk(doc_id: str, i: int, text: str) -> Chunk:
    return Chunk(f"{doc_id}:{i}", doc_id, text, (Span(doc_id, 1, 0, 0),), 5)


def plain(
    catalog: Catalog, words: Sequence[str], doc_ids: Sequence[str] | None
) -> dict[str, float]:
    """Chunks with their scores as FTS5 alone gives them."""
    rows = catalog._all(
        "SELECT id, doc_id, -bm25(chunks_fts) AS score FROM chunks_fts f "
        "JOIN chunks c ON c.rowid = f.rowid WHERE chunks_fts MATCH ?",
        " OR ".join(f'"{word}"' for word in words),
    )
    return {r["id"]: r["score"] for r in rows if doc_ids is None or r["doc_id"] in doc_ids}


asked = st.lists(st.sampled_from([*WORDS, "filler", "unknown"]), min_size=1, unique=True)
chosen = st.none() | st.sets(st.sampled_from([*DOCUMENTS, "e" * 64, "gone"])).map(sorted)


@given(words=asked, doc_ids=chosen)
def test_few_chunks_are_all_ranked_as_bm25_ranks_them(
    catalog: Catalog, words: list[str], doc_ids: list[str] | None
) -> None:
    found = catalog.holding(words, 100, doc_ids=doc_ids)
    assert dict(found) == pytest.approx(plain(catalog, words, doc_ids))
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=asked, doc_ids=chosen, scored=st.integers(1, 60))
def test_among_many_those_with_a_rare_word_are_ranked_by_all_words(
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    doc_ids: list[str] | None,
    scored: int,
) -> None:
    monkeypatch.setattr(lexical, "SCORED", scored)
    monkeypatch.setattr(lexical, "USUAL", 1.0)
    found = dict(catalog.holding(words, 100, doc_ids=doc_ids))

    full = plain(catalog, words, doc_ids)
    assert found == pytest.approx({i: full[i] for i in found})
    counts = catalog.n_holding(words)
    rarest = min(words, key=lambda word: counts[word])
    if counts[rarest] <= scored:
        assert found.keys() >= plain(catalog, [rarest], doc_ids).keys()


def test_where_rare_words_are_in_too_few_the_next_one_counts_beside_another(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "SCORED", 12)
    monkeypatch.setattr(lexical, "USUAL", 1.0)
    found = catalog.holding(["harbour", "cellar", "march", "unknown"], 100)
    harbour, cellar, march = (
        plain(catalog, [word], None).keys() for word in ("harbour", "cellar", "march")
    )
    assert {i for i, _ in found} == {*harbour, *(march & cellar)}
    full = plain(catalog, ["harbour", "cellar", "march", "unknown"], None)
    assert dict(found) == pytest.approx({i: full[i] for i, _ in found})


def test_a_word_that_stands_nearly_everywhere_is_left_out_where_rare_ones_are_in_enough(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "SCORED", 12)
    words = ["harbour", "apple"]
    n = len(plain(catalog, ["harbour"], None))
    few, more = catalog.holding(words, n), catalog.holding(words, n + 1)

    assert dict(few) == pytest.approx(plain(catalog, ["harbour"], None))
    assert {i for i, _ in few} < {i for i, _ in more}


def test_a_common_word_alone_is_found(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "SCORED", 1)
    assert len(catalog.holding(["apple"], 100)) == 60
    assert len(catalog.holding(["unknown", "apple"], 100)) == 60


def test_how_many_chunks_hold_a_word_is_counted_again_when_there_are_more(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path / "library.db")) as catalog:
        assert catalog.n_holding(["rent"]) == {"rent": 0}
        catalog.queue("a" * 64, "a.pdf", 1, None)
        pages = (Page(1, "page 1", "", (0.0, 0.0)),)
        document = Document("a" * 64, "a.pdf", "application/pdf", pages)
        catalog.store(document, [chunk("a" * 64, 0, "The rents rose.")])
        assert catalog.n_holding(["rent"]) == {"rent": 1}
