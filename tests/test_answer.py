from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from libraries import hit

from rag.answer import AGAIN, Apart, Each, Limits, ask
from rag.arrays import FloatArray
from rag.errors import ContextOverflow, ModelMissing
from rag.excerpts import Embed
from rag.prompt import DECLINED, INSTRUCTIONS, NO_ANSWER, NO_DOCUMENTS, OPENING, is_refusal, passage
from rag.refusal import DEFAULT, Rule, needed
from rag.testing import HashEmbedder, ScriptedGenerator
from rag.types import (
    Answer,
    AnswerEvent,
    Box,
    Delta,
    Done,
    Generator,
    Hit,
    Prompt,
    Reading,
    Sources,
    Span,
    Strictness,
    Waiting,
)

TREES = "The garden has forty apple trees."
PEARS = "Pears ripen in September."
HITS = (hit(TREES, page=1, rank=1), hit(PEARS, page=2, rank=2))
PAGES = {1: TREES, 2: PEARS}
LIMITS = Limits(prompt_tokens=2000, answer_tokens=100)
QUESTION = "How many apple trees does the garden have?"


def box_of(span: Span) -> tuple[Box, ...]:
    return (Box(span.page, span.start, span.end, 0.0),)


def cancelled_after(n: int) -> Callable[[], bool]:
    seen: list[int] = []

    def cancelled() -> bool:
        seen.append(1)
        return len(seen) >= n

    return cancelled


def events(
    generator: Generator,
    *,
    question: str = QUESTION,
    hits: tuple[Hit, ...] = HITS,
    limits: Limits = LIMITS,
    rule: Rule = DEFAULT,
    strictness: Strictness = "normal",
    cancelled: Callable[[], bool] = lambda: False,
    each: Each = lambda _rows: (),
    alone: Apart = lambda _question: (),
    embed: Embed | None = None,
) -> list[AnswerEvent]:
    return list(
        ask(
            question,
            retrieve=lambda _: hits,
            generator=lambda: generator,
            page_text=lambda _doc_id, page: PAGES[page],
            label=lambda _doc_id, page: f"page {page}",
            boxes=box_of,
            each=each,
            alone=alone,
            limits=limits,
            embed=embed,
            rule=rule,
            strictness=strictness,
            cancelled=cancelled,
        )
    )


def answer(happened: list[AnswerEvent]) -> Answer:
    last = happened[-1]
    assert isinstance(last, Done)
    return last.answer


def hits_of(event: AnswerEvent) -> tuple[Hit, ...]:
    assert isinstance(event, Sources)
    return event.hits


def test_sources_come_first_then_the_words_then_the_answer() -> None:
    happened = events(ScriptedGenerator("Forty apple trees."))

    assert hits_of(happened[0]) == HITS
    assert happened[1:-1] == [Delta("Forty "), Delta("apple "), Delta("trees.")]
    assert isinstance(happened[-1], Done)


def test_sources_come_before_the_model_is_loaded() -> None:
    def missing() -> Generator:
        raise ModelMissing("The model is missing.")

    happening = ask(
        QUESTION,
        retrieve=lambda _: HITS,
        generator=missing,
        page_text=lambda _doc_id, page: PAGES[page],
        label=lambda _doc_id, page: f"page {page}",
        boxes=box_of,
        limits=LIMITS,
    )

    assert hits_of(next(happening)) == HITS
    with pytest.raises(ModelMissing):
        next(happening)


def test_an_answer_says_what_it_was_made_of() -> None:
    generator = ScriptedGenerator("The garden has forty apple trees.")

    found = answer(events(generator))

    assert (found.question, found.text, found.stop) == (
        QUESTION, "The garden has forty apple trees.", "complete",
    )  # fmt: skip
    assert found.hits == HITS
    assert found.output_tokens == 6
    assert found.prompt_tokens == generator.prompt_tokens(generator.prompts[0])
    assert found.first_token_s is not None
    assert 0 <= found.retrieve_s <= found.first_token_s <= found.total_s


