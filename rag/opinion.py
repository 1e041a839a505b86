"""A second opinion on an answer: does the text that it cites answer the question at all?

A small model stands by what it has written. Asked afresh, of the cited text alone and after worked
examples of questions that miss theirs, it tells far better (docs/decisions/0017).
"""

from collections.abc import Sequence

from rag import sentences, wording
from rag.types import Prompt

EXAMPLES = """\
You check whether a text answers a question. Many questions are traps: they swap who did what to \
whom, or ask about another time, place or quality than the text does.

Text: In 1911 the Lindqvist brothers sold the mill at Orrbo to Karin Dahl, who rebuilt it in brick.
Question: Who bought the mill at Orrbo?
Does the text answer it? Yes

Text: In 1911 the Lindqvist brothers sold the mill at Orrbo to Karin Dahl, who rebuilt it in brick.
Question: Who did Karin Dahl sell the mill to?
Does the text answer it? No

Text: The tenant pays the water rates; the landlord insures the building and repairs the roof.
Question: What does the landlord repair?
Does the text answer it? Yes

Text: The tenant pays the water rates; the landlord insures the building and repairs the roof.
Question: Which rates does the landlord pay?
Does the text answer it? No

Text: The harbour froze for six weeks in the winter of 1947, and grain came by sledge.
Question: How long did the harbour freeze in 1952?
Does the text answer it? No

"""
ASKED = "Text: {}\nQuestion: {}\nDoes the text answer it?"
OPENINGS = ("Yes", "No")
LONGEST = 1200
"""Characters of the text."""
LONGEST_LEAD = 300


def asked(
    question: str,
    quotes: Sequence[str],
    names: Sequence[str] = (),
    befores: Sequence[str] = (),
) -> Prompt:
    """quotes: what the answer cites. names: of the files that it cites; one is told where the
    question has a word of it that no quote has. befores: what stands in front of each quote in its
    passage; of that a sentence is told likewise, the nearest. What a model says begins with one of
    OPENINGS."""
    text = " ".join(" ".join(quote.split()) for quote in dict.fromkeys(quotes))
    wanted = wording.starts(question) - wording.starts(text)
    if wanted and (lead := _lead(wanted, befores)):
        text = f"{lead} {text}"
        wanted -= wording.starts(lead)
    told = [f"From {name}:" for name in dict.fromkeys(names) if wanted & wording.starts(name)]
    text = " ".join([*told, text])
    if wording.ASKS_YES_OR_NO.match(question):
        # Or a text that denies what is asked would often be none that answers it.
        question = f"{question.rstrip(' ?.')}, yes or no?"
    return Prompt(EXAMPLES, (), ASKED.format(text[:LONGEST], question))


def _lead(wanted: frozenset[str], befores: Sequence[str]) -> str:
    for before in befores:
        for start, end in reversed(sentences.split(before)):
            sentence = " ".join(before[start:end].split())
            if len(sentence) <= LONGEST_LEAD and wanted & wording.starts(sentence):
                return sentence
    return ""
