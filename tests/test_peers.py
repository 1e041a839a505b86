"""benchmarks/peers.py: which questions are asked, how systems are spoken to, what is counted."""

import json
import os
import subprocess
import sys
import textwrap
import types
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import peers
import pytest
from evaluation import Question
from hypothesis import given
from hypothesis import strategies as st
from peers import Result, System, TakenIn
from shares import Share

from rag.errors import RagError
from rag.prompt import NO_ANSWER

QUESTION = Question(
    "1", "garden", "How many trees?", ("forty",), True, pdfs=("a/trees.pdf",),
    pages=(("a/trees.pdf", 3),),
)  # fmt: skip
TOLD: dict[str, Any] = {
    "text": "Forty trees.", "pages": [["trees.pdf", 3]], "first_s": 1.0, "total_s": 2.0,
    "error": "",
}  # fmt: skip
TAKEN = TakenIn("prepared", 1.0, 2.0, 3.0, 60.0, 5, 10, 900.0)


def result(**changes: Any) -> Result:
    return replace(peers.judged("onprem", QUESTION, TOLD, 1000.0), **changes)


def of_pdfs(*numbers: int) -> list[Question]:
    """So many questions of each PDF."""
    return [
        replace(QUESTION, id=f"{pdf}-{n}", pdfs=(f"{pdf}.pdf",), pages=((f"{pdf}.pdf", 1),))
        for pdf, number in enumerate(numbers)
        for n in range(number)
    ]


# -- questions -------------------------------------------------------------------------------------


@given(
    numbers=st.lists(st.integers(0, 9), max_size=8),
    limit=st.integers(0, 40),
    per_pdf=st.integers(1, 9),
    seed=st.integers(0, 3),
)
def test_as_few_pdfs_as_there_can_be_and_a_larger_limit_adds_to_them(
    numbers: list[int], limit: int, per_pdf: int, seed: int
) -> None:
    known = of_pdfs(*numbers)

    chosen = peers.choose(known, limit=limit, per_pdf=per_pdf, seed=seed)

    most = sorted((min(n, per_pdf) for n in numbers), reverse=True)
    assert len(chosen) == min(limit, sum(most))
    n_pdfs = len({q.pdfs for q in chosen})
    assert sum(most[: n_pdfs - 1]) < limit or not chosen
    assert all(sum(q.pdfs == (f"{n}.pdf",) for q in chosen) <= per_pdf for n in range(len(numbers)))
    more = peers.choose(known, limit=limit + 1, per_pdf=per_pdf, seed=seed)
    assert [q for q in more if q in chosen] == chosen


@pytest.mark.parametrize(
    "change",
    [
        {"answerable": False},
        {"pages": ()},
        {"pdfs": ("a/trees.pdf", "b.pdf")},
        {"pdfs": (), "context": "Forty."},
    ],
)
def test_a_question_without_one_pdf_and_its_page_is_not_asked(change: dict[str, Any]) -> None:
    assert peers.choose([replace(QUESTION, **change)], limit=9, per_pdf=9, seed=0) == []


def test_a_pdf_that_does_not_fit_is_left_out() -> None:
    chosen = peers.choose(
        of_pdfs(5, 2, 1), limit=4, per_pdf=9, seed=0, fits=lambda pdf: pdf != "0.pdf"
    )

    assert {q.pdfs for q in chosen} == {("1.pdf",), ("2.pdf",)}


# -- systems ---------------------------------------------------------------------------------------


