from dataclasses import replace

import pytest
from libraries import GARDEN, answer_from, hit

from rag.prompt import DECLINED
from rag.refusal import DEFAULT
from rag.types import CONFLICTS, NEAREST, SURE, UNSURE, Answer, Conversation, Filter, Turn
from rag.ui import transcript

TREES = answer_from(hit(GARDEN[0]))


def text_of(answer: Answer | None, note: str = "", within: Filter | None = None) -> str:
    turn = Turn(1, "How many?", answer, note, within or Filter())
    return transcript.written(Conversation("c", "Trees", 0.0, (turn,)), DEFAULT, {"d": "old.pdf"})


def test_an_answer_stands_over_what_it_cites() -> None:
    assert text_of(TREES) == (
        "Trees\n\n\nQuestion: How many?\n\nAnswer: Forty trees. [1]\n\n"
        "[1] report.pdf, page 1\n"
        "    “The garden has forty apple trees.\n    They were planted in 1987.”\n"
    )


def test_how_sure_it_is_and_what_the_marks_mean_are_told() -> None:
    sure = replace(TREES, confidence=0.99)
    open_ = replace(sure, marked="Forty trees. [1?]", conflicts=TREES.citations)
    open_ = replace(open_, citations=(replace(TREES.citations[0], supported=False),))

    assert SURE in text_of(sure)
    assert transcript.OPEN not in text_of(sure)
    assert UNSURE in text_of(open_)
    assert "\n[1?] report.pdf" in text_of(open_)
    assert f"{CONFLICTS}\n\nreport.pdf, page 1\n    “" in text_of(open_)
    assert text_of(open_).endswith(f"{transcript.OPEN}\n")


def test_without_an_answer_what_comes_nearest_is_kept_and_nothing_withheld() -> None:
    declined = replace(TREES, stop="no_evidence", citations=(), nearest=TREES.citations)
    text = text_of(replace(declined, withheld="Nine ghosts.", confidence=0.1))

    assert f"Answer: {DECLINED}\n\n{NEAREST}\n\nreport.pdf, page 1\n" in text
    assert "ghosts" not in text


def test_what_was_asked_of_and_understood_is_kept() -> None:
    text = text_of(replace(TREES, understood="How many trees?"), within=Filter(documents=("d",)))

    assert "Asked in: old.pdf\n\nUnderstood as: How many trees?\n\nAnswer:" in text


def test_an_answer_that_is_gone_says_why() -> None:
    assert "It drew on old.pdf." in text_of(None, "It drew on old.pdf.")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("What's due on 1/2/2027?", "What s due on 1 2 2027.txt"),
        ("Wie hoch ist die Kündigungsfrist?", "Wie hoch ist die Kündigungsfrist.txt"),
        ("../..", "Conversation.txt"),
    ],
)
def test_the_file_is_called_by_the_title(title: str, name: str) -> None:
    assert transcript.file_name(Conversation("c", title, 0.0)) == name