def test_a_citation_quotes_its_page_exactly_and_has_its_boxes() -> None:
    found = answer(events(ScriptedGenerator("The garden has forty apple trees.")))

    (citation,) = found.citations
    assert citation.supported
    assert citation.quote == PAGES[citation.span.page][citation.span.start : citation.span.end]
    assert citation.quote == TREES
    assert citation.boxes == box_of(citation.span)
    assert found.marked == "The garden has forty apple trees. [1]"


def test_a_sentence_that_no_passage_bears_out_is_marked_so() -> None:
    text = "The garden has forty apple trees. Dr Quuxberry owns 9,876 elephants."

    found = answer(events(ScriptedGenerator(text)))

    assert [sentence.supported for sentence in found.sentences] == [True, False]
    assert found.marked.count("?]") == 1


def test_an_answer_that_nothing_bears_out_is_withheld_and_the_nearest_passages_named() -> None:
    text = "Dr Quuxberry owns 9,876 elephants."

    found = answer(events(ScriptedGenerator(text)))

    assert (found.stop, found.sentences, found.citations) == ("no_evidence", (), ())
    assert found.text == found.marked == (
        f"{DECLINED} The nearest passages: report.pdf, page 1; report.pdf, page 2."
    )  # fmt: skip
    assert found.withheld == text
    assert found.confidence is not None
    assert found.confidence < needed(DEFAULT, "normal")