@pytest.fixture
def speaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system that answers with the question, and prints what is no line of ours."""
    script = """
        import lines

        def take_in(job):
            print("Loading…")
            def ask(question, wrote):
                if question == "no":
                    raise ValueError("too long")
                if question == "end":
                    raise SystemExit(3)
                wrote()
                return question, [("a.pdf", job.threads)] * 2
            return ask, lines.Ready(1.0, 2.0, 3.0)

        lines.serve(take_in)
    """
    (tmp_path / "with_llamaindex.py").write_text(textwrap.dedent(script), encoding="utf-8")
    (tmp_path / "lines.py").symlink_to(peers.HERE / "lines.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(peers, "HERE", tmp_path)
    monkeypatch.setattr(peers, "_environ", lambda _name: dict(os.environ))
    job = {"pdfs": "", "folder": "", "model": "", "embedder": "", "threads": 7}
    return System("llamaindex", Path(sys.executable), job, tmp_path / "log")


def test_a_system_is_asked_over_and_over(speaking: System) -> None:
    assert speaking.take_in().embedded_s == 2.0

    for text in ("forty\nor so", "Bäume?"):
        answer = speaking.answer(replace(QUESTION, text=text))
        assert (answer.text, answer.pages) == (text, (("a.pdf", 7),))
        assert 0 <= answer.first_s <= answer.total_s
    speaking.close()


def test_a_system_that_raises_goes_on_with_the_next_question(speaking: System) -> None:
    speaking.take_in()

    assert speaking.answer(replace(QUESTION, text="no")).error == "ValueError: too long"
    assert speaking.answer(QUESTION).text == QUESTION.text
    speaking.close()


def test_a_system_that_ends_is_told_with_what_it_said(speaking: System) -> None:
    speaking.take_in()

    with pytest.raises(RagError, match=r"(?s)LlamaIndex ended by itself.*Loading"):
        speaking.answer(replace(QUESTION, text="end"))
    speaking.close()


def test_each_system_begins_as_often_as_any_other() -> None:
    systems: Any = ["a", "b", "c"]

    turns = [peers.in_turn(systems, n) for n in range(6)]

    assert [turn[0] for turn in turns] == ["a", "b", "c"] * 2
    assert all(sorted(turn) == systems for turn in turns)


def test_an_environment_is_made_once_for_the_same_requirements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[list[str]] = []

    def run(command: list[str], **_: Any) -> None:
        runs.append(command)
        Path(tmp_path, "made", "onprem").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(peers, "subprocess", types.SimpleNamespace(run=run))
    monkeypatch.setattr(peers, "HERE", tmp_path)
    wanted = tmp_path / "onprem.txt"
    wanted.write_text("onprem==1\n", encoding="utf-8")

    python = peers.environment("onprem", tmp_path / "made")
    assert (len(runs), peers.environment("onprem", tmp_path / "made")) == (2, python)
    assert len(runs) == 2

    wanted.write_text("onprem==2\n", encoding="utf-8")
    peers.environment("onprem", tmp_path / "made")
    assert len(runs) == 4


def test_what_is_installed_is_pinned() -> None:
    for system in peers.PEERS:
        text = (peers.HERE / f"{system}.txt").read_text(encoding="utf-8")
        names = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert names
        assert all("==" in name for name in names)


def test_a_peer_imports_nothing_of_strongroom() -> None:
    code = "import sys, with_llamaindex, with_onprem; print([m for m in sys.modules if m == 'rag'])"
    environ = {"PYTHONPATH": str(peers.HERE)}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environ
    )

    assert ran.stdout.strip() == "[]"


def test_pages_are_counted_in_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(peers.HERE))
    import with_llamaindex  # type: ignore[import-not-found,unused-ignore]

    documents = [("x", "a.pdf"), ("y", "a.pdf"), ("z", "b.pdf")]

    places = with_llamaindex.physical_pages(documents)

    assert places == {"x": ("a.pdf", 1), "y": ("a.pdf", 2), "z": ("b.pdf", 1)}


# -- figures ---------------------------------------------------------------------------------------


def test_an_answer_is_judged_with_the_pages_that_it_names() -> None:
    right = result()
    elsewhere = peers.judged(
        "onprem", QUESTION, {**TOLD, "pages": [["trees.pdf", 2], ["other.pdf", 3]]}, None
    )

    assert (right.verdict, right.f1, right.on_page) == ("correct", 2 / 3, True)
    assert (elsewhere.verdict, elsewhere.on_page) == ("correct", False)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (NO_ANSWER, "refused"),
        ("", "refused"),
        ("I don't know.", "refused"),
        ("I'm sorry, but the context does not say.", "refused"),
        ("The provided context does not mention trees.", "refused"),
        ("Based on the given context, it is not possible to tell.", "refused"),
        ("There is no count, but forty trees stand there.", "correct"),
        ("Fifty trees.", "wrong"),
        ("Based on the given context, fifty.", "wrong"),
    ],
)
def test_who_declines_in_other_words_is_not_wrong(text: str, verdict: str) -> None:
    judged = peers.judged("onprem", QUESTION, {**TOLD, "text": text}, None)

    assert judged.verdict == verdict
    assert judged.f1 == 0 or verdict != "refused"


def test_figures_of_a_system() -> None:
    some = [
        result(first_s=1.0, f1=1.0, peak_mb=10.0),
        result(first_s=2.0, f1=0.0, verdict="refused", on_page=False, pages=(), error="x"),
        result(first_s=6.0, f1=0.5, verdict="wrong", peak_mb=None),
    ]

    figures = peers.summary(TAKEN, some)

    assert figures["first_s"] == (2.0, 1.5, 4.0)
    assert (figures["f1"], figures["peak_mb"], figures["errors"]) == (0.5, 1000.0, 1)
    assert [figures[k] for k in ("correct", "refused", "wrong")] == [Share(1, 3)] * 3
    assert (figures["cited_page"], figures["pages_named"]) == (Share(2, 3), 2 / 3)


def test_a_system_has_a_column_even_without_figures() -> None:
    figures = {"prepared": peers.summary(TAKEN, [result()]), "onprem": peers.summary(None, [])}

    lines = list(peers.table(figures))

    assert {line.count("|") for line in lines} == {4}
    assert "| reading passages beforehand, s | 60 (5 of 10) | – |" in lines
    json.dumps({k: peers._as_json(v) for k, v in figures["prepared"].items()})


def test_what_was_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    for what in (TAKEN, result()):
        peers._keep(path, what)

    assert peers.kept(path) == ([TAKEN], [result()])
    assert peers.kept(tmp_path / "none.jsonl") == ([], [])
    assert "searchable_s" not in asdict(result())
