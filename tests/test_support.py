from rag.support import REFERS


def test_what_a_line_refers_to_is_looked_for_in_its_first_words() -> None:
    word = "a" * 100_000

    assert REFERS.match(f"The {word} says that it is so.")
    assert not REFERS.match(f"The {word} says so.")
    assert not REFERS.match("One two three four five six seven it")
