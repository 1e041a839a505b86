import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import document

from rag.chunk import CONTEXT_TOKENS, SPECIAL_TOKENS, chunk, context_line, cut
from rag.testing import WordTokenizer
from rag.tokens import FolderTokenizer
from rag.types import Chunk, Document, Heading, Page, Tokenizer

WORDS = ["Total", "revenue", "of", "3.2", "No.", "5", "Item", "7A.", "fell", "art", "start", "3M’s"]
PIECES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([". ", "\n", "\n\n", " ", " | ", "\t", "\f", "\u2028", "\u00a0", "。", "(a) "]),
    st.text(max_size=12),
    st.integers(1, 400).map(lambda n: "x" * n),
    st.integers(1, 90).map(lambda n: "aé1." * n),
    st.integers(1, 90).map(lambda n: "資産" * n),
    st.text("abejkqxzé.-", min_size=300, max_size=900),
    st.sampled_from(
        ["ter-\nminal", "well-known", "ofﬁ\u00adce", "a\u00a0 b", "\n2022 2021\nOil 1,2 3\n"]
    ),
    st.sampled_from(["Oil 1,875 1,618\nTar 2 3\nWool 44 5\n", "the ships that came and", "-"]),
    st.sampled_from(["\u200b", "e\u0301", "\u0301", "👩‍👩‍👧", "\x00", "ﬁ", "ß", "İ"]),
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=6))
    if draw(st.booleans()):
        texts = [f"Gull Harbour\n{text}\nPage {i}" for i, text in enumerate(texts, start=7)]
    made = document(*texts, name=draw(st.text(max_size=80)))
    titles = st.one_of(st.sampled_from([*WORDS, "Item 7A.", ""]), st.text(max_size=300))
    numbers = st.integers(1, len(made.pages))
    starts = st.none() | st.integers(0, 400)
    headings = st.lists(st.builds(Heading, titles, st.integers(1, 4), numbers, starts), max_size=6)
    return replace(
        made,
        title=draw(st.text(max_size=300)),
        headings=tuple(draw(headings)),
        pages=tuple(draw(paper(page)) for page in made.pages),
    )


@st.composite
def paper(draw: st.DrawFn, page: Page) -> Page:
    """As read from a PDF, some of the hyphens known to divide a word."""
    hyphens = [i for i, c in enumerate(page.text) if c == "-"]
    chosen = draw(st.sets(st.sampled_from(hyphens), max_size=5)) if hyphens else set()
    return replace(page, label=f"page {page.number}", hyphens=tuple(sorted(chosen)))


def times_covered(made: Document, chunks: Sequence[Chunk]) -> list[list[int]]:
    """For each page, how many chunks hold each of its characters that is not blank."""
    counts = {page.number: np.zeros(len(page.text), int) for page in made.pages}
    for span in (span for c in chunks for span in c.spans):
        counts[span.page][span.start : span.end] += 1
    return [
        [int(n) for n, c in zip(counts[p.number], p.text, strict=True) if not c.isspace()]
        for p in made.pages
    ]


def sliced(made: Document, one: Chunk) -> str:
    return "\n".join(made.pages[s.page - 1].text[s.start : s.end] for s in one.spans)


def recount(one: Chunk, tokenizer: Tokenizer) -> int:
    return len(tokenizer.token_ends(one.embedded_text)) + SPECIAL_TOKENS


def check_invariants(made: Document, tokenizer: Tokenizer) -> None:
    chunks = chunk(made, tokenizer)

    for page in times_covered(made, chunks):
        assert page == [1] * len(page)
    assert [c.text for c in chunks] == [sliced(made, c) for c in chunks]
    assert [c.n_tokens for c in chunks] == [recount(c, tokenizer) for c in chunks]
    assert max((c.n_tokens for c in chunks), default=0) <= tokenizer.window
    assert [c.id for c in chunks] == [f"{made.id}:{i}" for i in range(len(chunks))]


@given(documents())
def test_chunks_hold_every_visible_character_once_and_fit_the_window(made: Document) -> None:
    check_invariants(made, WordTokenizer())


@pytest.fixture(scope="module")
def tokenizer(models_dir: Path) -> FolderTokenizer:
    return FolderTokenizer(models_dir / "all-MiniLM-L6-v2")


@pytest.mark.real
@given(documents())
def test_chunks_fit_the_window_as_the_real_tokenizer_counts(
    tokenizer: FolderTokenizer, made: Document
) -> None:
    check_invariants(made, tokenizer)


