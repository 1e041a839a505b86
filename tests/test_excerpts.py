from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.arrays import FloatArray
from rag.excerpts import MOST, MOST_READ, nearest, nearness
from rag.testing import HashEmbedder
from rag.types import Chunk, Hit, Span

POLICY = """\
Driving abroad
Full cover applies in the European Union for up to 60 days. Beyond that, only the cover that the law
asks for applies.

Breakdown
We tow the car to a garage within 40 km.

Cancelling
You may cancel within 14 days. It costs £25 then. No other person is covered to drive."""


def hit(
    text: str = POLICY, *, doc_id: str = "d", rank: int = 1, heading: Sequence[str] = ()
) -> Hit:
    chunk = Chunk(
        f"{doc_id}:{rank}", doc_id, text, (Span(doc_id, 1, 0, len(text)),), 9, (*heading,)
    )
    return Hit(chunk, 1 / rank, rank, "both", f"{doc_id}.pdf", "page 1")


def quotes(question: str, *hits: Hit, texts: Sequence[str] = (POLICY,)) -> list[str]:
    """By words alone; texts: of the hits' pages, whose documents are d, e, ..."""
    pages = {chr(ord("d") + i): text for i, text in enumerate(texts)}
    found = nearest(question, hits or [hit()], lambda doc_id, _: pages[doc_id])
    return [" ".join(citation.quote.split()) for citation in found]


def test_the_sentence_with_most_of_the_questions_words_comes_first() -> None:
    assert quotes("Where do you tow my car?")[0] == "We tow the car to a garage within 40 km."


def test_nothing_is_said_to_answer_and_each_quote_is_a_slice_of_its_page() -> None:
    found = nearest("How many days of full cover?", [hit()], lambda *_: POLICY)

    assert [citation.marker for citation in found] == [*range(1, len(found) + 1)]
    for citation in found:
        assert not citation.supported
        assert citation.quote == POLICY[citation.span.start : citation.span.end]
        assert (citation.document, citation.label, citation.boxes) == ("d.pdf", "", ())


def test_sentences_one_behind_the_other_are_one_quote() -> None:
    both = POLICY[POLICY.index("Full") : POLICY.index("\n\nBreakdown")]

    assert quotes("What cover applies beyond the law?") == [" ".join(both.split())]


def test_sentences_are_joined_whichever_comes_first() -> None:
    text = "The flat has a deposit. The flat is big. The flat deposit is kept."

    assert quotes("Which deposit for the flat?", hit(text), texts=[text]) == [text]


def test_long_sentences_are_not_joined() -> None:
    one, two = (f"The deposit {n} {'very ' * 80}much." for n in ("was", "is"))
    text = f"{one} {two}"

    assert quotes("What is the deposit?", hit(text), texts=[text]) == [one, two]


def test_items_of_a_list_say_something_however_short() -> None:
    text = "House rules\n\n- Dogs are not allowed\n- Smoking outside only"

    assert quotes("Are dogs allowed?", hit(text), texts=[text]) == ["- Dogs are not allowed"]
    assert quotes("Notice?", hit("2. Notice"), texts=["2. Notice"]) == []


def test_a_question_without_words_has_nothing_near() -> None:
    assert nearest("???", [hit()], lambda *_: POLICY, HashEmbedder().embed) == ()


def test_a_sentence_that_goes_on_from_the_one_before_comes_with_it() -> None:
    assert quotes("What costs £25?") == ["You may cancel within 14 days. It costs £25 then."]


def test_headings_say_nothing() -> None:
    assert quotes("Cancelling breakdown abroad") == []
    title = "Full cover for all who drive our cars abroad"
    text = f"{title}\n\nFull cover is for drivers abroad."
    assert quotes("Full cover abroad?", hit(text, heading=[title]), texts=[text]) == [
        "Full cover is for drivers abroad."
    ]


@pytest.mark.parametrize("line", ["Blood group: not tested", "Rent 510", "Deposit | none", "Paid."])
def test_a_short_line_with_a_value_says_something(line: str) -> None:
    text = f"Notes\n\n{line}"

    assert quotes(line, hit(text), texts=[text]) == [line]


def test_what_two_documents_say_in_the_same_words_is_told_once() -> None:
    text = "The tenant pays the water rates."

    found = quotes(
        "Who pays the water rates?", hit(text), hit(text, doc_id="e", rank=2), texts=[text, text]
    )

    assert found == [text]


def test_what_is_far_behind_the_best_is_left_out_and_so_is_all_without_a_word_of_it() -> None:
    text = "The tenant pays the water rates.\n\nThe water is soft here.\n\nRepairs are ours alone."

    assert quotes("Does the tenant pay water rates?", hit(text), texts=[text]) == [
        "The tenant pays the water rates."
    ]
    assert quotes("Is smoking allowed?", hit(text), texts=[text]) == []


