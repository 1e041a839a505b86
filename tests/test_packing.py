from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rag.packing import Group, Unit, pack

SENTENCE = "It rained."
TITLE = "Weather and tides"


def units(*made: tuple[str, int]) -> list[Unit]:
    """(text, tokens) one after another on page 1."""
    return [Unit(1, 10 * i, 10 * i + 9, text, n) for i, (text, n) in enumerate(made)]


def sizes(groups: Sequence[Group]) -> list[list[int]]:
    return [[unit.n_tokens for unit in group.units] for group in groups]


def sections(*made: tuple[tuple[str, ...], int]) -> list[Unit]:
    """(heading path, tokens) of sections that print their title."""
    return [
        Unit(1, 10 * i, 10 * i + 9, f"{path[-1]} is what this is about.", n, path)
        for i, (path, n) in enumerate(made)
    ]


def test_units_fill_a_group_up_to_its_limit() -> None:
    assert sizes(pack(units(*[(SENTENCE, 4)] * 5), 8)) == [[4, 4], [4, 4], [4]]


def test_a_title_at_the_end_of_a_group_moves_on_to_what_it_is_the_title_of() -> None:
    made = units((SENTENCE, 8), (TITLE, 2), (SENTENCE, 5))

    assert sizes(pack(made, 12)) == [[8], [2, 5]]


def test_a_title_that_does_not_fit_with_what_follows_stays() -> None:
    made = units((SENTENCE, 8), (TITLE, 2), (SENTENCE, 11))

    assert sizes(pack(made, 12)) == [[8, 2], [11]]


def test_what_leads_up_to_a_list_moves_on_with_it() -> None:
    made = units((SENTENCE, 8), ("The risks are as follows:", 3), (SENTENCE, 5))

    assert sizes(pack(made, 12)) == [[8], [3, 5]]


def test_a_sentence_that_runs_over_a_page_stays_whole() -> None:
    made = [
        Unit(1, 0, 9, SENTENCE, 8),
        Unit(1, 10, 19, "The pilots and the", 3),
        Unit(2, 0, 9, "masters met.", 3, runs_on=True),
    ]

    assert sizes(pack(made, 30)) == [[8, 3, 3]]
    assert sizes(pack(made, 12)) == [[8], [3, 3]]


def test_a_table_that_fits_into_one_group_is_not_cut_in_two() -> None:
    made = units((SENTENCE, 5), ("2022 2021", 2), ("Oil 1 2", 3), ("Tar 3 4", 3))
    made[1] = Unit(1, 10, 19, "2022 2021", 2, whole=8)

    assert sizes(pack(made, 10)) == [[5], [2, 3, 3]]
    assert sizes(pack(made, 7)) == [[5], [2, 3], [3]]


def test_the_head_of_a_table_counts_where_a_group_starts_inside_it() -> None:
    made = [
        Unit(1, 10 * i, 10 * i + 9, f"Oil {i} 2", 3, head="2022 2021", n_head=2) for i in range(5)
    ]

    groups = pack(made, 9)

    assert sizes(groups) == [[3, 3], [3, 3], [3]]
    assert [(group.head, group.n_tokens) for group in groups] == [
        ("2022 2021", 8),
        ("2022 2021", 8),
        ("2022 2021", 5),
    ]


def test_tiny_sections_share_a_group_under_what_their_headings_have_in_common() -> None:
    made = sections(*[(("Deck", f"Slide {i}"), 4) for i in range(8)])

    groups = pack(made, 32)

    assert [(len(group.units), group.heading) for group in groups] == [
        (4, ("Deck",)),
        (4, ("Deck",)),
    ]


def test_sections_of_some_size_keep_to_themselves() -> None:
    made = sections(*[(("Report", f"Part {i}"), 9) for i in range(3)])

    assert [group.heading for group in pack(made, 32)] == [u.heading for u in made]


def test_a_tiny_section_keeps_to_itself_where_its_heading_is_not_printed() -> None:
    made = [Unit(1, i, i + 1, SENTENCE, 2, (f"Slide {i}",)) for i in range(3)]

    assert [group.heading for group in pack(made, 32)] == [("Slide 0",), ("Slide 1",), ("Slide 2",)]


def test_a_tiny_section_does_not_join_the_end_of_a_long_one() -> None:
    made = [
        *sections((("Deck", "A"), 30), (("Deck", "A"), 10)),
        *sections((("Deck", "B"), 2)),
    ]

    assert [group.heading for group in pack(made, 32)] == [("Deck", "A")] * 2 + [("Deck", "B")]


def test_the_title_of_a_part_goes_with_its_first_section() -> None:
    made = [
        Unit(1, 0, 9, "Part Two", 2, ("Part Two",)),
        Unit(1, 10, 19, SENTENCE, 20, ("Part Two", "Weather")),
    ]

    (only,) = pack(made, 32)

    assert only.heading == ("Part Two", "Weather")


def test_what_is_not_read_goes_with_its_page() -> None:
    made = [
        Unit(1, 0, 9, SENTENCE, 9),
        Unit(1, 10, 19, "", 0),
        Unit(2, 0, 9, "", 0),
        Unit(3, 0, 9, "", 0),
        Unit(3, 10, 19, SENTENCE, 9),
        Unit(4, 0, 9, "", 0),
    ]

    groups = pack(made, 10)

    assert [[(u.page, u.start) for u in group.units] for group in groups] == [
        [(1, 0), (1, 10), (2, 0)],
        [(3, 0), (3, 10), (4, 0)],
    ]


UNITS = st.lists(
    st.builds(
        Unit,
        page=st.integers(1, 3),
        start=st.just(0),
        end=st.just(1),
        text=st.sampled_from(["", SENTENCE, TITLE, "Oil 1 2", "As follows:", "A", "B"]),
        n_tokens=st.integers(1, 12),
        heading=st.sampled_from([(), ("A",), ("B",), ("A", "B")]),
        runs_on=st.booleans(),
        n_head=st.integers(0, 4),
        whole=st.integers(0, 20),
    ),
    max_size=25,
).map(lambda made: sorted(made, key=lambda unit: unit.page))


@given(UNITS)
def test_every_unit_lies_in_one_group_in_order_and_no_group_is_too_large(made: list[Unit]) -> None:
    groups = pack(made, 16)

    assert [id(unit) for group in groups for unit in group.units] == [id(unit) for unit in made]
    assert max((group.n_tokens for group in groups), default=0) <= 16
    assert all(any(unit.text for unit in group.units) for group in groups[1:])
