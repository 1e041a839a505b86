import pytest

from rag import markup
from rag.numbering import Numbering


def numbering(*levels: tuple[str, str], override: str = "") -> Numbering:
    """levels: number format and pattern of each."""
    xml = "".join(
        f'<lvl ilvl="{i}"><start val="1"/><numFmt val="{kind}"/><lvlText val="{text}"/></lvl>'
        for i, (kind, text) in enumerate(levels)
    )
    return Numbering(
        markup.xml(
            f'<n><abstractNum abstractNumId="0">{xml}</abstractNum>'
            f'<num numId="1"><abstractNumId val="0"/></num>'
            f'<num numId="2"><abstractNumId val="0"/>{override}</num></n>'.encode()
        )
    )


def test_a_level_starts_anew_below_the_next_number() -> None:
    lists = numbering(("decimal", "%1."), ("decimal", "%1.%2"))

    places = [("1", 0), ("1", 1), ("1", 1), ("1", 0), ("1", 1)]
    assert [lists.marker(place) for place in places] == ["1.", "1.1", "1.2", "2.", "2.1"]


def test_lists_of_one_description_count_on() -> None:
    lists = numbering(("decimal", "%1."))

    assert [lists.marker((number, 0)) for number in ("1", "2", "1")] == ["1.", "2.", "3."]


def test_a_list_that_is_said_to_start_anew_does() -> None:
    override = (
        '<lvlOverride ilvl="0"><lvl ilvl="0"><start val="7"/><numFmt val="decimal"/>'
        '<lvlText val="%1)"/></lvl></lvlOverride>'
    )
    lists = numbering(("decimal", "%1."), override=override)

    assert [lists.marker((number, 0)) for number in ("1", "2", "1")] == ["1.", "7)", "2."]


@pytest.mark.parametrize(
    ("kind", "fourth"),
    [
        ("decimal", "4"),
        ("decimalZero", "04"),
        ("lowerLetter", "d"),
        ("upperLetter", "D"),
        ("lowerRoman", "iv"),
        ("upperRoman", "IV"),
        ("bullet", "-"),
        ("none", ""),
    ],
)
def test_numbers_are_spelled_as_described(kind: str, fourth: str) -> None:
    lists = numbering((kind, "%1"))

    assert [lists.marker(("1", 0)) for _ in range(4)][-1] == fourth


def test_no_list_and_an_unknown_one_have_no_number() -> None:
    lists = Numbering(None)

    assert [lists.marker(place) for place in (None, ("0", 0), ("9", 2))] == ["", "", "-"]
