import base64
import io
from collections.abc import Iterator
from email.message import EmailMessage
from types import SimpleNamespace

import files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import mail
from rag.flow import Item, Part, Remark
from rag.mail import Attachment


def named(attachment: Attachment) -> Iterator[Item]:
    yield Part(attachment.data.decode(errors="replace"), attachment.name)


def eml(data: EmailMessage | bytes) -> list[Part]:
    raw = data if isinstance(data, bytes) else data.as_bytes()
    return [item for item in mail.read_eml(io.BytesIO(raw), named) if isinstance(item, Part)]


def test_a_mail_shows_its_headers_and_its_text() -> None:
    (part,) = eml(files.mail("It is due.", subject="Rent of März"))

    assert part.label == "mail of 2024-03-01 10:22, Rent of März"
    assert part.text == (
        "Subject: Rent of März\nFrom: Ann <ann@example.org>\nTo: Bob <bob@example.org>\n"
        "Date: Fri, 01 Mar 2024 10:22:00 +0100\n\nIt is due."
    )


def test_a_mail_without_date_is_undated() -> None:
    assert eml(files.mail(date=None))[0].label == "undated mail, Rent"
    assert eml(files.mail(date="soon"))[0].label == "undated mail, Rent"


def test_a_long_subject_is_cut_in_the_label() -> None:
    label = eml(files.mail(subject="word " * 40))[0].label

    assert label.endswith(" word…")
    assert len(label) < 90


def test_plain_text_is_preferred_and_html_is_read_without() -> None:
    assert "plain" in eml(files.mail("plain", html="<p>web"))[0].text
    assert "web" not in eml(files.mail("plain", html="<p>web"))[0].text
    assert eml(files.mail(" ", html="<h1>web</h1>"))[0].text.endswith("\n\nweb")
    assert eml(files.mail(None, html="<p>only&nbsp;web"))[0].text.endswith("\n\nonly web")


def test_a_long_mail_has_several_parts() -> None:
    labels = [part.label for part in eml(files.mail("A sentence. \n\n" * 500))]

    assert labels[0] == "mail of 2024-03-01 10:22, Rent, part 1"
    assert len(labels) == 3


def test_headers_in_bare_bytes_are_read() -> None:
    raw = "From: Jörg <j@x>\nSubject: Größe\nDate: x\n\nHallo".encode("cp1252")

    assert "Subject: Größe\nFrom: Jörg <j@x>" in eml(raw)[0].text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?q?Gr=C3=B6=C3=9Fe?= of flat", "Größe of flat"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?nonsense?q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?utf-8?b?###?=", "=?utf-8?b?###?="),
        ("Rent\n due", "Rent due"),
    ],
)
def test_subjects_are_decoded_as_far_as_they_can_be(written: str, read: str) -> None:
    raw = f"From: a@b\nSubject: {written}\n\nx".encode()

    assert f"Subject: {read}\n" in eml(raw)[0].text


def test_attachments_follow_under_the_label_of_their_mail() -> None:
    parts = eml(files.mail(attachments=[("räume.csv", b"a"), ("b.txt", b"b")]))

    assert [part.label for part in parts[1:]] == [
        "mail of 2024-03-01 10:22, Rent, attachment räume.csv, räume.csv",
        "mail of 2024-03-01 10:22, Rent, attachment b.txt, b.txt",
    ]


def test_a_folder_in_the_name_of_an_attachment_is_left_out() -> None:
    assert eml(files.mail(attachments=[("../../etc/x.txt", b"a")]))[1].label.endswith(", x.txt")


def test_a_mail_in_a_mail_is_an_attachment() -> None:
    outer = files.mail()
    outer.add_attachment(files.mail("inner text", subject="Inner"))

    found = list(mail.read_eml(io.BytesIO(outer.as_bytes()), lambda a: iter([Part(repr(a), "p")])))

    assert "is_mail=True" in found[-1].text
    assert "inner text" in found[-1].text


def test_a_remark_says_which_mail_it_is_about() -> None:
    raw = files.mail(attachments=[("a.bin", b"x")]).as_bytes()
    *_, remark = mail.read_eml(io.BytesIO(raw), lambda _: iter([Remark("a.bin is not read.")]))

    assert remark == Remark("mail of 2024-03-01 10:22, Rent: a.bin is not read.")


def test_a_mailbox_gives_every_mail_in_order() -> None:
    lines = "\n".join(
        f"From a@b Fri Mar  1 10:22:00 2024\nFrom: a@b\nSubject: Mail {i}\n\n"
        f"From within a paragraph at 10:22\n>From the start\n"
        for i in range(300)
    )
    items = list(mail.read_mbox(io.BytesIO(lines.encode()), named))

    assert [item.label for item in items] == [f"undated mail, Mail {i}" for i in range(300)]
    assert items[0].text.endswith("From within a paragraph at 10:22\nFrom the start")


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=x\nFrom: a@b\n\n--x\n\nbody text",
        b"Content-Type: multipart/mixed\nFrom: a@b\n\nbody text",
        b"Content-Type: text/plain; charset=nonsense\nFrom: a@b\n\nbody text",
        b"Content-Transfer-Encoding: base64\nFrom: a@b\n\nbody text",
        b"Content-Transfer-Encoding: nonsense\nFrom: a@b\n\nbody text",
        b"Content-Type: nonsense\nFrom: a@b\n\nbody text",
        b"\n\nFrom: a@b\n\nbody text",
    ],
)
def test_a_broken_mail_is_read_as_far_as_it_goes(raw: bytes) -> None:
    assert eml(raw)[0].text.startswith("From: a@b")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_as_a_mail(data: bytes) -> None:
    head = b"From: a@b\nContent-Type: multipart/mixed; boundary=x\nSubject: "

    assert eml(head + data)


@pytest.mark.parametrize("encoded", [True, False])
def test_a_mail_in_a_mail_may_be_marked_as_encoded(encoded: bool) -> None:
    inner = b"From: c@d\nSubject: Inner\n\nx"
    body = base64.encodebytes(inner) if encoded else inner
    raw = (
        b"From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + body + b"\n--x--\n"
    )

    assert "Subject: Inner" in eml(raw)[-1].text


def test_an_address_inside_a_server_is_left_out_of_recipients() -> None:
    blanks = " " * 300_000
    ann = SimpleNamespace(name="Ann", email_address=f"{blanks}x</O=ACME/CN=ANN>")
    bob = SimpleNamespace(name="Bob", email_address="/o=acme/cn=bob")

    assert list(mail._recipients(SimpleNamespace(recipients=[ann, bob]))) == [
        f"Ann <{blanks}x>",
        "Bob",
    ]