@pytest.mark.real
def test_text_without_blanks_is_broken_so_that_it_fits_the_real_window(
    tokenizer: FolderTokenizer,
) -> None:
    letters = random.Random(1)
    text = "".join(letters.choices("bcdfgé-", k=9_000))

    check_invariants(document(text, name="w " * 100), tokenizer)


@given(documents())
def test_the_same_document_gives_the_same_chunks(made: Document) -> None:
    assert chunk(made, WordTokenizer()) == chunk(made, WordTokenizer())


def outlined(*texts: str, headings: Sequence[Heading]) -> Document:
    return replace(document(*texts), headings=tuple(headings))


def test_a_chunk_never_holds_text_of_two_headings() -> None:
    made = outlined(
        "Risks\nPrices may fall.\nResults\nSales rose.",
        headings=[Heading("Risks", 1, 1), Heading("Results", 1, 1)],
    )

    chunks = chunk(made, WordTokenizer())

    assert [(c.heading, c.text) for c in chunks] == [
        (("Risks",), "Risks\nPrices may fall."),
        (("Results",), "Results\nSales rose."),
    ]


def test_the_heading_path_goes_from_the_outermost_inwards_and_on_over_pages() -> None:
    made = outlined(
        "Part One\nRisks\nPrices may fall.",
        "They fell before.",
        "Part Two\nSales rose.",
        headings=[Heading("Part One", 1, 1), Heading("Risks", 2, 1), Heading("Part Two", 1, 3)],
    )

    chunks = chunk(made, WordTokenizer())

    assert [(c.text, c.heading) for c in chunks] == [
        ("Part One\nRisks\nPrices may fall.\nThey fell before.", ("Part One", "Risks")),
        ("Part Two\nSales rose.", ("Part Two",)),
    ]


def test_a_heading_is_not_found_inside_a_longer_word() -> None:
    made = outlined("Start here.\nArt\nPaintings hang.", headings=[Heading("Art", 1, 1)])

    assert [c.text for c in chunk(made, WordTokenizer())] == [
        "Start here.",
        "Art\nPaintings hang.",
    ]


def test_a_heading_that_its_page_does_not_print_counts_from_the_top_of_the_page() -> None:
    made = outlined("Sales rose.", "Costs fell.", headings=[Heading("Unprinted", 1, 2)])

    assert [(c.text, c.heading) for c in chunk(made, WordTokenizer())] == [
        ("Sales rose.", ()),
        ("Costs fell.", ("Unprinted",)),
    ]


def test_a_chunk_less_than_half_full_runs_on_over_the_page_break() -> None:
    made = document("Sales rose.", "Costs fell.")

    (only,) = chunk(made, WordTokenizer())

    assert only.text == "Sales rose.\nCosts fell."
    assert [(s.page, s.start, s.end) for s in only.spans] == [(1, 0, 11), (2, 0, 11)]


def test_a_chunk_half_full_ends_with_its_page() -> None:
    window = 2 * 6 + SPECIAL_TOKENS + CONTEXT_TOKENS
    made = document("Sales rose. Costs fell.", "Cash grew.")

    chunks = chunk(made, WordTokenizer(window))

    assert [c.text for c in chunks] == ["Sales rose. Costs fell.", "Cash grew."]


def test_sentences_stay_whole_when_they_fit() -> None:
    sentence = "One two three four five six seven eight nine."
    made = document(f"{sentence} {sentence}")

    assert [c.text for c in chunk(made, WordTokenizer())] == [sentence, sentence]


def test_a_sentence_too_long_for_the_window_is_broken_between_words() -> None:
    words = [f"word{i}" for i in range(100)]

    chunks = chunk(document(" ".join(words)), WordTokenizer())

    assert [word for c in chunks for word in c.text.split()] == words
    assert len(chunks) == 8


def test_a_document_without_text_has_no_chunks() -> None:
    assert chunk(document("", " \n\t"), WordTokenizer()) == ()


def test_the_context_says_file_title_and_headings() -> None:
    line = context_line("annual_report.pdf", "3M  Annual\nReport", ["Part I", "Item 1. Business"])

    assert line == "annual report · 3M Annual Report · Part I · Item 1. Business"


def test_a_title_that_only_repeats_the_file_name_is_not_said_twice() -> None:
    assert context_line("annual_report.pdf", "Annual Report", []) == "annual report"


def test_a_long_context_is_cut_so_that_room_for_text_is_left() -> None:
    made = replace(document("Sales rose."), title="long title " * 100)

    (only,) = chunk(made, WordTokenizer())

    assert only.text == "Sales rose."
    assert len(WordTokenizer().token_ends(only.context)) == CONTEXT_TOKENS


