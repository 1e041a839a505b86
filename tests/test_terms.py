import pytest

from rag.terms import printed


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the ROA in 2015?", "net income total assets"),
        ("What was R&D spending?", "research and development"),
        ("What is the interest coverage ratio?", "interest expense"),
        ("Working capital in FY2015?", "current liabilities"),
        ("How much was the free cash flow?", "operating activities"),
    ],
)
def test_what_accounts_print_is_looked_for_beside_its_short_name(question: str, words: str) -> None:
    assert words in " ".join(printed(question))


@pytest.mark.parametrize("question", ["Who wrote the heroes' letter?", "What is a roadmap?", ""])
def test_other_questions_stay_as_they_are(question: str) -> None:
    assert list(printed(question)) == []
