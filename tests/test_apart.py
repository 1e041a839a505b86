import pytest

from rag import apart


@pytest.mark.parametrize(
    ("question", "of_one"),
    [
        ("What do these contracts say about rent?", "What does this document say about rent?"),
        (
            "Which risks are named in each of the quarterly reports?",
            "Which risks are named in this document?",
        ),
        ("How has the risk of fire changed over the reporting period?",
         "How has the risk of fire changed?"),
        ("What moved the margin in the latest 10-Q compared to the previous quarters?",
         "What moved the margin?"),
        ("Are there losses as reported in these filings?", "Are there losses?"),
        ("Outline the risks, and how they have evolved over the reporting periods.",
         "Outline the risks."),
        ("Compare the notice periods in these leases.",
         "What does this document say about the notice periods?"),
        ("How does the deposit differ between the two contracts?",
         "What does this document say about the deposit?"),
        ("How do the three offers compare with respect to delivery?",
         "What does this document say about delivery?"),
        ("What are the differences in rent across all my leases?",
         "What does this document say about rent?"),
        ("Which of these leases has the longest notice period?",
         "What does this document say about the notice period?"),
        ("Which lease asks for the highest rent?", "What does this document say about the rent?"),
        ("Which of the three leases allow a dog?", "What does this document say about a dog?"),
        ("Which contracts are governed by Dutch law?", "Is this document governed by Dutch law?"),
        ("Compare the notice periods in the two tenancy agreements",
         "What does this document say about the notice periods?"),
        ("Which tenancy agreement has the higher rent?",
         "What does this document say about the rent?"),
        ("Which of my insurance policies covers theft?",
         "What does this document say about theft?"),
        ("Do my car insurance policies cover theft?", "Does this document cover theft?"),
        ("What do both of my leases say about pets?", "What does this document say about pets?"),
        ("What are the total net sales in each of these reports?", "What are the total net sales?"),
        ("Do all three of my leases allow pets?", "Does this document allow pets?"),
        ("Do these two car insurance policies cover theft?", "Does this document cover theft?"),
        ("What do our leases say about pets?", "What does this document say about pets?"),
        ("Do both leases allow pets?", "Does this document allow pets?"),
        ("Summarize the lawsuits in Acme's 10-Qs.", "Summarize the lawsuits in Acme's report."),
        ("What was paid for repairs in each of these years?", "What was paid for repairs?"),
    ],
)  # fmt: skip
def test_a_question_that_spans_several_documents_is_asked_of_one(
    question: str, of_one: str
) -> None:
    assert apart.asked(question) == of_one


@pytest.mark.parametrize(
    "question",
    [
        "What is the rent?",
        "Who signed the contract?",
        "Which of these contracts mention rent?",
        "Which lease did Ada sign?",
        "What is in my letter?",
        "According to my documents, when was the boiler serviced?",
        "Do I have a boiler warranty in my papers?",
        "Who is Dr Weber in my letters?",
        "What did my letters to the council achieve?",
        "Which of the two leases allows me to sublet?",
        "How much do my insurance policies cost altogether?",
        "What is the total of all my invoices?",
        "Which documents must I bring to the appointment?",
        "Which papers are required for the registration?",
        "What does the letter from my bank say about documents?",
        "What are the four quarterly dividend payments?",
        "How many of my letters are from the bank?",
        "Do any of my contracts mention force majeure?",
        "Which year had the highest rent?",
        "How many reports are there?",
        "How many of the annual reports name a loss?",
        "What do the financial statements show?",
        "What does this document say about rent?",
        "Who won both elections?",
        "What are the differences between these contracts?",
        "Do these contracts contradict each other?",
        "Is the rent the same in both leases?",
        "What do these two policies have in common?",
    ],
)
def test_any_other_question_is_left_alone(question: str) -> None:
    assert apart.asked(question) is None


def test_documents_and_periods_are_told_apart() -> None:
    assert apart.of_documents("What do these contracts say about rent?")
    assert apart.of_documents("Summarize the lawsuits in Acme's 10-Qs.")
    assert apart.of_documents("Which lease has the longest notice period?")
    assert apart.of_documents("Which contracts allow pets?")
    assert not apart.of_documents("What was paid for repairs in each of these years?")
