import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import forms


@pytest.mark.parametrize(
    ("asked", "printed"),
    [
        ("$1577.00 million", "1,577"),
        ("1.577 billion", "1,577"),
        ("1577 million", "$1.577 billion"),
        ("32,765 thousand", "32,765,000"),
        ("1,234.5", "1234.5"),
        ("0.125", "0.125"),
    ],
)
def test_a_number_is_looked_for_as_others_print_it(asked: str, printed: str) -> None:
    assert words(printed) in [form.split() for form in forms.of(f"What was {asked}?")]


@pytest.mark.parametrize("printed", ["May 3, 2021", "3 May 2021", "2021-05-03", "05/03/2021"])
@pytest.mark.parametrize("asked", ["on May 3, 2021", "on 3 May 2021", "on 5/3/2021"])
def test_a_date_is_looked_for_as_others_print_it(asked: str, printed: str) -> None:
    assert words(printed) in [form.split() for form in forms.of(f"What happened {asked}?")]


@pytest.mark.parametrize("question", ["What happened in 2021?", "5 million", "12 %", "Who?", ""])
def test_years_and_numbers_of_few_digits_have_no_forms(question: str) -> None:
    assert forms.of(question) == []


@given(st.text() | st.integers().map(str) | st.decimals(allow_nan=False).map(str))
def test_forms_are_words_as_the_index_has_them(question: str) -> None:
    assert all(re.fullmatch(r"\w+( \w+)*", form) for form in forms.of(question))


def words(printed: str) -> list[str]:
    return [word for word in re.findall(r"\w+", printed.casefold()) if word != "billion"]
