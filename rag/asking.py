"""What a question asks of a table: the words that tell a row and a column, and how they are meant.

English wordings only. Words are compared as they are, but for the plural; figures by their value.
What is not understood for certain is no question to a table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag import facts, wording
from rag.sentences import word_set

LONGEST = 200
"""Characters of a question for a cell."""
WORD = re.compile(r"\d\d?:\d\d|[^\W_]+(?:[.,'’–-][^\W_]+)*")
HOW_MANY = "how many"
OPENING = re.compile(
    r"\W*(?:(?:and|so|please|in|on|at|for|from|to|of) )?(?:tell me |show me |give me )?"
    r"(?P<word>who|when|where|what|which|how (?:many|much))\b",
    re.IGNORECASE,
)
MORE_IS_ASKED = re.compile(
    r"\b(?:not|no|nor|never|without|except|excluding|other|than|more|less|fewer|under|over|above"
    r"|below|before|after|until|since|between|during|within|average|mean|total|sum|altogether"
    r"|combined|together|difference|why|how (?!many\b|much\b)\w+|if|compared?|percentage|ratio"
    r"|both|and|or|but|each|per|another|else|only|last|next|previous|again|still|by|from|up|out|off"
    r"|away|would|should|could|used)\b|n't\b|[;]|: ",
    re.IGNORECASE,
)
"""What the cells of a row do not answer as they are."""
HOW = re.compile(r"^how (tall|long|heavy|old)\b", re.IGNORECASE)
LOWER = re.compile(r"(?:\b(?:in|on|of|for|is|was)|\d(?:st|nd|rd|th)?) (?:may|will)\b")
"""A month or a name that reads as a little word."""
TOTAL = re.compile(
    r"\b(?:the total(?: of| for)?|the sum of|in total|in all|altogether|combined)\b",
    re.IGNORECASE,
)
FROM_TO = re.compile(
    r",? (?:from|between) (?P<first>[^\s,]+) (?:to|until|till|through|and) (?P<last>[^\s,]+)$",
    re.IGNORECASE,
)
"""Rows from one to another, behind what is asked of them."""
TOTAL_OPENING = re.compile(r"\W*(?:how much|what)\b", re.IGNORECASE)
THAN = re.compile(
    r"how much (?:(?P<more>more|higher|dearer)|less|lower|cheaper)(?: expensive)? (?P<one>.+?) than"
    r" (?P<other>.+)",
    re.IGNORECASE,
)
OF_PRICE = re.compile(
    r"^how much (?:cheaper|dearer|more expensive|less expensive)\b", re.IGNORECASE
)
DANGLING = re.compile(r" (?:of|with|from|about)$", re.IGNORECASE)
"""Behind "who", the other way round: "Who is Ann the manager of?"."""
EXTREMES = {
    **dict.fromkeys(word_set("highest largest biggest greatest most maximum newest dearest"), 1),
    **dict.fromkeys(word_set("lowest smallest least minimum fewest cheapest"), -1),
    "latest": 1,
    "earliest": -1,
}
PLAIN = {"most": "highest", "least": "lowest"}
EXTREME = re.compile(rf"\b({'|'.join(EXTREMES)})\b", re.IGNORECASE)
LEAST_PLURAL = 4
"""Letters of a word whose last is an s of the plural."""
OF_SUBJECT = re.compile(
    r"\s*(?:do|does|did|was|were|may|can|must)\b|\s*(?:is|are) (?!in\b|at\b|on\b|for\b)",
    re.IGNORECASE,
)
"""Behind "who" and "which": someone else does it."""


@lru_cache(maxsize=1 << 14)
def key(token: str) -> str:
    """Of one word or figure, as it is compared."""
    word = token.casefold().replace("’", "'").removesuffix("'s").replace("–", "-")
    if word in facts.COUNTS:
        return str(facts.COUNTS[word])
    if any(c.isdigit() for c in word):
        plain = re.sub(r",(?=\d{3}(?!\d))", "", word)
        if re.fullmatch(r"\d+(?:\.0+)?", plain):
            return str(int(float(plain)))
        return plain.replace("-", "") if any(c.isalpha() for c in plain) else plain
    if len(word) < LEAST_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[: -2 if word.endswith(("ches", "shes", "xes", "sses", "uses")) else -1]


def keys(words: str) -> frozenset[str]:
    return frozenset(map(key, words.split()))


PRICES = "price cost fee fare rate charge"
PLACES = "office department location site city town branch room building address shelf"
MEANT = {
    key(word): keys(names)
    for said, names in {
        "cost expensive cheap cheapest dearest": PRICES,
        "work based": "office department location site branch workplace",
        "report": "manager supervisor boss",
        "live": "address city town",
        "supplies": "supplier vendor",
        "sells": "supplier vendor seller",
        "keep kept stored store": "shelf location place room bay",
        "newest": "start joined hired",
        "latest earliest": "date day",
        "job": "role position job title",
        "phone": "phone telephone extension mobile",
        "boss": "manager supervisor boss",
        "for": "for use purpose indication",
        "start started": "start",
        "tall": "height length",
        "long": "length duration",
        "heavy weigh": "weight",
        "old": "age",
    }.items()
    for word in said.split()
}
"""What columns are called that a word of a question means."""
OF_PERSONS = keys("manager supervisor boss supplier vendor seller")
"""Of these, what "who" asks for."""
OF_KEY = keys("report work live based")
"""Behind "who", what they mean is known, and whom it is of is asked for: "Who reports to Ann?"."""
BEHIND = {
    "in": keys(f"{PLACES} team class group country region"),
    "at": keys(PLACES),
    "on": keys("day date weekday shelf floor"),
    "for": keys("for use purpose indication"),
    "is": keys("role position job title post function"),
}
"""Of what a column is that a value behind a little word stands in: "Who is in Finance?"."""
UNITS = {
    key(short): keys(names)
    for short, names in {
        "cm": "centimetres centimeters",
        "mm": "millimetres millimeters",
        "km": "kilometres kilometers",
        "kg": "kilograms kilos",
        "ml": "millilitres milliliters",
    }.items()
}
PERSONS = keys("name person employee member contact who")
WHEN = keys("when date time day")
WHERE = keys(f"where place {PLACES}") - keys("department")
GENERIC = keys("date time unit line")
"""What the name of a column may have besides, where a question leaves it out."""
GENERIC_KEY = GENERIC | keys("number no name code id")
"""The same for a column that tells which row it is."""
LITTLE = keys("in at of for the a an by per is what when where who")
"""What may be left out of a column's name; "to", "with" and "under" make another one."""
NAMES = keys("name item description product title")
"""Of a column that tells which row it is, wherever it stands."""
SERIAL = keys("no nr number id ref reference date row pos position rank place")
"""Of a first column that tells it badly."""
RANKS = keys(
    "priority rank position grade class level no nr number phone telephone extension mobile code id"
    " year page ref reference room table seat bus bed lane gate platform"
)
"""Of a column whose numbers are no sizes."""
QUANTITIES = keys("quantity qty")
"""Of a column by which a price is to be multiplied."""
SUMS = keys("total amount sum")
TERMS = keys("per frequency period basis charged unit")
"""Of a column that says what an amount is for."""
STATES = keys(
    "status active left leaving ended end expired expiry cancelled state until to current"
)
"""Of a column that may say that a row counts no more."""
DIRECTIONS = keys("from to home away origin destination")
"""Of columns of which two hold names of one kind."""
PERIODS = keys("monthly weekly daily annual yearly per each day week month year term hour")
"""What the name of a column of prices may have besides."""
PAYING = keys("pay paid spend spent earn earned get")
PAID = keys("cost price amount total sum paid spent payment charge fee")
"""Of a column that tells what was paid."""
DAY = keys("date day paid on")
SPENDING = keys("spend spent pay paid cost")
METERS = keys("mileage odometer meter reading")
"""Of columns whose numbers add up to nothing, and no price is multiplied by them."""
UNPAID = keys("stock seat place point hour star quantity qty")
"""Of columns whose figures are no money."""
UNADDED = keys("balance reading rate age level temperature percentage share score")
""" "Balance" and the like of several rows come to nothing."""
PEOPLE = keys("people person staff employee member colleague")
DAYS = keys("monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun")
DATED = DAYS | frozenset(map(key, facts.MONTHS))
"""What a column of a timetable is called."""
TIMES = keys("day time month weekday")
THINGS = keys("lesson subject class event activity")
"""What stands in the cells of a timetable."""
MONEY = keys("spend spent pay paid bill cost charge amount price")
"""Of what a figure is, where its column says the rest."""
MOVES = keys(
    "leave depart departure reach arrive arrival go run open opening close closing start begin end"
    " finish"
)
"""What is done at a time that the column and the row tell."""
FREE = keys("take have list entry row show number")
"""Words that tell neither a row nor a column."""
TELL_LITTLE = FREE | MONEY | MOVES | THINGS | TIMES | PEOPLE | MEANT.keys()
START = 4
"""Letters that the forms of a word have in common."""