def test_an_answer_from_another_sentence_than_the_nearest_is_withheld(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apples = "Apples of the old garden ripen in August."
    question = "When do the apples of the old garden ripen?"
    monkeypatch.setitem(PAGES, 1, apples)
    hits = (hit(apples, page=1, rank=1), hit(PEARS, page=2, rank=2))
    embedded: list[str] = []

    def embed(texts: Sequence[str]) -> FloatArray:
        embedded.extend(texts)
        return HashEmbedder().embed(texts)

    def told(said: str, rule: Rule = DEFAULT) -> Answer:
        generator = ScriptedGenerator(said)
        return answer(events(generator, question=question, hits=hits, embed=embed, rule=rule))

    assert told(apples).stop == "complete"
    assert told(PEARS).stop == "no_evidence"
    assert sorted(embedded) == sorted([question, apples, PEARS] * 2)  # once for each question
    assert told(PEARS, replace(DEFAULT, near=0.0)).stop == "complete"


@pytest.mark.parametrize(
    ("sure", "order"), [(None, [PEARS, TREES]), (-0.9, [PEARS, TREES]), (-1.1, [TREES, PEARS])]
)
def test_what_a_withheld_draft_cites_is_among_what_comes_nearest(
    sure: float | None, order: list[str]
) -> None:
    question = "How many apple trees has the garden?"
    generator = ScriptedGenerator(PEARS, chances=(0.0, -(sure or 0.0)))
    rule = Rule(bias=-5.0, supported=3.0, absent=-1.0, sure=0.0 if sure is None else 1.0)

    withheld = answer(events(generator, question=question, rule=rule))

    assert withheld.withheld == PEARS
    assert [(c.marker, c.quote) for c in withheld.nearest] == [*enumerate(order, start=1)]
    assert not any(c.supported for c in withheld.nearest)
    assert withheld.nearest[0].boxes == box_of(withheld.nearest[0].span)


def test_a_footer_that_a_withheld_draft_cites_is_not_among_what_comes_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    footer = "Lease of Fellgate House - Page 1 of 3"
    rule = "No dog may be kept there."
    monkeypatch.setitem(PAGES, 1, f"{footer}\n\n{PEARS} {TREES}\n\n{rule}")
    generator = ScriptedGenerator("Fellgate House: no dog may be kept there.")

    withheld = answer(
        events(
            generator,
            question="Are dogs allowed at Fellgate House?",
            hits=(hit(PAGES[1]),),
            rule=Rule(bias=-9.0, supported=3.0, absent=-1.0),
        )
    )

    assert withheld.withheld
    assert [c.quote for c in withheld.nearest][:1] == [rule]
    assert not any(footer in c.quote for c in withheld.nearest)


def test_in_place_of_a_bare_no_stands_the_sentence_that_comes_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = "Mobile telephones are covered everywhere. A house may have a garden, a shed, a fence."
    monkeypatch.setitem(PAGES, 1, page)
    question = "Is my mobile covered when I am out of the house?"

    def told(sure: float, said: str = "No.") -> str:
        generator = ScriptedGenerator(said, chances=(0.0, -sure))
        rule = Rule(bias=-2.0, supported=3.0, absent=-1.0, sure=1.0, near=3.0)
        embed = HashEmbedder().embed
        shown = events(generator, question=question, hits=(hit(page),), embed=embed, rule=rule)
        return answer(shown).text

    quote = "Mobile telephones are covered everywhere."
    said = f"Yes, {quote.lower()}"
    assert told(0.8) == quote
    assert is_refusal(told(0.2))  # it is but the nearest, and the model has not said it
    assert told(0.2, said) == said


def test_what_comes_nearest_is_told_with_the_sources_and_again_where_nothing_is_sure() -> None:
    happened = events(ScriptedGenerator("Dr Quuxberry owns 9,876 elephants."))
    found, shown = happened[0], answer(happened)

    assert isinstance(found, Sources)
    for nearest in (found.nearest, shown.nearest):
        assert [(c.quote, c.label, c.supported) for c in nearest[:1]] == [(TREES, "page 1", False)]
    assert found.nearest[0].boxes == ()
    assert shown.nearest[0].boxes == box_of(shown.nearest[0].span)
    assert answer(events(ScriptedGenerator("The garden has forty apple trees."))).nearest == ()


def test_an_answer_to_a_question_about_something_else_is_withheld() -> None:
    generator = ScriptedGenerator("The garden has forty apple trees.")
    question = "How many apple trees does the garden of Castle Vexmoor have?"

    assert answer(events(generator, question=question)).stop == "no_evidence"
    assert answer(events(generator)).stop == "complete"


def test_how_strict_it_is_decides_in_between() -> None:
    rule = Rule(bias=0.2, supported=0.0, absent=0.0)

    def stop(strictness: Strictness) -> str:
        generator = ScriptedGenerator("The garden has forty apple trees.")
        return answer(events(generator, rule=rule, strictness=strictness)).stop

    assert (stop("strict"), stop("normal"), stop("lenient")) == (
        "no_evidence", "complete", "complete",
    )  # fmt: skip


def test_a_model_is_asked_for_a_second_opinion_only_where_that_counts() -> None:
    rule = Rule(bias=0.0, supported=0.0, absent=0.0, sure=1.0)

    def confidence(chances: tuple[float, ...], rule: Rule) -> float | None:
        generator = ScriptedGenerator("The garden has forty apple trees.", chances=chances)
        return answer(events(generator, rule=rule)).confidence

    sure, unsure = confidence((-0.1, -3.0), rule), confidence((-3.0, -0.1), rule)
    assert sure is not None
    assert unsure is not None
    assert sure > 0.8
    assert unsure < 0.4
    assert confidence((), rule) == 0.5
    deaf = replace(rule, sure=0.0)
    assert confidence((-0.1, -3.0), deaf) == confidence((-3.0, -0.1), deaf) == 0.5


def test_a_sum_is_worked_out_by_code_and_each_operand_cited_at_its_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = "(in millions)\n2018 2017\nNet sales 1,577 1,437\nCosts 900 850"
    monkeypatch.setitem(PAGES, 1, table)
    generator = ScriptedGenerator("Net sales grew by a lot.")

    happened = events(
        generator, question="By how much did net sales grow in 2018?", hits=(hit(table),)
    )

    found = answer(happened)
    assert found.text == (
        "Net sales rose by 140 million (+9.74 %) from 2017 to 2018: 1,577 − 1,437 = 140 million."
    )
    assert (found.marked, found.maker) == (f"{found.text} [1][2]", "figures")
    assert [c.quote for c in found.citations] == ["1,437", "1,577"]
    assert [c.boxes for c in found.citations] == [box_of(c.span) for c in found.citations]
    assert (found.sentences[0].markers, found.is_unsupported) == ((1, 2), False)
    assert (hits_of(happened[0]), happened[1]) == ((hit(table),), Delta(found.text))
    assert generator.prompts == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Sales grew by 10.2% from 1,437 to 1,577.", "Sales grew by 9.7% from 1,437 to 1,577."),
        ("Sales grew by 9.7% from 1,437 to 1,577.", "Sales grew by 9.7% from 1,437 to 1,577."),
    ],
)
def test_a_change_that_the_model_worked_out_is_put_right_where_its_figures_are_borne_out(
    monkeypatch: pytest.MonkeyPatch, said: str, shown: str
) -> None:
    text = "Sales of lamps grew from 1,437 to 1,577."
    monkeypatch.setitem(PAGES, 1, text)

    found = answer(events(ScriptedGenerator(said), question="What of sales?", hits=(hit(text),)))

    assert found.text == shown
    assert found.marked == f"{shown} [1]"


