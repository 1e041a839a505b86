from collections.abc import Mapping
from dataclasses import replace

import pytest

from rag.conflicts import find, qualifiers, read
from rag.types import Answer, Chunk, Citation, Hit, Span

OLD = "The deposit is £1,136. The rent is £985 a month, due on the first day of each month."
NEW = "A deposit of £1,325 is payable. The rent is £1,150 a month. Notice is two months."


def hit(doc_id: str, name: str, text: str) -> Hit:
    chunk = Chunk(doc_id, doc_id, text, (Span(doc_id, 1, 0, len(text)),), 9)
    return Hit(chunk, 1.0, 1, "both", name, "page 1")


def answered(text: str, quote: str, *, doc_id: str = "o", page: str = OLD) -> Answer:
    at = page.index(quote)
    citation = Citation(1, Span(doc_id, 1, at, at + len(quote)), quote, True, "", "")
    return Answer("", text, "", (), (citation,), (), "complete", 0, 0, 0.0, 0.0, 0.0)


def conflicts(
    question: str,
    answer: Answer,
    others: Mapping[str, str] = {"Lease Mill Lane": NEW},
) -> list[str]:
    pages = {"o": OLD} | {str(i): text for i, text in enumerate(others.values())}
    hits = [hit("o", "Lease Quay Street.pdf", OLD)]
    hits += [hit(str(i), f"{name}.pdf", pages[str(i)]) for i, name in enumerate(others)]
    found = find(question, answer, hits, lambda doc_id, _: pages[doc_id])
    for citation in found:
        assert (
            citation.quote == pages[citation.span.doc_id][citation.span.start : citation.span.end]
        )
        assert not citation.supported
    return [citation.quote for citation in found]


DEPOSIT = answered("The deposit is £1,136.", "The deposit is £1,136.")


def test_another_figure_in_another_document_is_told() -> None:
    assert conflicts("How much is the deposit?", DEPOSIT) == ["A deposit of £1,325 is payable."]


def test_a_document_that_says_the_same_has_no_conflict() -> None:
    same = {"Lease Mill Lane": f"{NEW} The old deposit was £1,136.00."}

    assert conflicts("How much is the deposit?", DEPOSIT, same) == []


def test_a_question_that_names_the_document_is_answered_by_that_one() -> None:
    assert conflicts("How much is the deposit for Quay Street?", DEPOSIT) == []


def test_figures_of_another_kind_or_matter_are_no_conflict() -> None:
    other = {"Terms": "The deposit is held for 30 days.", "Car": "The excess is £350."}

    assert conflicts("How much is the deposit?", DEPOSIT, other) == []


def test_an_answer_without_a_figure_has_no_conflict_nor_one_that_nothing_bears_out() -> None:
    bare = answered("The tenant pays the deposit.", "The deposit is £1,136.")
    (citation,) = DEPOSIT.citations
    open_ = replace(DEPOSIT, citations=(replace(citation, supported=False),))

    assert conflicts("Who pays the deposit?", bare) == []
    assert conflicts("How much is the deposit?", open_) == []


def test_an_answer_that_cites_both_documents_tells_of_both() -> None:
    (first,) = DEPOSIT.citations
    second = replace(first, span=Span("0", 1, 0, 31), quote=NEW[:31])
    both = replace(DEPOSIT, citations=(first, second))

    assert conflicts("How much are the deposits?", both) == []


def test_of_each_document_the_sentence_most_like_the_one_cited_is_told() -> None:
    more = {"Mail": "A reminder about the rent costs £25. The rent is £1,210 a month from March."}
    rent = answered("The rent is £985 a month.", OLD[OLD.index("The rent") :])

    assert conflicts("How much is the rent?", rent, more) == [
        "The rent is £1,210 a month from March."
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("It costs £1,136.50.", {"money"}),
        ("The rate is 4.5 % or 5 per cent.", {"percent"}),
        ("Two months' notice, or 30 days.", {"month", "day"}),
        ("The bus leaves at 09:50 on 3 April.", {"time", "date"}),
        ("Section 12 of 2018 applies to flat 3.", set()),
    ],
)
def test_figures_are_told_apart_by_what_they_are_of(text: str, kinds: set[str]) -> None:
    assert {kind for kind, _ in read(text)} == kinds


@pytest.mark.parametrize(
    ("one", "other"),
    [("£1,136", "£1,136.00"), ("two months", "2 months"), ("5%", "5 per cent"), ("9:50", "09:50"),
     ("one year", "1 year"), ("3 April", "April 3")],
)  # fmt: skip
def test_one_figure_in_two_forms_is_one(one: str, other: str) -> None:
    assert {*read(one)} == {*read(other)} != set()