@dataclass(frozen=True, slots=True)
class Query:
    """opening: "who" or the like, in small letters. sequence: the words that tell something, in
    order. little: all words, as they are. names: those with a capital. noun: the word behind
    "which" and "how many", or empty. behind: the little word in front of the last others, or empty.
    of_subject: what is asked for does something itself, as in "Who reports to Ann?". extreme: 1 for
    the most, -1 for the least, 0 for neither; extreme_word says it. total: of several rows, from
    the first of `ends` to the second if there are any. apart: words of two, the greater first,
    whose difference is asked for.
    """

    opening: str
    sequence: tuple[str, ...]
    little: frozenset[str]
    names: frozenset[str] = frozenset()
    noun: str = ""
    behind: str = ""
    of_subject: bool = False
    extreme: int = 0
    extreme_word: str = ""
    total: bool = False
    ends: tuple[frozenset[str], ...] = ()
    apart: tuple[frozenset[str], ...] = ()

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.sequence)

    def may_be_in(self, text: str) -> bool:
        """Whether the text has all but one of its words, as far as the first letters tell."""
        plain = text.casefold()
        told = self.words - TELL_LITTLE
        return sum(word[:START] not in plain for word in told) <= min(1, len(told) - 1)

    @property
    def ranked(self) -> str:
        """The word behind the one for the most or the least; empty where none is."""
        word = key(self.extreme_word)
        at = self.sequence.index(word) + 1 if word in self.sequence else len(self.sequence)
        return self.sequence[at] if at < len(self.sequence) else ""

    def has_before(self, some: frozenset[str], others: frozenset[str]) -> bool:
        """Whether it has some of these words, and all of them in front of the others."""
        at = [i for i, word in enumerate(self.sequence) if word in some]
        return bool(at) and not any(word in others for word in self.sequence[: max(at)])

    def says(self, words: frozenset[str]) -> bool:
        """Whether they stand side by side in it."""
        n = len(words)
        starts = range(len(self.sequence) - n + 1) if n else ()
        return any(words == {*self.sequence[at : at + n]} for at in starts)


