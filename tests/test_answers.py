"""benchmarks/answers.py: which questions are asked, and what the figures count."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import answers
import pytest
from answers import Result
from evaluation import Question
from hypothesis import given
from hypothesis import strategies as st
from libraries import answer_from, hit
from shares import Share

from rag.library import Library
from rag.prompt import NO_ANSWER
from rag.settings import ROOT

TREES = "The garden has forty apple trees."
QUESTION = Question("1", "garden", "How many apple trees has the garden?", ("forty",), True)


def result(**changes: Any) -> Result:
    judged = answers.judge(QUESTION, answer_from(hit(TREES)), lambda _doc_id, _page: TREES)
    return replace(judged, **changes)


def questions(n: int, *, dataset: str = "garden", answerable: bool = True) -> list[Question]:
    return [
        replace(QUESTION, id=f"{dataset}{answerable}{i}", dataset=dataset, answerable=answerable)
        for i in range(n)
    ]


@given(st.integers(0, 30), st.integers(0, 9))
def test_a_sample_is_proportionate_and_grows(limit: int, seed: int) -> None:
    asked = questions(20) + questions(10, answerable=False)

    chosen = answers.sample(asked, limit, seed=seed)

    assert len(chosen) == limit
    assert abs(sum(q.answerable for q in chosen) - 2 * limit / 3) <= 1
    assert set(chosen) <= set(answers.sample(asked, limit + 1, seed=seed))
    assert chosen == [q for q in asked if q in chosen]


def test_another_seed_chooses_other_questions() -> None:
    asked = questions(100)

    assert answers.sample(asked, 10, seed=0) != answers.sample(asked, 10, seed=1)


def test_an_answer_is_judged_with_its_citations() -> None:
    on_page = replace(QUESTION, pdfs=("report.pdf",), pages=(("report.pdf", 1),))
    elsewhere = replace(on_page, pages=(("report.pdf", 2),))
    answer = answer_from(hit(TREES))

    assert answers.judge(on_page, answer, lambda _doc_id, _page: TREES).on_page is True
    assert answers.judge(elsewhere, answer, lambda _doc_id, _page: TREES).on_page is False
    found = answers.judge(QUESTION, answer, lambda _doc_id, _page: TREES)
    assert (found.found, found.exact, found.verdict, found.on_page) == (
        True, False, "correct", None,
    )  # fmt: skip
    assert (found.n_quotes, found.n_verbatim) == (1, 1)


def test_a_quote_that_is_not_on_its_page_is_counted() -> None:
    found = answers.judge(QUESTION, answer_from(hit(TREES)), lambda _doc_id, _page: "Other text.")

    assert (found.n_quotes, found.n_verbatim) == (1, 0)
    assert any("quotes" in miss for miss in answers.misses({"d": answers.summary([found])}))


def test_a_refusal_gives_no_answer_to_find(fake_library: Callable[..., Library]) -> None:
    found = answers.ask(fake_library(NO_ANSWER), QUESTION)

    assert (found.refused, found.found, found.f1, found.verdict) == (True, False, 0, "refused")


def test_balanced_accuracy_is_the_mean_of_both_shares() -> None:
    asked = [result(refused=i < 1) for i in range(4)]
    asked += [result(answerable=False, refused=i < 1) for i in range(2)]

    figures = answers.summary(asked)

    assert figures["right_refusals"] == Share(1, 2)
    assert figures["false_refusals"] == Share(1, 4)
    assert figures["balanced_accuracy"] == pytest.approx((0.5 + 0.75) / 2)
    assert answers.misses({"d": figures}) == ["d: balanced accuracy of refusal 0.625"]


def test_without_unanswerable_questions_there_is_no_balanced_accuracy() -> None:
    assert answers.summary([result()])["balanced_accuracy"] is None
    assert answers.misses({"d": answers.summary([result()])}) == []


def test_wrong_answers_are_held_against_correct_ones_over_all_pdfs() -> None:
    right, wrong = result(kind="pdfs", verdict="correct"), result(kind="pdfs", verdict="wrong")

    fine = {"a": answers.summary([right] * 3), "b": answers.summary([wrong])}
    bad = {"a": answers.summary([right] * 2), "b": answers.summary([wrong])}

    assert answers.misses(fine) == []
    assert answers.misses(bad) == ["PDFs: 1 answers wrong and 2 correct"]


@given(st.integers(1, 500), st.data())
def test_an_interval_holds_its_share_and_shrinks_with_more_of_the_same(
    n: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, n))
    low, high = Share(k, n).interval or (1, 0)
    narrower = Share(10 * k, 10 * n).interval or (0, 1)

    assert 0 <= low <= k / n <= high <= 1
    assert narrower[1] - narrower[0] < high - low


def test_a_share_of_none_has_no_value() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval, str(Share(0, 0))) == (None, None, "–")
    assert str(Share(1, 2)) == "50 % (1 of 2; 9–91)"


@pytest.mark.real
def test_a_run_is_kept_and_taken_up_again(tmp_path: Path) -> None:
    file = tmp_path / "garden.jsonl"
    row = {"dataset": "garden", "answers": ["forty"], "answerable": True, "context": TREES}
    lines = [json.dumps({**row, "id": str(i), "question": f"Trees {i}?"}) for i in range(2)]
    file.write_text("\n".join(lines))
    command = [
        *(sys.executable, ROOT / "benchmarks" / "answers.py", "--questions", file),
        *("--model", "smollm2-135m-instruct", "--keep", tmp_path / "kept.jsonl", "--json"),
        *("--library", tmp_path / "libraries"),
    ]
    small = {**os.environ, "STRONGROOM_ANSWER_TOKENS": "16"}

    for limit, n_kept in ((1, 1), (2, 2)):
        ran = subprocess.run(
            [*command, "--limit", str(limit)], capture_output=True, text=True, check=True, env=small
        )
        assert "cannot be read" not in ran.stderr
        kept = (tmp_path / "kept.jsonl").read_text().splitlines()
        assert len(kept) == n_kept
        assert json.loads(ran.stdout)["datasets"]["garden"]["n"] == limit
    assert {json.loads(line)["id"] for line in kept} == {"0", "1"}
