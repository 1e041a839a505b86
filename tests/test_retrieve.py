from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import document

from rag import retrieve as module
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.chunk import chunk
from rag.retrieve import retrieve
from rag.testing import HashEmbedder, MemoryIndex, WordTokenizer
from rag.types import Document, Embedder, Hit

A, B, C = "a" * 64, "b" * 64, "c" * 64


class Shelf:
    """A catalogue and an index to search, and whether the embedder was needed."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.vectors = MemoryIndex()
        self.n_loaded = 0

    def put(self, made: Document, *, embedded: bool = True) -> None:
        chunks = chunk(made, WordTokenizer())
        self.catalog.queue(made.id, made.name, 1, None)
        self.catalog.store(made, chunks)
        if embedded:
            rows = HashEmbedder().embed([c.embedded_text for c in chunks])
            self.catalog.store_vectors([c.id for c in chunks], rows)
            self.vectors.add([c.id for c in chunks], [made.id] * len(chunks), rows)

    def find(
        self, question: str, top_k: int = 6, doc_ids: Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        return retrieve(
            question,
            catalog=self.catalog,
            vectors=self.vectors,
            embedder=self._embedder,
            top_k=top_k,
            doc_ids=doc_ids,
        )

    def _embedder(self) -> Embedder:
        self.n_loaded += 1
        return HashEmbedder()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Catalog(tmp_path / "library.db")) as catalog:
        yield Shelf(catalog)


def test_a_passage_found_both_ways_says_so_and_where_it_stands(shelf: Shelf) -> None:
    shelf.put(document("", "Forty apple trees.", doc_id=A, name="garden.pdf"))

    (hit,) = shelf.find("How many apple trees?")

    assert (hit.rank, hit.origin, hit.document, hit.label) == (1, "both", "garden.pdf", "2")
    assert hit.chunk.text == "Forty apple trees."


def test_words_alone_find_a_document_without_vectors_and_need_no_embedder(shelf: Shelf) -> None:
    shelf.put(document("Forty apple trees.", doc_id=A), embedded=False)

    (hit,) = shelf.find("How many apple trees?")

    assert (hit.origin, shelf.n_loaded) == ("lexical", 0)


def test_vectors_alone_find_a_passage_without_the_questions_words(shelf: Shelf) -> None:
    shelf.put(document("Forty apple trees.", doc_id=A, name="garden.pdf"))

    (hit,) = shelf.find("Wie viele?")

    assert hit.origin == "dense"


def test_ranks_count_from_one_and_no_more_come_than_asked_for(shelf: Shelf) -> None:
    for i in range(5):
        shelf.put(document(f"Tree number {i} bears apples.", doc_id=f"{i}" * 64, name=f"{i}.pdf"))

    hits = shelf.find("Which tree bears apples?", top_k=3)

    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_same_text_in_two_documents_is_shown_once(shelf: Shelf) -> None:
    shelf.put(document("Forty apple trees.", doc_id=A, name="garden.pdf"))
    shelf.put(document("forty  APPLE trees.", doc_id=B, name="copy.pdf"))
    shelf.put(document("Thirty apple trees.", doc_id=C, name="other.pdf"))

    hits = shelf.find("apple trees", top_k=2)

    assert sorted(" ".join(hit.chunk.text.casefold().split()) for hit in hits) == [
        "forty apple trees.",
        "thirty apple trees.",
    ]
    assert [hit.rank for hit in hits] == [1, 2]


def test_vectors_of_a_removed_document_are_passed_over(shelf: Shelf) -> None:
    shelf.put(document("Forty apple trees.", doc_id=A))
    shelf.catalog.remove(A)

    assert shelf.find("apple trees") == ()


def test_an_empty_library_gives_nothing(shelf: Shelf) -> None:
    assert shelf.find("apple trees") == ()


@pytest.mark.parametrize("cheaper", [10_000, 0])
def test_chosen_documents_alone_are_looked_in_by_words_and_by_meaning(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, cheaper: int
) -> None:
    monkeypatch.setattr(module, "CHEAPER", cheaper)
    for i in range(60):
        shelf.put(document(f"Apple tree {i}.", doc_id=f"{i:064}", name=f"{i}.pdf"))
    shelf.put(document("Forty pear trees.", doc_id=A, name="garden.pdf"))
    shelf.put(document("Fifty apple trees.", doc_id=B, name="late.pdf"), embedded=False)

    hits = shelf.find("Apple tree 1.", doc_ids=[A, B])

    assert {(hit.document, hit.origin) for hit in hits} == {
        ("garden.pdf", "both"),
        ("late.pdf", "lexical"),
    }
    assert shelf.find("Apple tree 1.", doc_ids=[]) == ()


def test_of_all_documents_chosen_the_same_is_found_as_of_none(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{i:064}" for i in range(9)]
    for i, doc_id in enumerate(ids):
        shelf.put(document(f"Apple tree {i}.", doc_id=doc_id, name=f"{i}.pdf"))
    for cheaper in (10_000, 0):
        monkeypatch.setattr(module, "CHEAPER", cheaper)

        assert shelf.find("Apple tree 1.", doc_ids=ids) == shelf.find("Apple tree 1.")


def test_a_misspelt_name_finds_its_document(shelf: Shelf) -> None:
    for name in ("NETFLIX_2015_10K.pdf", "ADOBE_2015_10K.pdf"):
        shelf.put(document(f"Cash of {name[0]}.", doc_id=name[0] * 64, name=name), embedded=False)

    assert [hit.document for hit in shelf.find("Netfilx")] == ["NETFLIX_2015_10K.pdf"]


def test_a_document_that_the_question_names_comes_first(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"Orchard.pdf": "Cash, debt, cash.", "Pears.pdf": "Cash.", "Plums.pdf": "Debt."}
    for i, (name, text) in enumerate(texts.items()):
        shelf.put(document(text, doc_id=f"{i}" * 64, name=name), embedded=False)
    pages = ["Debt.", *["Nothing of it."] * 3]
    shelf.put(document(*pages, doc_id=A, name="ADOBE_2015_10K.pdf"), embedded=False)

    assert shelf.find("What is the cash to debt of Adobe?")[0].document == "ADOBE_2015_10K.pdf"

    monkeypatch.setattr(module, "OTHER", 0)
    assert shelf.find("What is the cash to debt of Adobe?")[0].document == "Orchard.pdf"


def test_no_document_is_named_by_a_word_of_two_names_or_of_other_texts(shelf: Shelf) -> None:
    texts = {"Orchard lease.pdf": "Fee.", "Harbour lease.pdf": "Rent.", "Notes.pdf": "Harbour fee."}
    for name, text in texts.items():
        shelf.put(document(text, doc_id=name[0].lower() * 64, name=name), embedded=False)
    catalog = shelf.catalog

    def called(word: str) -> list[str]:
        return catalog.called(catalog.n_holding([word]), elsewhere=0.1)

    assert called("orchard") == ["o" * 64]
    assert not [*called("orch"), *called("lease"), *called("harbour")]


def test_a_ratio_is_found_by_what_it_is_made_of(shelf: Shelf) -> None:
    shelf.put(document("Total current liabilities 500", doc_id=A), embedded=False)

    (hit,) = shelf.find("What is the working capital?")

    assert hit.chunk.text == "Total current liabilities 500"


def test_a_page_that_the_question_names_comes_first(shelf: Shelf) -> None:
    texts = [f"The apples of part {i}." for i in range(1, 9)]
    shelf.put(document(*texts, doc_id=A))

    hits = shelf.find("How many apples are on page 5?")

    assert hits[0].chunk.spans[0].page == 5


def test_of_the_pages_of_a_passage_the_one_that_speaks_of_the_question_comes_first(
    shelf: Shelf,
) -> None:
    shelf.put(document("Roses in the garden.", "Boats in the harbour.", doc_id=A))

    assert [shelf.find(q)[0].pages for q in ("Which roses?", "Which boats?")] == [(1, 2), (2, 1)]


@given(st.text())
def test_whatever_is_asked_something_or_nothing_is_found(question: str) -> None:
    with TemporaryDirectory() as folder, closing(Catalog(Path(folder, "library.db"))) as catalog:
        shelf = Shelf(catalog)
        shelf.put(document("Forty apple trees.", doc_id=A))

        assert len(shelf.find(question)) == 1


def test_the_index_is_asked_for_more_when_the_nearest_are_of_documents_not_chosen(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHEAPER", 0)
    monkeypatch.setattr(module, "CANDIDATES", 4)
    monkeypatch.setattr(module, "SIGHT", 4)
    for i in range(40):
        shelf.put(document(f"Apple tree {i}.", doc_id=f"{i:064}", name=f"{i}.pdf"))
    chosen = [f"{i + 100:064}" for i in range(10)]
    for i, doc_id in enumerate(chosen):
        shelf.put(document(f"Pear {i}.", doc_id=doc_id, name="pears.pdf"))
    asked: list[int] = []
    real = shelf.vectors.query

    def query(vector: FloatArray, n: int) -> list[str]:
        asked.append(n)
        return real(vector, n)

    monkeypatch.setattr(shelf.vectors, "query", query)
    hits = shelf.find("Apple tree 1", doc_ids=chosen)

    assert asked == [40, 160]
    assert {hit.document for hit in hits} == {"pears.pdf"}


def test_the_nearest_are_told_by_whole_vectors_where_the_index_has_shorter_ones(
    shelf: Shelf,
) -> None:
    for i, text in enumerate(["Pears are green.", "Apples are red.", "Plums are blue."]):
        shelf.put(document(text, doc_id=f"{i:064}", name=f"{i}.pdf"))
    seen = sorted(shelf.vectors.ids())
    (vector,) = HashEmbedder().embed(["Apples are red."])

    near = module._nearest(vector, [*seen, "gone:0"], shelf.catalog, None)

    kept = shelf.vectors.get(seen)
    cosines = {chunk_id: float(kept[chunk_id] @ vector) for chunk_id in seen}
    assert dict(near) == pytest.approx(cosines, abs=0.001)
    assert [chunk_id for chunk_id, _ in near] == sorted(cosines, key=lambda i: -cosines[i])
    assert near[0][0] == f"{1:064}:0"
