from dataclasses import replace

import pytest
from libraries import answer_from, hit

from rag.halves import joined, split
from rag.types import Answer, Sentence


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (
            "When does the life insurance start and how much is it?",
            "When does the life insurance start?",
            "How much is it?",
        ),
        (
            "How long is the trial period, and can they make it longer?",
            "How long is the trial period?",
            "Can they make it longer?",
        ),
        (
            "how hot was the oil and what does the manual of the compressor allow",
            "how hot was the oil?",
            "What does the manual of the compressor allow?",
        ),
    ],
)
def test_what_asks_twice_is_two_questions(question: str, first: str, second: str) -> None:
    assert split(question) == (first, second)


@pytest.mark.parametrize(
    "question",
    [
        "When do the gas and the water go off?",
        "Did profit go up, and by how much?",
        "What is the difference between the rent and what is paid now?",
        "Who works in Leeds and who in York?",
        "How long is the roof guaranteed, and the rest of the work?",
        "What happens if I leave early and how much is it?",
        "Which documents are old and which are new?",
        "Tell me the rent and when it is due.",
        "What is it and why is it so and who says it?",
        "Do both leases allow pets and how many are they?",
        "What is the rent and when?",
    ],
)
def test_other_questions_stay_whole(question: str) -> None:
    assert split(question) is None


def part(text: str, **changes: object) -> Answer:
    made = answer_from(hit(text), question=f"{text}?", text=text)
    made = replace(made, sentences=(Sentence(0, len(text), (1,), True),), confidence=0.9)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_answers_stand_one_below_the_other_with_markers_that_go_on() -> None:
    made = joined("Both?", (part("It is red."), part("It is [1] big.", confidence=0.7)))

    assert made.text == "It is red.\n\nIt is [1] big."
    assert made.marked == "It is red. [1]\n\nIt is [2] big. [2]"
    assert [citation.marker for citation in made.citations] == [1, 2]
    assert [made.text[s.start : s.end] for s in made.sentences] == ["It is red.", "It is [1] big."]
    assert [sentence.markers for sentence in made.sentences] == [(1,), (2,)]
    assert (made.confidence, made.stop) == (0.7, "complete")
    assert made.total_s == pytest.approx(0.6)


def test_without_an_answer_to_one_of_them_that_is_said() -> None:
    near = part("x").citations
    refused = part(
        "No.", stop="no_evidence", citations=(), sentences=(), nearest=near, confidence=0
    )
    made = joined("Both?", (refused, part("It is big.")))

    assert made.text == "No sure answer was found to: No.?\n\nIt is big."
    assert made.marked == "No sure answer was found to: No.?\n\nIt is big. [1]"
    assert (made.stop, made.confidence, len(made.nearest)) == ("complete", 0.9, 1)

    neither = joined("Both?", (replace(refused, withheld="a"), replace(refused, withheld="b")))
    assert (neither.text, neither.stop) == ("No.", "no_evidence")
    assert neither.withheld == "a\nb"
    assert [citation.marker for citation in neither.nearest] == [1]


def test_what_code_and_the_model_answer_together_is_the_models() -> None:
    made = joined("Both?", (part("a", maker="figures"), part("b")))
    alike = joined("Both?", (part("a", maker="figures"), part("b", maker="figures")))
    assert (made.maker, alike.maker) == ("model", "figures")
