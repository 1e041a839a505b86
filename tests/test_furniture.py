from collections.abc import Sequence

import pytest

from rag.furniture import find
from rag.types import Page

BODY = [
    "The harbour took in more ships than in any year before.",
    "Its lighthouse was painted red, which nobody had asked for.",
    "A crane fell into the basin; it was lifted out in spring.",
    "The pilots moved to the new house beside the lock.",
    "Grain came first, then timber, then wool from the islands.",
    "Two tugs were sold and one was bought in their place.",
    "The quay wall is being mended by divers.",
    "Ice closed the port for nine days.",
    "No ship was lost.",
]


def pages(*texts: str, label: str = "page") -> list[Page]:
    return [Page(i, f"{label} {i}", text, (1.0, 1.0)) for i, text in enumerate(texts, start=1)]


def running(made: Sequence[Page]) -> list[list[str]]:
    """For each page, its running lines."""
    found = find(made)
    return [[p.text[line.start : line.end] for line in found.get(p.number, ())] for p in made]


def silent(made: Sequence[Page]) -> list[list[str]]:
    """The same without what the document says there for the first time."""
    found = find(made)
    return [
        [p.text[line.start : line.end] for line in found.get(p.number, ()) if not line.first]
        for p in made
    ]


def test_headers_and_page_numbers_that_come_back_are_running_lines() -> None:
    made = pages(*(f"Gull Harbour\n{text}\nPage {i} of 9" for i, text in enumerate(BODY, 1)))

    assert running(made) == [["Gull Harbour", f"Page {i} of 9"] for i in range(1, 10)]


def test_a_header_is_kept_where_the_document_first_says_it() -> None:
    made = pages(*(f"Gull Harbour | {i}\n{text}" for i, text in enumerate(BODY, 1)))

    assert silent(made) == [[]] + [[f"Gull Harbour | {i}"] for i in range(2, 10)]


def test_what_would_cut_a_sentence_in_two_is_not_kept_even_the_first_time() -> None:
    made = pages(*(f"Gull Harbour\n{text[0].lower()}{text[1:]}" for text in BODY))

    assert silent(made) == [["Gull Harbour"]] * 9


@pytest.mark.parametrize("number", ["{}", "- {} -", "F-{}", "Page {}", "{} | Annual Report 2022"])
def test_the_number_of_the_page_is_known_in_many_forms(number: str) -> None:
    made = pages(*(f"{text}\n{number.format(i + 20)}" for i, text in enumerate(BODY)))

    assert running(made) == [[number.format(i + 20)] for i in range(9)]


def test_roman_page_numbers_and_two_pages_on_one_are_known() -> None:
    roman = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
    double = [f"{2 * i} {2 * i + 1}" for i in range(9)]

    assert silent(pages(*map("\n".join, zip(BODY, roman, strict=True)))) == [[r] for r in roman]
    assert running(pages(*map("\n".join, zip(BODY, double, strict=True)))) == [[d] for d in double]


def test_left_and_right_pages_may_differ() -> None:
    heads = ["Gull Harbour", "Report of the Masters"] * 9
    made = pages(*(f"{head}\n{text}" for head, text in zip(heads, BODY * 2, strict=True)))

    assert running(made) == [[head] for head in heads]


def test_the_header_of_a_chapter_counts_while_the_chapter_lasts() -> None:
    chapters = ["Ships"] * 9 + ["Cargo"] * 9 + ["Weather"] * 9
    made = pages(*(f"{head}\n{text}" for head, text in zip(chapters, BODY * 3, strict=True)))

    assert running(made) == [[head] for head in chapters]


def test_a_line_is_running_only_with_all_that_stands_outside_it() -> None:
    made = pages(*(f"{text}\nGull Harbour\nThe masters met." for text in BODY))

    assert running(pages(*(f"{p.text} {p.number * 7}" for p in made))) == [[]] * 9


def test_a_letter_of_three_pages_has_running_lines() -> None:
    made = pages(
        *(f"Gull Harbour\n{text}\nHG-07/24 {i} of 3" for i, text in enumerate(BODY[:3], 1))
    )

    assert running(made) == [["Gull Harbour", f"HG-07/24 {i} of 3"] for i in (1, 2, 3)]


@pytest.mark.parametrize("number", ["Page {}", "Lease, page {} of 2", "Lease - {} of 2", "{} / 2"])
def test_of_two_pages_only_what_tells_their_number_is_a_running_line(number: str) -> None:
    made = pages(
        *(f"Gull Harbour\n{text}\n{number.format(i)}" for i, text in enumerate(BODY[:2], 1))
    )

    assert running(made) == [[number.format(1)], [number.format(2)]]


@pytest.mark.parametrize("line", ["Q{} results", "Unit {}", "{} harbour", "Step {} of 9", "{}"])
def test_in_a_short_document_a_number_may_count_something_else(line: str) -> None:
    made = pages(*(f"{line.format(i)}\n{text}" for i, text in enumerate(BODY[:2], 1)))

    assert running(made) == [[], []]


def test_one_page_has_no_running_lines() -> None:
    assert running(pages(f"Gull Harbour\n{BODY[0]}\nPage 1 of 1")) == [[]]


@pytest.mark.parametrize("label", ["slide", "mail of 2024-03-01,", "part", "sheet Costs,"])
def test_what_is_no_page_of_paper_is_left_alone(label: str) -> None:
    made = pages(*(f"Agenda\n{text}\n{i}" for i, text in enumerate(BODY, 1)), label=label)

    assert running(made) == [[]] * 9


@pytest.mark.parametrize(
    "line",
    [
        "Total {n} {m}",  # a row, whose figures differ
        "2024-03-0{i}",  # a diary with a day on each page
        "March {i}, 2024",
        "{i} March 2024",
        "Day {i}",
        "Exhibit {i}",
        "Invoice No. {i}",
        "Name:",
        "• Bring a lamp",
        "Oil 100 200",  # rows that happen to be the same
        "{n}",
    ],
)
def test_rows_dates_counted_things_labels_and_items_are_left_alone(line: str) -> None:
    tops = [line.format(i=i, n=i * i + 3, m=i * 77) for i in range(1, 10)]

    assert running(pages(*map("\n".join, zip(tops, BODY, strict=True)))) == [[]] * 9


def test_the_head_of_a_table_over_a_few_pages_is_left_alone() -> None:
    heads = ["Vessel Master Tonnage"] * 4 + [f"Chapter {word}" for word in BODY] * 2
    made = pages(*(f"{head}\n{text}" for head, text in zip(heads, BODY * 3, strict=False)))

    assert running(made) == [[]] * len(made)


def test_a_blank_line_without_end_is_no_line() -> None:
    made = pages(*(f"Port report\n{' ' * 500_000}\n{line}\n{i}" for i, line in enumerate(BODY, 1)))

    assert running(made) == [["Port report", str(i)] for i in range(1, len(BODY) + 1)]
