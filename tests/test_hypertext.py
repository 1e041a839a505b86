import io

import files
import pytest

from rag import hypertext, markup
from rag.errors import DamagedDocument, DocumentTooLarge
from rag.flow import Part, Remark, Title


def texts(html: str) -> list[str]:
    root = markup.html(html)
    return [] if root is None else [block.text for block in hypertext.blocks(root)]


def parts(items: object) -> list[Part]:
    return [item for item in items if isinstance(item, Part)]


def test_marks_go_and_words_stay() -> None:
    html = (
        '<p>Some <b>bold</b>, a <a href="http://x">link</a>,<br>a <img alt="picture"> &amp; more.'
    )

    assert texts(html) == ["Some bold, a link,\na picture & more."]


def test_what_nobody_sees_is_left_out() -> None:
    html = """<head><style>p{}</style></head><body><script>x()</script><!-- c -->
    <p style="display:none">hidden</p><p hidden>hidden</p><template>t</template><p>seen</p>tail"""

    assert texts(html) == ["seen", "tail"]


def test_lists_keep_their_numbers() -> None:
    html = "<ol start=3><li>three<ul><li>inner</ul><li>four</ol><ul><li><p>a</p><p>b</p></ul>"

    assert texts(html) == ["3. three", "- inner", "4. four", "- a", "b"]


def test_headings_keep_their_level() -> None:
    root = markup.html("<h2>A <i>title</i></h2><p>text")

    assert [(b.text, b.level) for b in hypertext.blocks(root)] == [("A title", 2), ("text", 0)]


def test_a_table_gives_a_line_a_row() -> None:
    html = """<table><thead><tr><th>Item<th>Payer</thead>
    <tr><td>Rent<td rowspan=2>Ann</tr><tr><td>Heat</tr></table>"""

    assert texts(html) == ["Item: Rent | Payer: Ann", "Item: Heat | Payer: Ann"]


def test_a_table_that_lays_out_a_page_is_read_in_order() -> None:
    html = """<table><tr><td><h1>Title</h1>text<td><table><tr><td>a<td>b</table>
    </table>after"""

    assert texts(html) == ["Title", "text", "a | b", "after"]


def test_code_keeps_its_lines() -> None:
    assert texts("<pre>one\ntwo</pre>") == ["one\ntwo"]


@pytest.mark.parametrize("html", ["</td></tr></table>x", "<tr><td>x", "<li>x", "<table><table>x"])
def test_unbalanced_tags_lose_no_text(html: str) -> None:
    assert "x" in "".join(texts(html))


@pytest.mark.parametrize("tag", ["div", "table><tr><td", "ul><li", "b"])
def test_text_at_any_depth_is_read(tag: str) -> None:
    assert "deep" in "".join(texts(f"<body>{f'<{tag}>' * 5000}deep"))


def test_the_declared_charset_is_used() -> None:
    page = '<html><head><meta charset="koi8-r"></head><body>Ёж</body></html>'
    (part,) = parts(hypertext.read_html(io.BytesIO(page.encode("koi8-r"))))

    assert (part.text, part.label) == ("Ёж", "part 1")


def test_chapters_come_in_the_order_of_the_book() -> None:
    book = files.epub("<h1>One</h1><p>first&nbsp;text</p>", "<h1>Two</h1>", title="A Book")
    items = list(hypertext.read_epub(io.BytesIO(book), "a.epub", 1 << 20))

    assert items[0] == Title("A Book")
    assert "".join(part.text for part in parts(items)) == "One\n\nfirst text\n\nTwo"


def test_a_book_without_a_list_of_chapters_is_damaged() -> None:
    book = files.zipped({"mimetype": "application/epub+zip"})

    with pytest.raises(DamagedDocument, match=r"a\.epub"):
        list(hypertext.read_epub(io.BytesIO(book), "a.epub", 1 << 20))


def test_a_book_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="max_unpacked_mb"):
        list(hypertext.read_epub(io.BytesIO(files.epub("x" * 5000)), "a.epub", 1000))


def test_a_chapter_that_is_lost_is_told_and_the_others_are_read() -> None:
    book = files.epub("<p>one</p>", "<p>two</p>").replace(b"ch 1.xhtml", b"ch 9.xhtml")
    *_, part, remark = hypertext.read_epub(io.BytesIO(book), "a.epub", 1 << 20)

    assert part == Part("one", "part 1")
    assert remark == Remark("1 of its 2 chapters cannot be followed.")
