from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import answer_from, hit

from rag import models
from rag.refusal import (
    DEFAULT,
    LEAST_SURE,
    MOST_ABSENT,
    MOST_SURE,
    Rule,
    Signs,
    compares_one_row,
    confidence,
    is_sure,
    lacks_answer,
    n_absent,
    needed,
    read,
    states_relation,
)
from rag.types import Citation, Sentence, Span

TREES = hit("The garden at Fellgate has 40 apple trees.", page=1, rank=1)
PEARS = hit("Pears ripen at Oxlow in September.", page=2, rank=2)
HITS = (TREES, PEARS)
RULE = models.rule_of("qwen2.5-coder-1.5b-instruct", models.load_catalog())

signs = st.builds(
    Signs,
    supported=st.floats(0, 1),
    absent=st.integers(0, MOST_ABSENT),
    sure=st.none() | st.floats(LEAST_SURE, MOST_SURE),
    near=st.floats(0, 1),
)


def citation(page: int) -> Citation:
    return Citation(1, Span("d" * 64, page, 0, 5), "The g", True, "report.pdf", f"page {page}")


@pytest.mark.parametrize(
    ("question", "n"),
    [
        ("How many trees are at Fellgate?", 0),
        ("Fellgate has how many trees?", 0),
        ("How many trees are at Greyshoal?", 1),
        ("How many of the 40 trees bear fruit?", 0),
        ("How many of the 50 trees at Greyshoal bear fruit?", 2),
        ("how many trees are there?", 0),
        ("How many trees are at Felgate?", 0),
        ("How many trees are at Hellgate?", 1),
        ("How many trees does page 7 tell of, and the third slide?", 0),
        ("How many trees had Fellgate in FY 2019?", 1),
    ],
)
def test_names_and_figures_that_a_passage_lacks_are_counted(question: str, n: int) -> None:
    assert n_absent(question, [TREES]) == n


def test_a_name_in_the_file_name_or_the_heading_is_not_absent() -> None:
    named = replace(TREES, document="greyshoal_report-2019.pdf")
    headed = replace(TREES, chunk=replace(TREES.chunk, heading=("Gardens of Greyshoal",)))

    assert n_absent("What has the garden of Greyshoal?", [named]) == 0
    assert n_absent("What had the garden in 2019?", [named]) == 0
    labelled = replace(TREES, label="sheet Greyshoal 2018, A1:B9")
    assert n_absent("What had the garden of Greyshoal in 2018?", [labelled]) == 0
    assert n_absent("What has the garden of Greyshoal?", [headed]) == 0


def test_a_name_on_the_cover_of_what_was_cited_is_not_absent() -> None:
    question = "How many trees has Greyshoal in 2018?"
    covers = {TREES.chunk.doc_id: "GREYSHOAL LIMITED\nAnnual report 2018"}

    assert n_absent(question, [TREES], ["Greyling Limited"]) == 2
    later = hit(TREES.chunk.text, page=7)
    assert read(question, "40.", [later], (), (), cover=covers.__getitem__).absent == 1
    assert read(question, "40.", [TREES], (), (), cover=covers.__getitem__).absent == 2


def test_only_passages_that_were_cited_count_and_the_best_where_none_was() -> None:
    question = "What ripens at Oxlow?"

    assert read(question, "Pears.", HITS, (), [citation(2)]).absent == 0
    assert read(question, "Pears.", HITS, (), [citation(1)]).absent == 1
    assert read(question, "Pears.", HITS, (), [citation(1), citation(2)]).absent == 0
    assert read(question, "Pears.", HITS, (), ()).absent == 1


