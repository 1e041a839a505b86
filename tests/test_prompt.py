from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import prompt
from rag.errors import ContextOverflow
from rag.prompt import (
    DECLINED,
    INSTRUCTIONS,
    NO_ANSWER,
    NO_DOCUMENTS,
    build,
    is_refusal,
    nearest,
    refusal,
)
from rag.types import Chunk, Hit, Prompt

SENTENCE = "The harbour took in 41 ships that year. "


def words(text: str) -> int:
    return len(text.split())


def letters(text: str) -> int:
    return len(text)


def hit(
    text: str,
    *,
    rank: int = 1,
    name: str = "a.pdf",
    label: str = "page iv",
    heading: Sequence[str] = (),
) -> Hit:
    chunk = Chunk(str(rank), "d", text, (), words(text), tuple(heading))
    return Hit(chunk, 1 / rank, rank, "both", name, label)


def total(built: Prompt) -> int:
    return sum(map(words, (built.instructions, *built.passages, built.question)))


def test_a_passage_stands_under_its_document_page_and_headings() -> None:
    found = hit("Rent rose.\n", name="lease.pdf", heading=["Terms", "Rent"])

    assert prompt.passage(found, found.chunk.text) == (
        "[lease.pdf, page iv, Terms > Rent]\nRent rose.\n\n"
    )


def test_the_model_reads_what_is_clean() -> None:
    found = hit("Gull Harbour 12\nRent ro-\nse.")
    found = replace(found, chunk=replace(found.chunk, clean="Rent rose."))

    built, _ = build("Why?", [found], count_tokens=words, budget=500)

    assert built.passages == (prompt.passage(found, "Rent rose."),)


@pytest.mark.parametrize(
    ("question", "yes_or_no"),
    [
        ("Is the harbour open?", True),
        ("did Acme announce a dividend", True),
        ("Aren't the trees old?", True),
        ("Has the lease ended or not?", True),
        ("May the tenant sublet?", True),
        ("When is the harbour open?", False),
        ("Is the lighthouse red or white?", False),
        ("Can you list the risks?", False),
        ("Do you know who signed it?", False),
        ("May 2018 net sales", False),
        ("Island names", False),
    ],
)
def test_yes_or_no_is_asked_for_where_the_question_asks_for_it(
    question: str, yes_or_no: bool
) -> None:
    built, _ = build(question, [hit("Rent rose.")], count_tokens=words, budget=500)

    assert built.question.startswith(f"Question: {question}\n")
    assert ("Begin with Yes or No" in built.question) == yes_or_no
    assert built.instructions == INSTRUCTIONS


def test_a_head_stays_on_one_line_whatever_the_names_hold() -> None:
    found = hit("Rent rose.", name="a\nQuestion: b.pdf", label=" page 2 ", heading=["One\r\n\ttwo"])

    assert prompt.passage(found, "Rent rose.").splitlines() == [
        "[a Question: b.pdf, page 2, One two]",
        "Rent rose.",
        "",
    ]


def test_a_passage_without_page_or_headings_is_named_by_its_document() -> None:
    assert prompt.passage(hit("x", label=""), "x") == "[a.pdf]\nx\n\n"


def test_the_question_comes_last_and_whole() -> None:
    question = "What was  the rent\nin 2020?"

    built, _ = build(question, [hit("Rent rose.")], count_tokens=words, budget=500)

    assert question in built.question


def test_everything_before_the_question_is_the_same_for_every_question() -> None:
    hits = [hit("Rent rose."), hit("Rent fell.", rank=2)]

    one, _ = build("Why?", hits, count_tokens=words, budget=500)
    other, _ = build("When did it rise?", hits, count_tokens=words, budget=500)

    assert (one.instructions, one.passages) == (other.instructions, other.passages)


def test_the_instructions_hold_the_sentence_for_no_answer() -> None:
    assert NO_ANSWER in INSTRUCTIONS


def test_the_last_passage_is_cut_at_the_end_of_a_sentence() -> None:
    long = hit(SENTENCE * 40)
    fixed, _ = build("Ships?", [], count_tokens=words, budget=9999)

    built, used = build("Ships?", [long], count_tokens=words, budget=total(fixed) + 100)

    assert used == (long,)
    # 3 words of head leave room for 12 sentences of 8 words.
    assert built.passages == (prompt.passage(long, SENTENCE * 12),)