def test_a_change_between_figures_that_no_passage_bears_out_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "Sales of lamps grew from 1,437 to 1,577."
    monkeypatch.setitem(PAGES, 1, text)
    said = "Sales grew by 10.2% from 1,437 to 1,600. Sales of lamps grew from 1,437 to 1,577."

    found = answer(events(ScriptedGenerator(said), question="What of sales?", hits=(hit(text),)))

    assert found.text == said
    assert [sentence.supported for sentence in found.sentences] == [False, True]


def test_a_sum_without_certain_operands_is_left_to_the_model() -> None:
    generator = ScriptedGenerator("The garden has forty apple trees.")
    question = "By how much did the apple trees of the garden grow in 2018?"

    assert answer(events(generator, question=question)).maker == "model"
    assert len(generator.prompts) == 1


SALES = {
    3: "(in millions)\n2017 2016\nNet sales 1,437 1,300",
    4: "(in millions)\n2019 2018\nNet sales 1,600 1,577",
    5: "Sales are what matters.",
}


def test_a_figure_over_time_is_put_together_from_all_documents_that_show_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("test_answer.PAGES", PAGES | SALES)
    documents = [
        replace(hit(text, page=page, doc_id=str(page) * 64), document=f"{page}.pdf")
        for page, text in SALES.items()
    ]

    def shown(*found: Hit) -> Answer:
        generator = ScriptedGenerator("Net sales grew by a lot.")
        question = "How have net sales changed over the years?"
        return answer(
            events(generator, question=question, each=lambda _: [(one,) for one in found])
        )

    found = shown(*documents)
    assert found.maker == "figures"
    assert found.marked.splitlines() == [
        "Net sales, in order of time:",
        "- 2016: 1,300 million [1]",
        "- 2017: 1,437 million [2]",
        "- 2018: 1,577 million [3]",
        "- 2019: 1,600 million [4]",
        (
            "Net sales rose by 300 million (+23.1 %) between the first and the last: "
            "1,600 − 1,300 = 300 million. Not found for certain in 5.pdf. [1][4]"
        ),
    ]
    assert found.named == ("5" * 64,)
    assert [c.quote for c in found.citations] == ["1,300", "1,437", "1,577", "1,600"]
    assert [c.document for c in found.citations] == ["3.pdf", "3.pdf", "4.pdf", "4.pdf"]
    assert [found.text[s.start : s.end] for s in found.sentences] == found.text.splitlines()[1:]
    assert (
        shown(documents[0], documents[2], replace(documents[2], document="6.pdf")).maker == "model"
    )
    assert shown(documents[2]).maker == "model"


def test_a_row_that_no_passage_shows_is_looked_for_in_the_whole_of_the_one_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("test_answer.PAGES", PAGES | SALES)
    prose, table = hit(SALES[5], page=5), hit(SALES[4], page=4)
    question = "What were net sales in 2019?"

    def maker(*hits: Hit) -> str:
        generator = ScriptedGenerator("Net sales grew by a lot.")
        found = events(generator, question=question, hits=hits, each=lambda _: [(prose, table)])
        return answer(found).maker

    assert maker(prose) == "figures"
    assert maker(prose, hit(SALES[5], page=5, doc_id="e" * 64)) == "model"


