from rag.trail import Trail
from rag.types import Heading, Page


def page(text: str) -> Page:
    return Page(1, "page 1", text, (1.0, 1.0))


def test_a_heading_counts_from_where_it_is_said_to_start() -> None:
    text = "Risks are told below.\nRisks\nPrices fell."
    breaks = Trail([Heading("Risks", 1, 1, start=22)]).enter(page(text))

    assert (breaks.at(0), breaks.at(21), breaks.at(22)) == ((), (), ("Risks",))


def test_a_start_inside_a_word_moves_to_the_word() -> None:
    breaks = Trail([Heading("Risks", 1, 1, start=9)]).enter(page("Prices rose."))

    assert breaks.offsets == (0, 7)


def test_a_start_beyond_the_page_is_its_end() -> None:
    assert Trail([Heading("Risks", 1, 1, start=99)]).enter(page("One two ")).offsets == (0, 8)


def test_without_a_start_the_words_tell_but_not_those_of_a_running_line() -> None:
    text = "Risks\nPrices rose.\nRisks\nThey fell."

    assert Trail([Heading("Risks", 1, 1)]).enter(page(text)).offsets == (0, 0)
    assert Trail([Heading("Risks", 1, 1)]).enter(page(text), [(0, 5)]).offsets == (0, 19)


def test_a_title_at_the_start_of_a_line_goes_before_the_same_words_in_a_sentence() -> None:
    text = "We come to risks later.\n2.1 Risks\nThey fell."

    assert Trail([Heading("Risks", 1, 1)]).enter(page(text)).offsets == (0, 24)