def test_cut_keeps_the_first_tokens_and_short_text_whole() -> None:
    assert cut("one two three", 2, WordTokenizer()) == "one two"
    assert cut("one two three", 3, WordTokenizer()) == "one two three"
    assert cut("", 3, WordTokenizer()) == ""


BODY = [
    "Grain came first.",
    "Timber followed it.",
    "Wool was late.",
    "Oil came last.",
    "All was sold.",
]


def printed(*texts: str) -> Document:
    """Pages with a header and a page number."""
    made = document(*(f"Gull Harbour\n{text}\nPage {i}" for i, text in enumerate(texts, start=1)))
    return replace(
        made, pages=tuple(replace(page, label=f"page {page.number}") for page in made.pages)
    )


def test_running_lines_are_in_the_text_but_not_in_what_is_read() -> None:
    (only,) = chunk(printed(*BODY), WordTokenizer(200))

    assert only.text.count("Gull Harbour") == 5
    assert only.reading == "Gull Harbour\n" + "\n".join(BODY)


def test_a_sentence_runs_on_over_header_and_page_number() -> None:
    made = printed(*BODY[:4], "The pilots and the", "masters met.")

    (only,) = chunk(made, WordTokenizer(200))

    assert only.reading.endswith("\nThe pilots and the masters met.")


def test_a_word_divided_by_the_end_of_a_page_is_whole() -> None:
    made = printed(*BODY[:4], "The pilots met at the ter-", "minal.")

    (only,) = chunk(made, WordTokenizer(200))

    assert only.reading.endswith("\nThe pilots met at the terminal.")


def test_running_lines_take_no_room() -> None:
    window = 4 * 4 + SPECIAL_TOKENS + CONTEXT_TOKENS
    made = printed(*(f"Ship number {word}." for word in "one two three four five six".split()))

    chunks = chunk(made, WordTokenizer(window))

    assert [c.reading.count("Ship") for c in chunks] == [2, 2, 2]


def test_what_is_read_as_it_stands_is_not_kept_twice() -> None:
    (only,) = chunk(document("Sales rose."), WordTokenizer())

    assert only.clean is None


def test_words_that_lines_divide_are_whole_in_what_is_read_alone() -> None:
    (only,) = chunk(document("The ter-\nminal. Our terminal."), WordTokenizer())

    assert (only.text, only.clean) == (
        "The ter-\nminal. Our terminal.",
        "The terminal. Our terminal.",
    )


def test_a_chunk_that_starts_inside_a_table_says_its_head_again() -> None:
    rows = [f"Cargo {i} {i},875 {i},618" for i in range(1, 9)]
    made = document("Three Months Ended\n2022 2021\n" + "\n".join(rows))
    window = 40 + SPECIAL_TOKENS + CONTEXT_TOKENS

    chunks = chunk(made, WordTokenizer(window))

    assert len(chunks) > 1
    assert all(c.reading.startswith("Three Months Ended\n2022 2021\nCargo") for c in chunks)
    assert [row for c in chunks for row in c.text.splitlines()[-20:] if row in rows] == rows


def test_a_table_that_goes_on_over_a_page_takes_its_head_along() -> None:
    rows = [f"Cargo {i} {i},875 {i},618" for i in range(1, 9)]
    made = printed(
        *BODY, "Three Months Ended\n2022 2021\n" + "\n".join(rows[:4]), "\n".join(rows[4:])
    )
    window = 48 + SPECIAL_TOKENS + CONTEXT_TOKENS

    *_, last = chunk(made, WordTokenizer(window))

    assert last.reading == "Three Months Ended\n2022 2021\n" + "\n".join(rows[4:])


def test_a_heading_counts_from_where_it_is_said_to_start() -> None:
    made = outlined(
        "Risks are told below.\nRisks\nPrices may fall.", headings=[Heading("Risks", 1, 1, 22)]
    )

    assert [(c.text, c.heading) for c in chunk(made, WordTokenizer())] == [
        ("Risks are told below.", ()),
        ("Risks\nPrices may fall.", ("Risks",)),
    ]


def test_a_deck_of_tiny_slides_does_not_become_tiny_chunks() -> None:
    slides = [f"Slide {i}\nWe sell boats." for i in range(40)]
    made = outlined(*slides, headings=[Heading(f"Slide {i}", 1, i + 1) for i in range(40)])

    chunks = chunk(made, WordTokenizer(256))

    assert len(chunks) < 10
    assert {c.heading for c in chunks} == {()}
