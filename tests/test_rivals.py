import pytest
from test_cite import check

from rag.rivals import differ

SOURCES = (
    "Cancel at least fourteen days before departure.",
    "The deposit is £5,200, which you must pay by 1 May.",
    "The front door opens at 7 in the morning.",
    "Keep the fluid below 60 °C.",
    "Her mother, Mrs Edith Rowe, signed it first.",
    "A parcel of 25 kg may be 120 cm long.",
    "The stop button on the left side is red.",
    "The shop is open on Sundays.",
    "This can wait unless the family has asked.",
)


@pytest.mark.parametrize("source", SOURCES)
def test_what_the_source_says_is_borne_out(source: str) -> None:
    cited = check("What does it say?", source, ("terms.txt", source))
    assert [sentence.supported for sentence in cited.sentences] == [True]


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("Cancel at least fourteen days after departure.", SOURCES[0]),
        ("Cancel at most fourteen days before departure.", SOURCES[0]),
        ("The deposit is $5,200, which you must pay by 1 May.", SOURCES[1]),
        ("The deposit is £5,200, which you may pay by 1 May.", SOURCES[1]),
        ("The rear door opens at 7 in the morning.", SOURCES[2]),
        ("The front door opens at 7 in the evening.", SOURCES[2]),
        ("Keep the fluid above 60 °C.", SOURCES[3]),
        ("Keep the fluid below 60 °F.", SOURCES[3]),
        ("Her father, Mrs Edith Rowe, signed it first.", SOURCES[4]),
        ("Her mother, Mrs Edith Rowe, signed it last.", SOURCES[4]),
        ("A parcel of 25 g may be 120 cm long.", SOURCES[5]),
        ("A parcel of 25 kg may be 120 mm long.", SOURCES[5]),
        ("The stop button on the right side is red.", SOURCES[6]),
        ("The stop button on the left side is green.", SOURCES[6]),
        ("The shop is closed on Sundays.", SOURCES[7]),
        ("This can wait if the family has asked.", SOURCES[8]),
    ],
)
def test_its_rival_is_not(said: str, source: str) -> None:
    cited = check("What does it say?", said, ("terms.txt", source))
    assert [sentence.supported for sentence in cited.sentences] == [False]


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("This can wait if the family has not asked.", SOURCES[8]),
        ("Pay before you fly.", "Pay in advance."),
        ("It is not above 60 °C.", "It is below 60 °C."),
        ("You must not keep pets.", "You may not keep pets."),
        ("It may be red.", "It must be red or blue."),
        ("They left after lunch.", "They had the right to leave after lunch."),
        ("Before lunch, and after it.", "After lunch."),
        ("The cost is 5,200.", "The cost is £5,200 or $6,000."),
    ],
)
def test_where_neither_stands_in_place_of_the_other_nothing_is_told(said: str, source: str) -> None:
    assert not differ(said, source, "")


def test_what_the_question_has_may_be_said_again() -> None:
    source = "Put ice on the knee before you go to bed."
    said = "After the operation, put ice on the knee."
    assert differ(said, source, "What helps?")
    assert not differ(said, source, "What helps after the operation?")
