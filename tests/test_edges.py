from rag.edges import own
from rag.types import Chunk, Span

HEAD = "Gull Harbour - Rules 2024"
FOOT = "GH-7/24 Page 2 of 3"


def kept(page: str, clean: str | None, start: int = 0, end: int | None = None) -> str:
    span = Span("d", 2, start, len(page) if end is None else end)
    chunk = Chunk("d:0", "d", page[span.start : span.end], (span,), 0, (), "", clean)
    found = own(chunk, span, page)
    return page[found.start : found.end]


def test_running_lines_at_both_edges_are_left_out() -> None:
    page = f"{HEAD}\n\nto the police within 24 hours.\nCall us.\n{FOOT}\n"

    assert kept(page, "to the police within 24 hours.\nCall us.") == (
        "to the police within 24 hours.\nCall us."
    )


def test_a_line_whose_words_are_joined_where_it_is_read_stays() -> None:
    page = f"{HEAD}\nMoney is paid in instal-\nments of nine pounds.\n{FOOT}"

    assert kept(page, "Money is paid in instalments of nine pounds.") == (
        "Money is paid in instal-\nments of nine pounds."
    )


def test_only_lines_at_the_edges_go() -> None:
    page = f"Call us.\n{HEAD}\nAsk at the lock."

    assert kept(page, "Call us.\nAsk at the lock.") == page


def test_a_span_that_begins_within_a_line_begins_with_its_rest() -> None:
    page = f"Call us. Ask at the lock.\n{FOOT}"

    assert kept(page, "Ask at the lock.", start=9) == "Ask at the lock."


def test_all_stays_of_a_chunk_that_is_read_as_it_stands_or_of_which_nothing_would_be_left() -> None:
    assert kept(f"{HEAD}\nCall us.", None) == f"{HEAD}\nCall us."
    assert kept(f"{HEAD}\n{FOOT}", "") == f"{HEAD}\n{FOOT}"
    assert kept("", "") == ""
