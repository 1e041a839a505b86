import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import markup

BOMB = "".join(
    f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' if i else '<!ENTITY e0 "lol">' for i in range(12)
)


def test_entities_are_not_expanded() -> None:
    root = markup.xml(f"<!DOCTYPE x [{BOMB}]><x>a<b>&e11;</b></x>".encode(), lenient=True)

    assert len("".join(root.itertext())) < 100


def test_nothing_is_loaded_from_outside() -> None:
    root = markup.xml(b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x><y>&f;</y></x>')

    assert root[0].text is None


def test_what_is_no_xml_is_an_error_unless_it_may_be_mended() -> None:
    with pytest.raises(ValueError, match="tag"):
        markup.xml(b"<a><b></a>")
    assert markup.tag(markup.xml(b"<a><b></a>", lenient=True)) == "a"
    with pytest.raises(ValueError, match="empty"):
        markup.xml(b"", lenient=True)


def test_what_nobody_sees_is_left_out_at_any_depth() -> None:
    unseen = "<style>red</style><SCRIPT>run</script ><p>"
    root = markup.html(f"<body>{'<b>' * 5000}{unseen}deep {'<style ' * 300_000}")

    text = "".join(root.itertext())
    assert "deep" in text
    assert "red" not in text
    assert "run" not in text


def test_nearly_xhtml_is_read() -> None:
    page = "<html><head><title/></head><body><p>a&nbsp;b<br></p></body></html>"

    root = markup.xhtml(page.encode(), page)

    assert "".join(root.itertext()) == "a\xa0b"


@given(st.text())
def test_any_text_is_read_as_html(text: str) -> None:
    root = markup.html(text)

    assert root is None or list(markup.walk(root))