def test_a_passage_of_one_endless_sentence_gives_way_to_a_shorter_one() -> None:
    endless, short = hit("ships " * 90), hit(SENTENCE, rank=2)
    fixed, _ = build("Ships?", [], count_tokens=words, budget=9999)

    _, used = build("Ships?", [endless, short], count_tokens=words, budget=total(fixed) + 60)

    assert used == (short,)


def test_no_passage_is_cut_down_to_a_scrap() -> None:
    fixed, _ = build("Ships?", [], count_tokens=words, budget=9999)

    built, used = build(
        "Ships?", [hit(SENTENCE * 40)], count_tokens=words, budget=total(fixed) + 30
    )

    assert (built.passages, used) == ((), ())


def test_a_question_too_long_for_the_window_says_by_how_much() -> None:
    budget = words(INSTRUCTIONS) + 10

    with pytest.raises(ContextOverflow) as raised:
        build("ship " * 50, [], count_tokens=words, budget=budget)

    # With the words put around it.
    assert str(raised.value) == (
        "The question is 55 tokens long; the model's window leaves room for 10. Shorten it."
    )


def test_a_window_smaller_than_the_instructions_leaves_room_for_nothing() -> None:
    with pytest.raises(ContextOverflow, match="leaves room for 0"):
        build("Ships?", [], count_tokens=words, budget=1)


@pytest.mark.parametrize(
    "text",
    [
        NO_ANSWER,
        " the documents do not answer this",
        f"**{NO_ANSWER}**",
        f"{NO_ANSWER} The passages speak of ships.",
        f"{DECLINED} The nearest passages: a.pdf, 1.",
        f"Yes\n{NO_ANSWER}",
        f"No, {NO_ANSWER}",
        "The passages do not mention the rent. The provided context doesn’t state it.",
        "The passage does not answer this question.",
        "The rent for 2021 is not given in the passages.",
        "I cannot answer this question.",
    ],
)
def test_saying_that_the_documents_do_not_answer_is_a_refusal(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The rent was $412.",
        "The document does not contain a renewal clause.",
        "The lease does not provide for renewal.",
        "Rent rose by 3%. The passages do not mention why.",
        "The auditor said that the documents do not answer this.",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


texts = st.text(alphabet="ab .!?\n", max_size=400)


@given(
    question=texts,
    passages=st.lists(texts, max_size=6),
    budget=st.integers(0, 1500),
    count=st.sampled_from([words, letters]),
)
def test_the_budget_is_never_passed_and_order_is_kept(
    question: str, passages: list[str], budget: int, count: prompt.CountTokens
) -> None:
    budget += count(INSTRUCTIONS)
    hits = [hit(text, rank=rank) for rank, text in enumerate(passages, start=1)]
    try:
        built, used = build(question, hits, count_tokens=count, budget=budget)
    except ContextOverflow:
        return

    parts = (built.instructions, *built.passages, built.question)
    assert sum(map(count, parts)) <= budget
    assert [h.rank for h in used] == sorted(h.rank for h in used)
    assert all(h in hits for h in used)
    for text, found in zip(built.passages, used, strict=True):
        head, _, rest = text.partition("\n")
        assert prompt.passage(found, "").strip() == head
        assert found.chunk.text.strip().startswith(rest.strip())
    assert question in built.question


def test_of_passages_that_are_at_one_place_the_first_is_named() -> None:
    hits = [hit("One.", label="1"), hit("Two.", label="2"), hit("Three.", label="1")]

    assert nearest(hits) == hits[:2]


def test_a_refusal_names_each_of_the_nearest_places_once() -> None:
    hits = [hit("One.", label="1"), hit("Two.", label="1"), hit("Three.", label="3")]

    assert refusal(hits) == (f"{DECLINED} The nearest passages: a.pdf, 1; a.pdf, 3.")
    assert refusal([]) == NO_DOCUMENTS
    assert is_refusal(refusal(hits))
