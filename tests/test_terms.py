import pytest

from rag.terms import printed, rows


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


@pytest.mark.parametrize(
    ("label", "row"),
    [
        ("Acme's R&D expenditure", "Acme's research and development"),
        ("research & development", "research and development expense"),
        ("inventory levels at Acme", "inventories at Acme"),
        ("cash flow from operations", "net cash provided by operating activities"),
        ("operational spending", "operating expenses"),
        ("capital expenditures", "purchases of property plant and equipment"),
    ],
)
def test_rows_are_found_under_the_names_that_statements_give_them(label: str, row: str) -> None:
    assert row in rows(label)


@pytest.mark.parametrize("label", ["net sales", "ring and bracelet sales", "inventoryless", ""])
def test_other_labels_have_no_other_name(label: str) -> None:
    assert list(rows(label)) == []