def test_sentences_that_state_nothing_do_not_count() -> None:
    said = [Sentence(0, 5, (1,), True), Sentence(5, 9, (), False), Sentence(9, 12, (), True)]

    assert read("Why?", "So.", HITS, said, ()).supported == 0.5
    assert read("Why?", "So.", HITS, said[:1], ()).supported == 1
    assert read("Why?", "So.", HITS, said[1:2], ()).supported == 0
    assert read("Why?", "So.", HITS, said[2:], ()).supported == 0.5


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When did the court get nine justices?", "The court currently has nine justices."),
        ("In what year was the mill built?", "The mill was built by Tove."),
        ("What is the hourly rate?", "The hourly rate is 1.5 times the hourly rate."),
        ("What growth rate is assumed?", "The growth rate assumed is £310,000."),
        ("What share of the cost is met by a grant?", "The grant is £4,475."),
        ("How many apple trees are there?", "Apple trees stand in the garden."),
        ("How many points make gold?", "The house with most points won the cup in 2024."),
        ("What is France a region of?", "France is a region of France."),
        ("What was the name of Tancred's nephew?", "The nephew of Tancred was Tancred."),
        ("Name the risks, and how they have evolved.", "The risks are frost and hail."),
        ("Outline the fees and the evolution of these fees.", "Fees are due on 1 May."),
        ("Name the risks, and how they have evolved.", "Frost could also materially reduce sales."),
    ],
)
def test_an_answer_may_be_true_and_not_say_what_was_asked(question: str, text: str) -> None:
    told = [Sentence(0, len(text), (1,), supported=True)]

    assert lacks_answer(question, text)
    assert read(question, text, HITS, told, [citation(1)]).supported == 0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When did Herve serve?", "Herve served in the 1050s."),
        ("When was it built?", "It was built after the war."),
        ("When does it open?", "It opens on Monday."),
        ("When was it founded?", "Es wurde 1911 gegründet."),
        ("In what year was the mill of 1911 burnt?", "It was burnt in 1911, the same year."),
        ("Is the lighthouse red?", "The lighthouse is red."),
        ("Which is older, the mill or the harbour?", "The mill is older."),
        ("Who was taller, Tove or Jens?", "Tove was taller."),
        ("What is the lighthouse?", "The lighthouse is a tower."),
        ("How many trees has the garden?", "The garden has 40 trees."),
        ("How many trees died?", "Twelve trees died."),
        ("How many trees died?", "None of them did."),
        ("How many jurors must agree?", "The verdict must be unanimous."),
        ("How many trees died in 1990?", "In 1990, 2015 trees died."),
        ("What share of the cost is met by a grant?", "Half of the £8,950 is."),
        ("What was the interest rate on the loan?", "The rate on the £5,000 is 4.39%."),
        ("Name the risks, and how they have evolved.", "The risks are frost and, newly, hail."),
        ("Name the fees and how they have changed.", "The fee was £20 in 2019, and £30 in 2021."),
        ("Name the rules and how they have changed.", "They were amended in 2021."),
        ("How did revenue change from 2019 to 2020?", "It was $5 million, then $6 million."),
        ("Who wrote about the evolution of man?", "Charles Darwin."),
        ("How did the developers in Ghana fund it?", "By a loan."),
        ("How did the board change the rules?", "By a vote."),
        ("How do I change my address?", "Write to the office."),
        ("", "Forty."),
    ],
)
def test_an_answer_that_says_what_was_asked_is_one(question: str, text: str) -> None:
    assert not lacks_answer(question, text)


def test_a_relation_must_be_stated_in_one_place() -> None:
    question = "How does the harvest relate to the price of labour?"
    apart = ["The harvest was 40 tonnes.", "The price of labour rose."]
    said = [Sentence(0, 20, (1,), supported=True)]

    assert not states_relation(question, apart)
    assert states_relation(question, ["The harvest fell as labour grew dear."])
    assert states_relation("How large was the harvest?", apart)
    compared = "How did the harvest compare to the price of labour?"
    assert states_relation(compared, apart)
    assert not states_relation(compared, apart[:1])
    assert read(question, "Both fell.", HITS, said, [citation(1)]).supported == 0


def test_one_row_of_a_table_does_not_tell_which_has_the_most() -> None:
    rows = ["Name: Li Wen | Start date: 2022-06-27", "Name: Tom Hall | Start date: 2024-02-26"]
    question = "Who is the newest member of staff?"
    assert compares_one_row(question, rows[:1])
    assert not compares_one_row(question, rows)
    assert not compares_one_row(question, ["Tom Hall is the last to have come."])
    assert not compares_one_row(question, ["Name: Li Wen | Note: newest member of staff"])
    assert not compares_one_row("When did Li Wen start?", rows[:1])
    assert not compares_one_row("In which year were sales highest?", ["Net sales 1,577 1,437"])


def test_a_second_opinion_is_how_much_likelier_yes_is_than_no() -> None:
    assert read("Why?", "So.", HITS, (), (), chances=(-1.0, -2.0)).sure == 1.0
    assert read("Why?", "So.", HITS, (), (), chances=(-20.0, -0.1)).sure == LEAST_SURE
    assert read("Why?", "So.", HITS, (), (), chances=(-0.1, -20.0)).sure == MOST_SURE
    assert read("Why?", "So.", HITS, (), ()).sure is None


