from collections.abc import Iterator
from dataclasses import replace

import pytest
from libraries import answer_from, hit

from rag.conversation import ask
from rag.testing import ScriptedGenerator
from rag.types import Answer, AnswerEvent, Done, Turn, Understood

ROLLO = "Rollo was a Viking."
ANSWER = answer_from(hit(ROLLO), question="Who was Rollo?", text=ROLLO)


def turn(question: str, answer: Answer | None = ANSWER) -> Turn:
    return Turn(1, question, answer)


def events(
    question: str, *earlier: Turn, generator: ScriptedGenerator | None = None
) -> list[AnswerEvent]:
    def answer(asked: str) -> Iterator[AnswerEvent]:
        yield Done(answer_from(hit("x"), question=asked))

    model = generator or ScriptedGenerator("Nothing.")
    return list(ask(question, earlier, answer=answer, generator=lambda: model))


def done(happened: list[AnswerEvent]) -> Answer:
    assert isinstance(happened[-1], Done)
    return happened[-1].answer


def test_the_first_question_is_asked_as_it_is() -> None:
    (event,) = events("and the year before?")

    assert done([event]).question == "and the year before?"
    assert done([event]).understood == ""


def test_a_change_of_topic_is_asked_as_it_is() -> None:
    happened = events("How many trees has the garden?", turn("Who was Rollo?"))

    assert len(happened) == 1
    assert done(happened).understood == ""


def test_what_is_asked_in_its_place_is_told_first_and_kept_beside_what_was_asked() -> None:
    happened = events("and in 2016?", turn("What were net sales in 2018?", None))

    assert happened[0] == Understood("What were net sales in 2016?")
    assert done(happened).question == "and in 2016?"
    assert done(happened).understood == "What were net sales in 2016?"


def test_a_chain_goes_on_from_what_was_understood() -> None:
    first = done(events("and the year before?", turn("What were net sales in 2018?")))

    happened = events("and the year before?", turn("x"), turn("and the year before?", first))

    assert happened[0] == Understood("What were net sales in 2016?")


def test_the_model_is_asked_where_code_cannot_tell() -> None:
    generator = ScriptedGenerator("When did Rollo die?")

    happened = events("When did he die?", turn("Who was Rollo?"), generator=generator)

    assert happened[0] == Understood("When did Rollo die?")
    (prompt,) = generator.prompts
    assert "Rollo was a Viking." in prompt.question


@pytest.mark.parametrize("nonsense", ["When did Vexmoor die?", "", "I do not know."])
def test_without_a_use_of_what_the_model_says_code_does_what_it_can(nonsense: str) -> None:
    generator = ScriptedGenerator(nonsense)

    scrap = events("and his wife?", turn("Who was Rollo?"), generator=generator)
    whole = events(
        "where did they film the second season", turn("Who was Rollo?"), generator=generator
    )

    assert scrap[0] == Understood("Who was Rollo? and his wife?")
    assert done(whole).understood == ""


def test_two_questions_are_answered_one_after_the_other() -> None:
    generator = ScriptedGenerator("How much is the life insurance?")

    happened = events("When does the life insurance start and how much is it?", generator=generator)

    understood = "When does the life insurance start? How much is the life insurance?"
    assert Understood(understood) in happened
    assert done(happened).question.startswith("When does the life insurance start and")
    assert done(happened).understood == understood
    assert done(happened).text == "Forty trees.\n\nForty trees."


def test_a_second_question_that_leans_on_one_without_an_answer_is_not_asked() -> None:
    asked: list[str] = []

    def answer(question: str) -> Iterator[AnswerEvent]:
        asked.append(question)
        yield Done(replace(answer_from(hit("x"), question=question), stop="no_evidence"))

    model = ScriptedGenerator("Nothing.")
    happened = list(
        ask("Who was the first and how old was he?", (), answer=answer, generator=lambda: model)
    )

    assert asked == ["Who was the first?"]
    assert done(happened).question == "Who was the first and how old was he?"
    assert done(happened).stop == "no_evidence"