def test_no_more_than_a_few_are_told_however_many_there_are() -> None:
    texts = [f"Ship {i} took in coal." for i in range(300)]
    text = "\n\nNothing else was done that day.\n\n".join(texts)
    embedded: list[int] = []

    def embed(some: Sequence[str]) -> FloatArray:
        embedded.append(len(some))
        return HashEmbedder().embed(some)

    found = nearest("Which ships took in coal?", [hit(text)], lambda *_: text, embed)

    assert len(found) == MOST
    assert embedded == [1 + MOST_READ]


def test_passages_without_text_have_nothing() -> None:
    assert nearest("Why?", [], lambda *_: "") == ()
    assert nearest("Why?", [hit("")], lambda *_: "", HashEmbedder().embed) == ()


def test_the_words_of_the_question_are_not_all_that_counts() -> None:
    text = (
        "The guests of the house.\n\nSmall caged animals may be kept.\n\nThe house is old and cold."
    )

    def embed(some: Sequence[str]) -> FloatArray:
        likeness = [1.0, 0.1, 0.9, 0.2][: len(some)]
        return np.array([[x, (1 - x * x) ** 0.5] for x in likeness], np.float32)

    found = nearest("May we keep a hamster in the house?", [hit(text)], lambda *_: text, embed)

    assert found[0].quote == "Small caged animals may be kept."


def test_a_passage_over_two_pages_has_sentences_of_both() -> None:
    pages = ["The rent is £510.", "The deposit is £900."]
    spans = tuple(Span("d", i, 0, len(page)) for i, page in enumerate(pages, start=1))
    one = hit(pages[0])
    over = replace(one, chunk=replace(one.chunk, text="\n".join(pages), spans=spans))

    found = nearest("What are rent and deposit?", [over], lambda _, page: pages[page - 1])

    assert [(c.span.page, c.quote) for c in found] == [(1, pages[0]), (2, pages[1])]


def test_scripts_without_spaces_are_told_by_pairs_of_characters() -> None:
    text = "房租每月五百镑。押金为九百镑，入住时支付。花园不属于租赁范围。"

    assert quotes("押金是多少？", hit(text), texts=[text])[0].startswith("押金为九百镑")


def test_a_quote_has_no_running_line_that_stands_in_a_sentence() -> None:
    page = "Gull Mutual - Terms\nto the police within a day of a theft.\nGM-7 Page 2 of 3"
    chunk = replace(hit(page).chunk, clean="to the police within a day of a theft.")

    assert quotes("Who hears of a theft?", replace(hit(), chunk=chunk), texts=[page]) == [
        "to the police within a day of a theft."
    ]


def near(question: str, quote: str, *, embed: bool = False) -> float:
    start = POLICY.index(quote)
    spans = [Span("d", 1, start, start + len(quote))]
    by = HashEmbedder().embed if embed else None
    return nearness(question, [hit()], spans, lambda *_: POLICY, by)


def test_what_is_cited_is_as_near_as_the_nearest_sentence_or_falls_short_of_it() -> None:
    tow = "We tow the car to a garage within 40 km."

    for embed in (False, True):
        assert near("Where do you tow the car to?", tow, embed=embed) == 1.0
        assert 0 <= near("Where do you tow the car to?", "It costs £25 then.", embed=embed) < 0.8


def test_several_sentences_are_as_near_as_the_nearest_of_them() -> None:
    both = "You may cancel within 14 days. It costs £25 then."

    assert near("Within how many days may I cancel?", both) == 1.0


def test_what_is_cited_in_another_document_that_says_the_same_is_as_near() -> None:
    quote = "It costs £25 then."
    start = POLICY.index(quote)
    spans = [Span("e", 1, start, start + len(quote))]
    hits = [hit(), hit(doc_id="e", rank=2)]

    assert nearness("What costs £25?", hits, spans, lambda *_: POLICY) == 1.0


def test_nothing_is_far_where_nothing_can_be_told() -> None:
    assert near("Why?", "It costs £25 then.") == 1.0
    assert nearness("What costs £25?", [hit()], [], lambda *_: POLICY) == 1.0
    assert near("Who tows?", "Breakdown") == 1.0


def test_a_footer_with_the_number_of_the_page_is_no_quote() -> None:
    page = "The flat at Hill Terrace has two rooms.\nLease - Flat 4, Hill Terrace - Page 1 of 3"

    assert quotes("What rooms has the flat?", hit(page), texts=[page]) == [
        "The flat at Hill Terrace has two rooms."
    ]


def test_a_sentence_with_but_a_name_of_the_question_comes_no_nearer() -> None:
    page = "Gull Ltd and Tern Ltd, Quay 2. The Buyer may end it after a year."
    start = page.index("The Buyer")
    spans = [Span("d", 1, start, len(page))]

    def nearer(question: str) -> float:
        return nearness(question, [hit(page)], spans, lambda *_: page)

    assert nearer("When may Gull and Tern end it?") == 1.0
    assert nearer("When may gull and tern end it?") < 1.0
