import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import charset

RUSSIAN = "Договор аренды заключён в Москве. Арендная плата составляет тысячу рублей в месяц."
GERMAN = "Sehr geehrte Frau Müller, die Miete beträgt ab März 950 Euro. Mit freundlichen Grüßen"
POLISH = (
    "Umowa najmu zawarta została w Łodzi między właścicielem a najemcą. Czynsz: tysiąc złotych."
)
ENGLISH = "The tenant’s deposit is £500 — paid on 1 May. “No pets” applies to all 20 m²."
JAPANESE = "賃貸契約書は東京で締結されました。家賃は月額十万円です。"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *((RUSSIAN, codec) for codec in ("cp1251", "koi8_r", "cp866", "iso8859_5")),
        *((JAPANESE, codec) for codec in ("cp932", "euc_jp", "iso2022_jp")),
        *((POLISH, codec) for codec in ("cp1250", "iso8859_2")),
        (GERMAN, "cp1252"),
        (GERMAN, "mac_roman"),
        (ENGLISH, "cp1252"),
        *((ENGLISH, codec) for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")),
    ],
)
def test_text_is_read_without_a_word_about_its_charset(text: str, codec: str) -> None:
    assert charset.decoded(text.encode(codec)) == text


def test_a_declared_charset_is_meant_as_programs_write_it() -> None:
    assert charset.decoded("“Größe”".encode("cp1252"), "ISO-8859-1") == "“Größe”"
    assert charset.decoded("스티해".encode("cp949"), "ks_c_5601-1987") == "스티해"


@pytest.mark.parametrize("declared", ["no-such-charset", "base64", "rot13", "utf-7", "", "a\0b"])
def test_a_declared_charset_that_is_none_is_passed_over(declared: str) -> None:
    assert charset.decoded("Größe der Wohnung".encode("cp1252"), declared) == "Größe der Wohnung"


def test_utf8_wins_over_a_false_declaration() -> None:
    assert charset.decoded("Größe".encode(), "iso-8859-1") == "Größe"


def test_one_broken_character_does_not_make_utf8_something_else() -> None:
    assert charset.decoded("ä".encode() * 50 + b"\xff") == "ä" * 50 + "\ufffd"


def test_a_line_without_end_does_not_hide_what_tells_the_charset() -> None:
    text = f"{'a' * 2_000_000}\n{GERMAN}"

    assert charset.decoded(text.encode("cp1252")) == text


@given(st.text())
def test_utf8_is_always_read_as_such(text: str) -> None:
    data = text.encode("utf-8", "replace")
    if b"\0" not in data and b"\x1b" not in data and not data.startswith(b"\xef\xbb\xbf"):
        assert charset.decoded(data).encode("utf-8", "replace") == data


@given(st.binary())
def test_any_bytes_become_text(data: bytes) -> None:
    assert isinstance(charset.decoded(data), str)
