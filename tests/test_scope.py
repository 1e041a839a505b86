from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import scope
from rag.errors import FilterError
from rag.sniff import MEDIA_TYPES
from rag.types import DocumentRecord, Filter

A = DocumentRecord("a" * 64, "Lease North.pdf", "application/pdf", "", "embedded", 1, 1, 1, 1, 0.0)
B = replace(A, id="b" * 64, name="lease north.pdf")
C = replace(A, id="abc123" + "c" * 58, name="Harbour.eml")
RECORDS = [A, B, C]
KNOWN = ["Leases", "Rents"]


def chosen(*documents: str) -> tuple[str, ...]:
    return scope.chosen(RECORDS, KNOWN, documents=documents).documents


def test_a_document_is_named_by_its_file_name_or_the_start_of_its_id() -> None:
    assert chosen("Lease North.pdf") == (A.id,)
    assert chosen("LEASE NORTH.PDF") == (A.id, B.id)
    assert chosen("ABC123", "Harbour.eml") == (C.id,)


@pytest.mark.parametrize("name", ["Lease Nort.pdf", "aaaaa", "", "*"])
def test_a_name_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(FilterError, match="No document is called"):
        chosen(name)


def test_the_nearest_names_are_told() -> None:
    with pytest.raises(FilterError, match=r"called harbor.eml. Nearest: Harbour.eml. "):
        chosen("harbor.eml")
    with pytest.raises(FilterError, match=r"called Lease. Nearest: Leases. "):
        scope.chosen(RECORDS, KNOWN, collections=["Lease"])
    with pytest.raises(FilterError, match=r"called Zebra. `strongroom collections` shows"):
        scope.chosen(RECORDS, KNOWN, collections=["Zebra"])


def test_a_collection_is_named_without_regard_to_case() -> None:
    assert scope.chosen(RECORDS, KNOWN, collections=["leases"]).collections == ("Leases",)


def test_days_must_be_in_order() -> None:
    day = date(2024, 1, 2)
    assert scope.chosen(RECORDS, KNOWN, since=day, until=day).since == day
    with pytest.raises(FilterError, match="2024-01-02 comes after 2024-01-01"):
        scope.chosen(RECORDS, KNOWN, since=day, until=date(2024, 1, 1))


def test_every_kind_of_file_that_is_read_is_of_one_type() -> None:
    for media_type in set(MEDIA_TYPES.values()) - {MEDIA_TYPES["encrypted-office"]}:
        types = [
            name
            for name, patterns in scope.TYPES.items()
            if any(fnmatchcase(media_type, pattern) for pattern in patterns)
        ]
        assert len(types) == 1, media_type


@given(st.text(max_size=100))
def test_a_name_is_one_line_or_refused(text: str) -> None:
    try:
        name = scope.collection_name(text)
    except FilterError:
        return
    assert name == scope.collection_name(name)
    assert 0 < len(name) <= scope.LONGEST_NAME
    assert len(name.splitlines()) == 1


@pytest.mark.parametrize(
    ("within", "words"),
    [
        (Filter(), "all documents"),
        (Filter(documents=(A.id,)), "Lease North.pdf"),
        (Filter(documents=("gone",)), "a document that is gone"),
        (Filter(documents=(A.id, B.id, C.id)), "3 documents"),
        (Filter(documents=(scope.GONE,)), "a document that is gone"),
        (Filter(documents=(A.id, scope.GONE)), "Lease North.pdf and what is gone"),
        (Filter(documents=(A.id, scope.GONE, B.id)), "2 documents and what is gone"),
        (Filter(collections=("Leases", "Rents"), types=("pdf",)), "Leases or Rents, pdf"),
        (Filter(since=date(2024, 1, 1)), "dated since 2024-01-01"),
        (Filter(until=date(2024, 1, 1)), "dated until 2024-01-01"),
        (
            Filter(added_since=date(2024, 1, 1), added_until=date(2024, 1, 2)),
            "added 2024-01-01 to 2024-01-02",
        ),
        (Filter(since=date(2024, 1, 1), until=date(2024, 1, 1)), "dated 2024-01-01"),
    ],
)
def test_a_filter_in_words(within: Filter, words: str) -> None:
    assert scope.in_words(within, {r.id: r.name for r in RECORDS}) == words