def asked(question: str) -> Query | None:
    """What is asked of a table; None of any other question."""
    text = " ".join(question.replace("’", "'").split()).rstrip(" ?.!")
    text = HOW.sub(r"What \1", text)
    if len(text) > LONGEST or "? " in text or LOWER.search(text):
        return None
    if found := THAN.fullmatch(text):
        return _difference(found)
    return _total(text) or _plain(text)


def words_of(text: str, *, whole: bool = False) -> frozenset[str]:
    """whole: little words, too."""
    return frozenset(_told(text, whole=whole))


def _difference(found: re.Match[str]) -> Query | None:
    if any(MORE_IS_ASKED.search(found[name]) for name in ("one", "other")):
        return None
    pair = [words_of(found[name]) for name in ("one", "other")]
    greater, lesser = pair if found["more"] else pair[::-1]
    text = f"{found['one']} {found['other']}{' cost' if OF_PRICE.search(found.group()) else ''}"
    little = words_of(text, whole=True)
    if not (greater and lesser):
        return None
    return Query("how much", tuple(_told(text)), little, apart=(greater, lesser))


def _total(text: str) -> Query | None:
    """Of a sum over several rows."""
    bare = TOTAL.sub("", text)
    ends = FROM_TO.search(bare)
    bare = bare[: ends.start()] if ends else bare
    if bare == text or not TOTAL_OPENING.match(bare) or MORE_IS_ASKED.search(bare):
        return None
    told = TOTAL_OPENING.sub("", bare)
    between = tuple(words_of(end) for end in ends.groups()) if ends else ()
    little = words_of(told, whole=True)
    return Query("how much", tuple(_told(told)), little, total=True, ends=between)


def _plain(text: str) -> Query | None:
    opening = OPENING.match(text)
    if not opening or MORE_IS_ASKED.search(text) or DANGLING.search(text):
        return None
    word = opening["word"].casefold()
    rest = text[opening.end() :].removeprefix("'s").strip()
    tokens = [*_told(rest)]
    if word == "what" and rest.casefold().endswith(" for"):
        tokens.append("for")
    extreme = EXTREME.search(rest)
    said = extreme[1].casefold() if extreme else ""
    if not tokens and not said:
        return None
    last = re.findall(rf"\b({'|'.join(BEHIND)})\b", rest.casefold())
    return Query(
        word,
        tuple(tokens),
        words_of(rest, whole=True),
        frozenset(
            key(found.group()) for found in WORD.finditer(rest) if found.group()[0].isupper()
        ),
        noun=tokens[0] if word in ("what", "which", HOW_MANY) and tokens else "",
        behind=last[-1] if last else "",
        of_subject=not OF_SUBJECT.match(rest),
        extreme=EXTREMES.get(said, 0),
        extreme_word=said,
    )


def _told(text: str, *, whole: bool = False) -> Iterator[str]:
    """The words that tell something; little ones only where they have a capital within the text."""
    for found in WORD.finditer(text):
        token = found.group().removesuffix("'s")
        little = token.casefold() in wording.STOP_WORDS
        capital = token[0].isupper() and found.start() > 0 and token != "I"
        if ordinal := wording.ORDINALS.get(token.casefold()):
            yield f"#{ordinal}"
        elif whole or not little or capital:
            yield from _parts(token)


def _parts(token: str) -> Iterator[str]:
    if "-" in token and not any(c.isdigit() for c in token):
        yield from map(key, token.split("-"))
    else:
        yield key(token)
