from collections.abc import Iterator

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