def of(question: str, told: str, other: str, *, page: str = "", name: str = "Other") -> list[str]:
    """Conflicts of a document that says `other` with an answer that is the sentence cited."""
    page = page or told
    hits = [hit("o", "One.pdf", page), hit("0", f"{name}.pdf", other)]
    pages = {"o": page, "0": other}
    found = find(question, answered(told, told, page=page), hits, lambda doc_id, _: pages[doc_id])
    return [citation.quote for citation in found]


@pytest.mark.parametrize(
    ("question", "told", "other"),
    [
        ("When does the lease end?", "The lease ends on 30 April 2025.",
         "The lease ends on 30 April 2026."),
        ("How much is the rent?", "The rent is £985 a month from 1 May 2023.",
         "The rent is £1,020 a month from 1 May 2023."),
        ("How much is the rent?", "The rent is £985 a month.",
         "Your rent will increase from £985 to £1,020 a month."),
        ("How much is the fee?", "The fee is EUR 1,136.", "The fee is EUR 1,300."),
        ("How much is the fee?", "The fee is 1.136,00 €.", "The fee is 1.300,00 €."),
        ("How much is the fee?", "The fee is $500.", "The fee is £500."),
        ("How far is the school?", "The school is 2 km away.", "The school is 3 kilometres away."),
        ("What is the notice period?", "The notice period is 28 days.",
         "The notice period is thirty days."),
        ("How many days of holiday do I get?", "You get 25 days of holiday.",
         "All staff are entitled to 28 days of holiday."),
    ],
)  # fmt: skip
def test_what_differs_is_told(question: str, told: str, other: str) -> None:
    assert of(question, told, other) == [other]


@pytest.mark.parametrize(
    ("question", "told", "other"),
    [
        ("How much is the fee?", "The fee is £500.", "The fee is 500 pounds."),
        ("What is the notice period?", "The notice period is 28 days.",
         "The notice period is twenty-eight days."),
        ("What was the bill in 2023?", "The bill in 2023 was £840.", "The bill in 2022 was £790."),
        ("How much was the rent in May?", "The rent in May was £510.", "Month: July | Rent: £530"),
        ("When is the course?", "The course is on 2 weekends.", "The course takes three weeks."),
        ("How much is the rent?", "The rent is £985 a month.",
         "A charge of £25 is made for each reminder to a person who is late with rent or dues."),
    ],
)  # fmt: skip
def test_what_is_the_same_or_of_something_else_is_not(question: str, told: str, other: str) -> None:
    assert of(question, told, other) == []


def test_a_sentence_that_both_documents_have_shows_that_they_agree() -> None:
    told = "The deposit is £1,136."

    assert of("How much is the deposit?", told, f"{told}\n\nThe deposit for a pet is £200.") == []


def test_the_sentence_with_the_questions_words_is_compared() -> None:
    page = "The tenancy began on 1 May 2023. The rent is £985 a month."
    began, rent = "The tenancy began on 1 May 2023.", "The rent is £985 a month."
    both = answered(began, began, page=page)
    (first,) = both.citations
    at = page.index(rent)
    second = replace(first, span=Span("o", 1, at, at + len(rent)), quote=rent)
    both = replace(both, text=page, citations=(first, second))
    other = "The rent is £1,020 a month."
    pages = {"o": page, "0": other}
    hits = [hit("o", "One.pdf", page), hit("0", "Two.pdf", other)]

    found = find("How much is the rent?", both, hits, lambda doc_id, _: pages[doc_id])

    assert [citation.quote for citation in found] == [other]


BOLTS = "Separator lid bolts are tightened to 85 Nm."
MANUAL = f"""{BOLTS} The oil is drained first.
For oiled threads reduce the torque by 15%. Other bolts are tightened instead to 20 Nm.
In dusty rooms, such as a joinery shop, halve the intervals."""


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What torque for the lid bolts if they are oiled?",
         ["For oiled threads reduce the torque by 15%."]),
        ("How often is it done in a joinery shop?",
         ["In dusty rooms, such as a joinery shop, halve the intervals."]),
        ("How tight are the separator lid bolts?", []),
        ("When is the oil drained?", []),
    ],
)  # fmt: skip
def test_what_may_change_a_figure_is_told_where_the_question_speaks_of_it(
    question: str, told: list[str]
) -> None:
    answer = answered("It is 85 Nm.", BOLTS, page=MANUAL)
    found = qualifiers(question, answer, [hit("o", "m.pdf", MANUAL)], lambda *_: MANUAL)

    assert [" ".join(citation.quote.split()) for citation in found] == told
    assert not any(citation.supported for citation in found)


def test_nothing_changes_an_answer_without_a_figure_or_of_another_document() -> None:
    question, hits = "What torque if oiled?", [hit("x", "m.pdf", MANUAL)]
    assert not qualifiers(question, answered("85 Nm.", BOLTS, page=MANUAL), hits, lambda *_: MANUAL)
    plain = answered("It is tight.", BOLTS, page=MANUAL)
    assert not qualifiers(question, plain, [hit("o", "m.pdf", MANUAL)], lambda *_: MANUAL)