SEVERAL = "What do these reports say about apple trees and pears?"


def test_a_question_that_spans_documents_is_answered_for_each_of_them() -> None:
    a, b = replace(HITS[0], document="a.txt"), replace(HITS[1], document="b.txt")
    generator = ScriptedGenerator("The garden has forty apple trees.", "Pears ripen in September.")
    asked: list[str] = []

    def alone(question: str) -> list[tuple[Hit, ...]]:
        asked.append(question)
        return [(a,), (b,)]

    happened = events(generator, question=SEVERAL, alone=alone)

    assert asked == ["What does this document say about apple trees and pears?"]
    assert [prompt.passages for prompt in generator.prompts] == [
        (passage(a, TREES),),
        (passage(b, PEARS),),
    ]
    told = answer(happened)
    assert told.text == (
        "a.txt:\nThe garden has forty apple trees.\n\nb.txt:\nPears ripen in September."
    )
    assert told.marked == (
        "a.txt:\nThe garden has forty apple trees. [1]\n\nb.txt:\nPears ripen in September. [2]"
    )
    assert "".join(e.text for e in happened if isinstance(e, Delta)) == told.text
    assert [e.hits for e in happened if isinstance(e, Sources)] == [HITS, told.hits]
    assert [told.text[s.start : s.end] for s in told.sentences] == [TREES, PEARS]
    assert [(c.marker, c.quote, c.label) for c in told.citations] == [
        (1, TREES, "page 1"),
        (2, PEARS, "page 2"),
    ]
    assert (told.question, told.stop, [h.rank for h in told.hits]) == (SEVERAL, "complete", [1, 2])


def test_a_document_that_does_not_answer_is_named_among_those_that_do() -> None:
    a, b = replace(HITS[0], document="a.txt"), replace(HITS[1], document="b.txt")
    for of_a, marked in (
        (NO_ANSWER, "a.txt:\nNo sure answer was found in it."),
        ("The moon is made of cheese.", "a.txt:\nNo sure answer was found in it."),
    ):
        generator = ScriptedGenerator(of_a, "Pears ripen in September.")
        told = answer(events(generator, question=SEVERAL, alone=lambda _: [(a,), (b,)]))
        assert told.marked == f"{marked}\n\nb.txt:\nPears ripen in September. [1]"
        assert (told.stop, told.withheld) == ("complete", "")


def test_of_documents_asked_one_by_one_the_nearest_of_those_that_do_not_answer_is_told() -> None:
    a, b = hit(TREES, doc_id="a" * 64), hit(PEARS, page=2, doc_id="b" * 64)
    asked = "What do these documents say about apple trees and pears?"

    def nearest(*said: str) -> list[tuple[int, str]]:
        generator = ScriptedGenerator(*said)
        told = answer(events(generator, question=asked, alone=lambda _: [(a,), (b,)]))
        return [(citation.marker, citation.quote) for citation in told.nearest]

    happened = events(ScriptedGenerator(TREES, PEARS), question=asked, alone=lambda _: [(a,), (b,)])
    (first,) = [e for e in happened[1:] if isinstance(e, Sources)]
    assert [(c.marker, c.quote, c.label) for c in first.nearest] == [
        (1, TREES, "page 1"), (2, PEARS, "page 2"),
    ]  # fmt: skip
    assert nearest(NO_ANSWER, PEARS) == [(1, TREES)]
    assert nearest(NO_ANSWER, NO_ANSWER) == [(1, TREES), (2, PEARS)]
    assert nearest(TREES, PEARS) == []


def test_a_document_that_tells_of_no_change_does_not_answer_how_something_has_changed() -> None:
    a, b = replace(HITS[0], document="a.txt"), replace(HITS[1], document="b.txt")
    asked = "Summarize these reports on the garden, and how it has changed."
    generator = ScriptedGenerator("The garden has forty apple trees.", "Pears ripen in September.")

    told = answer(events(generator, question=asked, alone=lambda _: [(a,), (b,)]))

    assert (len(generator.prompts), told.stop, told.citations) == (2, "no_evidence", ())
    assert told.withheld == "The garden has forty apple trees.\nPears ripen in September."
    assert told.confidence == 0


