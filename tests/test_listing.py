from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import document, hit

from rag.catalog import Catalog
from rag.library import Library
from rag.listing import MOST_SHOWN, asked, place
from rag.types import Answer, Chunk, Done, Span

Open = Callable[..., Library]
Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ("Which documents mention force majeure?", ("force majeure",)),
        ("which files mention “force majeure”", ("force majeure",)),
        ("How many documents mention the harbour?", ("harbour",)),
        ("What documents are about apple trees?", ("apple trees",)),
        ("List all documents about Acme.", ("Acme",)),
        ("Show me the files with the word 'lease'", ("lease",)),
        ("Find every document that mentions Dr Quux", ("Dr Quux",)),
        ("In which files does Acme appear?", ("Acme",)),
        ("In which documents is the lighthouse mentioned?", ("lighthouse",)),
        ("Which of my documents refer to pears or apples?", ("pears", "apples")),
        ("Which PDFs contain the phrase “net sales”?", ("net sales",)),
    ],
)
def test_a_question_for_documents_is_understood(question: str, phrases: tuple[str, ...]) -> None:
    wanted = asked(question)
    assert wanted is not None
    assert wanted.phrases == phrases


@pytest.mark.parametrize(
    "question",
    [
        "Which documents are required for registration?",
        "Which documents must be signed?",
        "Which document mentions that the rent is due monthly?",
        "Which documents explain how to resign?",
        "What does the document mention about pears?",
        "How many documents are in the library?",
        "How many apple trees has the garden?",
        "List all documents the tenant must bring",
        "Where is the harbour?",
        "Which countries are mentioned in the documents?",
        "Which documents mention a very long thing that nobody would ever look up as words?",
    ],
)
def test_other_questions_are_left_to_the_model(question: str) -> None:
    assert asked(question) is None


@pytest.fixture
def library(fake_library: Open, write_pdf: Write) -> Library:
    opened = fake_library()
    files = [
        write_pdf("garden.pdf", "The garden has forty apple trees.", "Apple trees bloom in May."),
        write_pdf("harbour.pdf", "The harbour opened in 1911.\nAn apple tree stands beside it."),
        write_pdf("cellar.pdf", "The cellar is cold. Trees are felled. An apple lies there."),
        write_pdf("apple trees.pdf", "Nothing here."),
    ]
    list(opened.ingest.take_in(files))
    return opened


def answer(library: Library, question: str) -> Answer:
    last = list(library.ask(question))[-1]
    assert isinstance(last, Done)
    return last.answer


def test_every_document_is_listed_with_its_passages_and_first_place(library: Library) -> None:
    found = answer(library, "Which documents mention apple trees?")

    assert found.text.splitlines() == [
        "2 documents mention “apple trees”:",
        "- garden.pdf: 2 passages, the first on page 1",
        "- harbour.pdf: 1 passage, the first on page 1",
    ]
    assert found.marked.splitlines()[1:] == [
        f"{line} [{i}]" for i, line in enumerate(found.text.splitlines()[1:], 1)
    ]
    assert [c.quote for c in found.citations] == [
        "The garden has forty apple trees.", "An apple tree stands beside it.",
    ]  # fmt: skip
    assert all(citation.boxes for citation in found.citations)
    assert (found.maker, found.stop) == ("index", "complete")
    for sentence in found.sentences:
        assert found.text[sentence.start : sentence.end].startswith("- ")


def test_words_apart_are_found_where_they_stand_nowhere_together(library: Library) -> None:
    found = answer(library, "Which documents mention cold apples?")

    assert found.text.splitlines() == [
        "1 document mentions “cold apples”, the words in one passage, if not one behind the other:",
        "- cellar.pdf: 1 passage, the first on page 1",
    ]


def test_none_is_told_and_any_of_several_counts(library: Library) -> None:
    assert answer(library, "How many documents mention ghosts?").text == (
        "No document mentions “ghosts”."
    )
    either = answer(library, "Which documents mention ghosts or the harbour?")
    assert either.text.startswith("1 document mentions “ghosts” or “harbour”:")


def test_what_is_not_read_yet_is_told(library: Library) -> None:
    library.catalog.queue("e" * 64, "new.pdf", 10, None)

    assert answer(library, "Which documents mention ghosts?").text.endswith(
        "Not everything is read yet; ask again later for the rest."
    )


def test_a_listing_goes_with_a_document_that_it_names(library: Library) -> None:
    catalog = library.catalog
    turn_id = catalog.begin_turn("c", "Which documents mention apple trees?")
    catalog.end_turn(turn_id, answer(library, "Which documents mention apple trees?"))
    (doc_id,) = [d.id for d in catalog.documents() if d.name == "harbour.pdf"]

    library.ingest.remove([doc_id])

    conversation = catalog.conversation("c")
    assert conversation is not None
    assert conversation.turns[0].answer is None


@pytest.mark.parametrize("method", ["chunks", "place"])
def test_a_document_that_is_removed_while_the_list_is_made_is_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    (doc_id,) = [d.id for d in library.catalog.documents() if d.name == "harbour.pdf"]
    ask = getattr(Catalog, method)

    def removing(catalog: Catalog, *arguments: object) -> object:
        catalog.remove(doc_id)
        return ask(catalog, *arguments)

    monkeypatch.setattr(Catalog, method, removing)
    found = answer(library, "Which documents mention apple trees?")

    assert "harbour.pdf" not in found.text
    assert found.text.splitlines()[0].startswith("1 document mentions")
    assert [hit.rank for hit in found.hits] == [1]


def test_of_several_hundred_all_are_counted_and_the_first_shown(fake_library: Open) -> None:
    opened = fake_library()
    for n in range(300):
        _store(opened.catalog, n, f"Lease number {n} names Vexmoor." if n % 2 else "Nothing.")

    found = answer(opened, "Which documents mention Vexmoor?")

    lines = found.text.splitlines()
    assert lines[0] == (
        "150 documents mention “Vexmoor”. The first 20, those with the most passages first:"
    )
    assert len(lines) == 1 + MOST_SHOWN
    assert len(found.citations) == MOST_SHOWN


def _store(catalog: Catalog, n: int, text: str) -> None:
    doc_id = f"{n:064}"
    catalog.queue(doc_id, f"{n}.pdf", 1, None)
    chunk = Chunk(f"{doc_id}:0", doc_id, text, (Span(doc_id, 1, 0, len(text)),), 5)
    catalog.store(document(text, doc_id=doc_id, name=f"{n}.pdf"), [chunk])


def test_the_place_of_a_phrase_that_a_line_end_divides_is_found() -> None:
    text = "The lease ends. It names force\nmajeure as a reason. Rent is due."

    span = place(hit(text), ["force majeure"], lambda _doc, _page: text)

    assert text[span.start : span.end] == "It names force\nmajeure as a reason."


@given(st.text(max_size=40), st.text(max_size=10))
def test_a_place_is_always_inside_its_passage(text: str, phrase: str) -> None:
    span = place(hit(text), [phrase], lambda _doc, _page: text)
    assert 0 <= span.start <= span.end <= len(text)


@given(st.text())
def test_no_question_is_too_odd(text: str) -> None:
    asked(text)
    asked(f"Which documents mention {text}?")
