from hypothesis import given
from hypothesis import strategies as st

from rag.reading import read
from rag.types import Page

TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["Gull Harbour\n", "\n12", "ter-\nminal ", "ﬁn ", "a\u00a0b", "x\u00ady", "  "]
        ),
        st.text("ab -\n\u00ad1", max_size=8),
    ),
    max_size=12,
).map("".join)


@st.composite
def pages(draw: st.DrawFn) -> list[Page]:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=6))
    made = []
    for i, text in enumerate(texts, start=1):
        hyphens = [at for at, c in enumerate(text) if c == "-" and draw(st.booleans())]
        made.append(Page(i, f"page {i}", text, (1.0, 1.0), hyphens=tuple(hyphens)))
    return made


@given(pages())
def test_every_place_of_a_page_has_one_in_what_is_read_in_the_same_order(made: list[Page]) -> None:
    for page, found in zip(made, read(made), strict=True):
        places = [found.place(offset) for offset in range(len(page.text) + 1)]

        assert places == sorted(places)
        assert (places[0], places[-1]) == (0, len(found.text))
        assert "".join(found.read(i, i + 1) for i in range(len(page.text))) == found.text


@given(pages())
def test_a_place_in_what_is_read_leads_back_to_the_last_offset_that_reads_no_further(
    made: list[Page],
) -> None:
    for page, found in zip(made, read(made), strict=True):
        for place in range(len(found.text) + 1):
            back = found.back(place)

            assert found.place(back) <= place
            assert back == len(page.text) or found.place(back + 1) > place


def test_running_lines_are_not_read_and_divided_words_are_whole() -> None:
    body = ["The ter-\nminal.", "It was new.", "Grain came.", "A terminal."]
    made = [
        Page(i, f"page {i}", f"Gull Harbour\n{text}\n{i}", (1.0, 1.0))
        for i, text in enumerate(body, 1)
    ]

    assert [r.text.strip() for r in read(made)] == [
        "Gull Harbour\nThe terminal.",
        "It was new.",
        "Grain came.",
        "A terminal.",
    ]


def test_a_page_that_is_read_as_it_stands_needs_no_places() -> None:
    (found,) = read([Page(1, "page 1", "Grain came.", (1.0, 1.0))])

    assert (found.text, found.at) == ("Grain came.", None)