def test_where_no_document_answers_that_is_the_answer() -> None:
    a, b = replace(HITS[0], document="a.txt"), replace(HITS[1], document="b.txt")
    generator = ScriptedGenerator(NO_ANSWER, "The moon is made of cheese.")

    told = answer(events(generator, question=SEVERAL, alone=lambda _: [(a,), (b,)]))

    assert is_refusal(told.text)
    assert all(name in told.text for name in ("a.txt", "b.txt"))
    assert (told.stop, told.citations, told.sentences) == ("no_evidence", (), ())
    assert told.withheld == "The moon is made of cheese."


def test_stop_ends_the_round_of_documents() -> None:
    a, b = replace(HITS[0], document="a.txt"), replace(HITS[1], document="b.txt")
    generator = ScriptedGenerator("The garden has forty apple trees.", "Pears ripen.")

    told = answer(
        events(
            generator,
            question=SEVERAL,
            alone=lambda _: [(a,), (b,)],
            cancelled=cancelled_after(3),
        )
    )

    assert (told.stop, len(generator.prompts)) == ("cancelled", 1)
    assert told.text.startswith("a.txt:\nThe garden")


def test_one_document_is_asked_the_question_as_it_is() -> None:
    generator = ScriptedGenerator("The garden has forty apple trees.")

    told = answer(events(generator, question=SEVERAL, alone=lambda _: [HITS]))

    assert told.text == "The garden has forty apple trees."
    assert SEVERAL in generator.prompts[0].question


def test_a_cancelled_answer_is_not_weighed() -> None:
    found = answer(events(ScriptedGenerator("Elephants fly."), cancelled=cancelled_after(2)))

    assert (found.stop, found.confidence, found.text) == ("cancelled", None, "Elephants ")


def test_the_model_reads_the_passages_that_the_answer_names() -> None:
    generator = ScriptedGenerator("Forty.")
    long = tuple(hit(f"{TREES} " * 20, rank=rank) for rank in range(1, 9))

    happened = events(generator, hits=long, limits=Limits(prompt_tokens=400, answer_tokens=10))

    assert hits_of(happened[0]) == long
    used = answer(happened).hits
    assert used == long[: len(used)]
    assert 0 < len(used) == len(generator.prompts[0].passages) < 8


def test_without_hits_there_is_no_evidence_and_no_model_is_asked() -> None:
    generator = ScriptedGenerator("Forty.")

    happened = events(generator, hits=())

    assert happened[:-1] == [Sources(()), Delta(NO_DOCUMENTS)]
    assert (answer(happened).stop, answer(happened).text) == ("no_evidence", NO_DOCUMENTS)
    assert (answer(happened).first_token_s, generator.prompts) == (None, [])


def test_a_refusal_of_the_model_is_no_evidence_and_is_not_cited() -> None:
    found = answer(events(ScriptedGenerator(NO_ANSWER)))

    assert (found.stop, found.citations, found.withheld) == ("no_evidence", (), "")
    assert (
        found.marked == f"{DECLINED} The nearest passages: report.pdf, page 1; report.pdf, page 2."
    )
    assert is_refusal(found.text)


def test_a_cancelled_answer_keeps_what_was_written() -> None:
    seen: list[int] = []

    def cancelled() -> bool:
        seen.append(1)
        return len(seen) > 2

    happened = events(ScriptedGenerator("Forty apple trees stand there."), cancelled=cancelled)

    assert [e for e in happened if isinstance(e, Delta)] == [Delta("Forty "), Delta("apple ")]
    assert (answer(happened).stop, answer(happened).text) == ("cancelled", "Forty apple ")


def test_an_answer_cancelled_before_its_first_word_is_empty() -> None:
    found = answer(events(ScriptedGenerator("Forty."), cancelled=lambda: True))

    assert (found.stop, found.text, found.marked) == ("cancelled", "", "")
    assert (found.first_token_s, found.output_tokens, found.citations) == (None, 0, ())