@given(signs, signs)
def test_better_signs_never_make_it_less_confident(one: Signs, two: Signs) -> None:
    best = Signs(
        max(one.supported, two.supported),
        min(one.absent, two.absent),
        one.sure if one.sure is None or two.sure is None else max(one.sure, two.sure),
        max(one.near, two.near),
    )

    for rule in (RULE, DEFAULT):
        assert confidence(best, rule) >= confidence(replace(one, sure=best.sure), rule)
        assert 0 < confidence(one, rule) < 1


def test_lenient_gives_what_a_sure_model_says_without_support_and_strict_wants_it_sure() -> None:
    assert confidence(Signs(0.0, 0, MOST_SURE), RULE) > needed(RULE, "lenient")
    assert confidence(Signs(0.5, 0, 0.8), RULE) > needed(RULE, "normal")
    assert confidence(Signs(0.5, 0, 0.8), RULE) < needed(RULE, "strict")


def test_a_second_opinion_against_it_withholds_what_is_borne_out() -> None:
    assert confidence(Signs(1.0, 0, -0.8), RULE) > needed(RULE, "normal")
    assert confidence(Signs(1.0, 0, -1.5), RULE) < needed(RULE, "normal")


def test_what_lags_behind_the_nearest_sentence_is_withheld_unless_the_model_is_sure() -> None:
    assert confidence(Signs(1.0, 0, 0.0, 0.95), RULE) == confidence(Signs(1.0, 0, 0.0), RULE)
    assert confidence(Signs(1.0, 0, 0.0, 0.5), RULE) < needed(RULE, "normal")
    assert confidence(Signs(1.0, 0, 0.0, 0.8), RULE) > needed(RULE, "normal")
    assert confidence(Signs(1.0, 0, 1.0, 0.5), RULE) > needed(RULE, "normal")
    assert read("Why?", "So.", HITS, (), (), near=0.5).near == 0.5


def test_a_second_opinion_decides_where_names_of_the_question_are_absent() -> None:
    assert confidence(Signs(1.0, 1, 0.5), RULE) > needed(RULE, "normal")
    assert confidence(Signs(1.0, 1, -0.5), RULE) < needed(RULE, "normal")
    assert confidence(Signs(1.0, 2, 0.5), RULE) < needed(RULE, "normal")


@given(st.floats(0.01, 0.99))
def test_strict_needs_more_and_lenient_less(threshold: float) -> None:
    rule = replace(RULE, threshold=threshold)

    assert needed(rule, "lenient") < needed(rule, "normal") < needed(rule, "strict")
    assert needed(rule, "normal") == pytest.approx(threshold)


@pytest.mark.parametrize("rule", [DEFAULT, RULE])
def test_however_sure_the_model_is_an_answer_must_be_borne_out_and_about_what_was_asked(
    rule: Rule,
) -> None:
    for sure in (None, 0.0, MOST_SURE):
        assert confidence(Signs(1.0, 0, sure), rule) > needed(rule, "normal")
        assert confidence(Signs(0.0, 0, sure), rule) < needed(rule, "normal")
    assert confidence(Signs(1.0, 2), rule) < needed(rule, "normal")


@pytest.mark.parametrize(
    ("confidence", "supported", "sure"),
    [(0.9, True, True), (0.9, False, False), (0.5, True, False), (None, True, None)],
)
def test_an_answer_is_sure_that_passes_the_strictest_and_is_all_borne_out(
    confidence: float | None, supported: bool, sure: bool | None
) -> None:
    sentences = (Sentence(0, 5, (1,), True), Sentence(5, 9, (), supported))
    answer = replace(answer_from(TREES), confidence=confidence, sentences=sentences)

    assert is_sure(answer, RULE) is sure


@pytest.mark.parametrize(
    ("text", "supported"),
    [("7. Sickness", 0), ("**Part C: Reasons**", 0), ("Rollo", 1), ("7. Sickness is told of.", 1)],
)
def test_a_heading_with_a_number_is_no_answer(text: str, supported: float) -> None:
    chunk = replace(TREES.chunk, heading=("Rollo", "7. Sickness", "Part C: Reasons"))
    found = replace(TREES, chunk=chunk)
    said = (Sentence(0, len(text), (1,), True),)

    assert read("Can I text in sick?", text, [found], said, [citation(1)]).supported == supported


def test_of_an_answer_that_was_broken_off_nothing_is_told() -> None:
    answer = replace(answer_from(TREES), confidence=0.9)

    assert is_sure(answer, RULE)
    assert is_sure(replace(answer, qualifiers=answer.citations), RULE) is False
    assert is_sure(replace(answer, stop="length"), RULE) is None
    assert is_sure(replace(answer, stop="no_evidence"), RULE) is None
