from rag.opinion import ASKED, EXAMPLES, LONGEST, OPENINGS, asked


def test_the_text_is_what_is_cited_each_once_in_one_line() -> None:
    prompt = asked("Who pays?", ["The tenant\npays.", "The tenant\npays.", "Rent is due."])

    assert prompt.question == ASKED.format("The tenant pays. Rent is due.", "Who pays?")
    assert (prompt.instructions, prompt.passages) == (EXAMPLES, ())


def test_a_long_text_is_cut() -> None:
    assert len(asked("Who pays?", ["rent " * 1000]).question) < LONGEST + 100


def test_the_examples_have_the_form_of_the_question_and_both_answers() -> None:
    before, _, after = ASKED.partition("{}")
    examples = EXAMPLES.split("\n\n")[1:-1]

    assert all(example.startswith(before) for example in examples)
    assert {example.rsplit(" ", 1)[1] for example in examples} == set(OPENINGS)
    ending = after.rsplit("\n", 1)[1]
    assert all(ending in example for example in examples)


def test_the_file_is_named_where_the_question_has_a_word_of_its_name_that_no_quote_has() -> None:
    names = ["harbour flat", "mill lane", "harbour flat"]

    def text(question: str, quote: str) -> str:
        prompt = asked(question, [quote], names).question
        return prompt.removeprefix("Text: ").partition("\nQuestion: ")[0]

    assert text("Are pets allowed in the flat?", "No pets.") == "From harbour flat: No pets."
    assert text("Are pets allowed in the flat?", "No pets in the flat.") == "No pets in the flat."
    assert text("Are pets allowed?", "No pets.") == "No pets."


def told(question: str, quote: str, before: str) -> str:
    prompt = asked(question, [quote], befores=[before]).question
    return prompt.removeprefix("Text: ").partition("\nQuestion: ")[0]


def test_the_sentence_before_is_told_that_has_a_word_of_the_question_which_no_quote_has() -> None:
    quote = "You can change your nomination with form 12."
    before = "A beneficiary gets the pot. You named a beneficiary in 2019. We write each year."

    assert told("How do I change my beneficiary?", quote, before) == (
        f"You named a beneficiary in 2019. {quote}"
    )
    assert told("How do I change my nomination?", quote, before) == quote
    assert told("How do I change my beneficiary?", quote, "word " * 80 + "beneficiary.") == quote
    assert told("How do I change my beneficiary?", quote, "") == quote


def test_a_text_that_denies_it_answers_a_question_for_yes_or_no() -> None:
    prompt = asked("May I sublet?", ["Subletting is not permitted."])

    assert prompt.question == ASKED.format(
        "Subletting is not permitted.", "May I sublet, yes or no?"
    )
