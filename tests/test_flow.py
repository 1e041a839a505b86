from hypothesis import given
from hypothesis import strategies as st

from rag import flow
from rag.flow import Block

WORDS = st.text(st.sampled_from("abc .,\nÄ漢"), max_size=400)
BLOCKS = st.lists(
    st.one_of(
        WORDS.map(lambda text: list(flow.paragraph(text))),
        WORDS.map(lambda text: list(flow.paragraph(text, tight=True))),
        st.tuples(WORDS, st.integers(1, 12)).map(lambda pair: list(flow.heading(*pair))),
    ),
    max_size=40,
).map(lambda found: [block for blocks in found for block in blocks])


def characters(text: str) -> str:
    return "".join(text.split())


@given(BLOCKS, st.integers(20, 300))
def test_cutting_loses_no_character(blocks: list[Block], size: int) -> None:
    parts = list(flow.cut(blocks, size))

    assert characters("".join(p.text for p in parts)) == characters("".join(b.text for b in blocks))


@given(BLOCKS, st.integers(20, 300))
def test_a_heading_stands_where_its_mark_says(blocks: list[Block], size: int) -> None:
    parts = list(flow.cut(blocks, size))

    for part in parts:
        for mark in part.marks:
            assert part.text[mark.start :].startswith(mark.title)
    short = [block.text for block in blocks if block.level and len(block.text) <= size]
    assert [m.title for p in parts for m in p.marks] == short


@given(BLOCKS.map(lambda blocks: [b for b in blocks if not b.level]))
def test_a_part_is_hardly_longer_than_asked(blocks: list[Block]) -> None:
    assert all(len(part.text) <= 200 for part in flow.cut(blocks, 100))


def test_a_part_ends_before_a_heading_rather_than_in_its_section() -> None:
    blocks = [Block("a" * 60), Block("Second", level=1), Block("b" * 60)]

    assert [part.text for part in flow.cut(blocks, 100)] == ["a" * 60, "Second\n\n" + "b" * 60]


def test_a_heading_goes_with_what_stands_below_it() -> None:
    blocks = [Block("a" * 40), Block("Second", level=1), Block("b" * 80)]

    assert [part.text for part in flow.cut(blocks, 100)] == ["a" * 40, "Second\n\n" + "b" * 80]


def test_a_long_block_is_cut_between_sentences() -> None:
    parts = list(flow.cut([Block("One two three. Four five six. Seven.")], 20))

    assert [part.text for part in parts] == ["One two three.", "Four five six.", "Seven."]


def test_parts_of_one_thing_are_told_apart_only_where_there_are_several() -> None:
    two = flow.labelled(flow.cut([Block("a" * 90), Block("b" * 90)], 100), "slide 1")
    one = flow.labelled(flow.cut([Block("a")], 100), "slide 2")

    assert [part.label for part in (*two, *one)] == [
        "slide 1, part 1",
        "slide 1, part 2",
        "slide 2",
    ]


def test_what_cannot_be_seen_is_left_out() -> None:
    assert list(flow.paragraph("a\xadb \u200b\ufeff\x00 c\xa0 d")) == [Block("ab c d")]


def test_an_overlong_heading_is_a_paragraph() -> None:
    assert [block.level for block in flow.heading("word " * 100, 1)] == [0]