def test_an_answer_that_is_too_long_is_cut_and_says_so() -> None:
    happened = events(ScriptedGenerator("Forty apple trees stand there."), limits=Limits(2000, 2))

    assert (answer(happened).stop, answer(happened).output_tokens) == ("length", 2)


def test_who_waits_for_an_earlier_answer_is_told() -> None:
    generator = ScriptedGenerator("Forty.")
    generator.n_ahead = 2

    assert events(generator)[1:3] == [Waiting(2), Delta("Forty.")]


def test_who_waits_while_the_model_reads_is_told_how_long() -> None:
    generator = ScriptedGenerator("Forty.")
    generator.reads_in_s = 9.4

    assert events(generator)[1:3] == [Reading(9.4), Delta("Forty.")]


@pytest.mark.parametrize(("seconds", "ahead"), [(None, 0), (0.0, 0), (1.9, 0), (9.4, 1)])
def test_no_time_is_named_that_is_short_or_unknown_or_begins_later(
    seconds: float | None, ahead: int
) -> None:
    generator = ScriptedGenerator("Forty.")
    generator.reads_in_s, generator.n_ahead = seconds, ahead

    assert not any(isinstance(event, Reading) for event in events(generator))


def test_a_question_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ContextOverflow, match="Shorten it"):
        events(ScriptedGenerator("Forty."), question="why " * 5000)


def test_a_question_that_leaves_no_room_for_a_passage_is_refused() -> None:
    generator = ScriptedGenerator("Forty.")
    question = "why " * (400 - generator.count_tokens(INSTRUCTIONS) - 5)

    with pytest.raises(ContextOverflow, match="leaves no room for a passage within 400 tokens"):
        events(generator, question=question, limits=Limits(400, 100))
    assert generator.prompts == []


def test_the_budget_leaves_room_for_the_answer_in_a_small_window() -> None:
    generator = ScriptedGenerator("Forty.", n_context=300)
    many = tuple(hit(f"{TREES} " * 5, rank=rank) for rank in range(1, 20))

    found = answer(events(generator, hits=many, limits=Limits(2000, 100)))

    assert found.prompt_tokens <= 200


def test_directions_are_for_the_model_and_what_to_do_without_an_answer_for_nobody() -> None:
    generator = ScriptedGenerator("The lease ends in 1912.")
    asked = f"{QUESTION} If there is no mention, return False. Answer in one sentence."

    happened = events(generator, question=asked)

    assert answer(happened).question == asked
    assert f"{QUESTION} Answer in one sentence." in generator.prompts[0].question
    assert "False" not in generator.prompts[0].question


def of_page(page: str, question: str, *drafts: str) -> Answer:
    """The answer of a model that writes the drafts and has that page to read."""
    generator = ScriptedGenerator(*drafts)
    return answer(
        list(
            ask(
                question,
                retrieve=lambda _: (hit(page),),
                generator=lambda: generator,
                page_text=lambda _doc_id, _page: page,
                label=lambda _doc_id, page: f"page {page}",
                boxes=box_of,
                limits=LIMITS,
            )
        )
    )


def test_what_says_the_opposite_of_its_source_gives_way_to_it() -> None:
    page = "No pets are allowed without written consent of the landlord."
    draft = "Yes. Pets are allowed without written consent of the landlord."

    assert of_page(page, "Are pets allowed?", draft).marked == f"{page} [1]"


@pytest.mark.parametrize("draft", ["No.", "Yes.", "Subletting the flat needs Ida Holm."])
def test_the_source_speaks_for_itself_where_a_yes_or_no_says_no_more_or_is_not_borne_out(
    draft: str,
) -> None:
    page = "Subletting the flat is not permitted."

    assert of_page(page, "Is subletting the flat permitted?", draft).marked == f"{page} [1]"


def test_a_heading_is_no_statement_of_the_source() -> None:
    page = "Driving. Veracin has no effect on driving."
    draft = "Yes, you can drive while taking it."

    found = of_page(page, "Can I drive while taking Veracin?", draft)

    assert found.marked == "Veracin has no effect on driving. [1]"


def test_a_yes_goes_where_what_follows_is_not_on_what_was_asked() -> None:
    page = "Common: nausea, diarrhoea, rash. Uncommon: vomiting, headache."
    draft = f"Yes\n{page}"

    found = of_page(page, "Is headache a common side effect?", draft)

    assert found.text == page


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("Yes, damage is covered only in the house.", "Damage is covered only in the house. [1]"),
        ("No, damage is covered in the house.", "Damage is covered in the house. [1]"),
        ("Yes, damage is covered in the house.", "Yes, damage is covered in the house. [1]"),
        ("No damage is covered only in the house.", None),
    ],
)
def test_a_yes_or_no_goes_that_what_follows_it_leaves_open(draft: str, shown: str | None) -> None:
    page = "Damage is covered only in the house."

    found = of_page(page, "Is damage covered?", draft)

    assert found.marked == shown if shown else found.marked.startswith(("No damage", page))


SURE = Rule(bias=-2.0, supported=3.0, absent=-1.0, sure=1.0)


def test_a_model_that_declines_is_made_to_answer_and_code_decides_about_that() -> None:
    generator = ScriptedGenerator(NO_ANSWER, " the garden has forty apple trees.", chances=(-1, -1))
    happened = events(generator, rule=SURE)

    found = answer(happened)

    assert [prompt.opening for prompt in generator.prompts] == ["", OPENING]
    assert replace(generator.prompts[1], opening="") == generator.prompts[0]
    assert found.marked == "The garden has forty apple trees. [1]"
    assert found.output_tokens == 6 + 6
    deltas = [event.text for event in happened if isinstance(event, Delta)]
    assert "".join(deltas) == f"{NO_ANSWER}{AGAIN}the garden has forty apple trees."


@pytest.mark.parametrize(
    ("second", "withheld"),
    [(" Dr Quuxberry owns them.", "Dr Quuxberry owns them."), (f" {NO_ANSWER}", "")],
)
def test_what_it_then_says_without_support_is_withheld(second: str, withheld: str) -> None:
    found = answer(events(ScriptedGenerator(NO_ANSWER, second, chances=(-1, -1)), rule=SURE))

    assert found.stop == "no_evidence"
    assert found.text.startswith(DECLINED)
    assert found.withheld == withheld


@pytest.mark.parametrize(
    ("question", "rule"), [("Wie viele Bäume hat der Garten?", SURE), (QUESTION, DEFAULT)]
)
def test_a_model_that_declines_is_left_alone_in_other_languages_and_without_a_second_opinion(
    question: str, rule: Rule
) -> None:
    generator = ScriptedGenerator(NO_ANSWER, "Forty.")

    assert answer(events(generator, question=question, rule=rule)).stop == "no_evidence"
    assert len(generator.prompts) == 1


def test_a_second_opinion_is_told_the_names_of_a_rows_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = "No. Description Value\n3 Ring £3,400\n4 Viola, two bows £9,750"
    monkeypatch.setitem(PAGES, 1, page)
    whole = hit(page)
    row = Span(whole.chunk.doc_id, 1, page.index("4 Viola"), len(page))
    cells = {row: {"No.": "4", "Description": "Viola, two bows", "Value": "£9,750"}}
    asked: list[str] = []

    class Asked(ScriptedGenerator):
        def weigh(self, prompt: Prompt, *args: Any, **kwargs: Any) -> tuple[float, ...]:
            asked.append(prompt.question)
            return super().weigh(prompt, *args, **kwargs)

    happened = ask(
        "What is the viola insured for?",
        retrieve=lambda _: (whole,),
        generator=lambda: Asked("The viola with two bows is insured for £9,750."),
        page_text=lambda _doc_id, page: PAGES[page],
        label=lambda _doc_id, page: f"page {page}",
        boxes=box_of,
        rows=lambda _hits, _answer: cells,
        limits=LIMITS,
        rule=Rule(bias=0.0, supported=0.0, absent=0.0, sure=1.0),
    )

    assert isinstance([*happened][-1], Done)
    assert "No.: 4 | Description: Viola, two bows | Value: £9,750" in asked[0]
