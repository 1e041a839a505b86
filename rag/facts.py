"""What a stretch of text states that can be checked: its words, names, numbers and dates."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from rag import figures
from rag.figures import Number
from rag.sentences import word_set

Day = tuple[int, int]
"""Month and day of the month, both from 1."""

FUNCTION_WORDS = word_set(
    "a about above after again all also although am an and any are as at be because been before "
    "being below between both but by can could did do does doing down during each either even few "
    "for from further had has have having he her here hers him his how however i if in into is it "
    "its itself just like may me might more most must my neither no nor not now of off on once "
    "only or other our ours out over own per same shall she should since so some such than that "
    "the their theirs them then there therefore these they this those through thus to too under "
    "until up upon us very was we were what when where whether which while who whom whose why will "
    "with within without would yes you your s t d ll re ve st nd rd th "
    "additionally moreover furthermore overall finally lastly firstly secondly according based "
    "get gets got getting occur occurs occurred happen happened happens performed "
    "took takes taken place "
    "compared respectively approximately roughly nearly around amounted totaled year years quarter "
    "quarters quarterly month months monthly period periods ended ending fiscal fy "
    "mr mrs ms dr inc corp corporation company co ltd llc plc percent percentage pct "
    "thousand thousands million millions billion billions trillion trillions bn mn"
)
SOURCE_WORDS = word_set(
    "answer context passage passages document documents source sources text provided mentioned "
    "mentions stated states listed given following follows include includes including report "
    "reports reported reporting indicate indicates says said 10-k 10k 10-q 10q 8-k 8k 20-f 20f "
    "10-ks 10ks 10-qs 10qs"
)
"""Lower case. Words with which answers speak of their sources; with a capital they may be names."""


def _numbered(words: str, start: int) -> dict[str, int]:
    return {word: number for number, word in enumerate(words.split(), start)}


MONTHS = (
    _numbered(
        "january february march april may june july august september october november december", 1
    )
    | _numbered("jan feb mar apr may jun jul aug sep oct nov dec", 1)
    | {"sept": 9}
)
COUNTS = (
    _numbered(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty",
        2,
    )
    | _numbered(
        "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth",
        3,
    )
    | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60}
    | {"seventy": 70, "eighty": 80, "ninety": 90}
)
"""Without "one", "first" and "second", which mostly count nothing."""
CARDINALS = {
    "one": 1,
    **{word: n for word, n in COUNTS.items() if not word.endswith(("th", "rd", "st", "nd"))},
}
"""Where they count for certain, as in front of a unit."""
QUARTERS = _numbered("first second third fourth", 1)

SUFFIXES = (
    *("ment", "ness", "ance", "ence", "able", "ible", "ing", "ity", "ive", "ion"),
    *("ed", "ly", "al", "er", "or", "y", "e"),
)
LEAST = dict.fromkeys(SUFFIXES, 4) | {"ing": 3, "ed": 3}
"""Letters in front of each: "asked" is a form of "ask"."""
FORMS = """
ate eaten eat, became become, began begun start commence commenced begin, bought buy, broke broken
break, brought bring, built build, came come, caught catch, children child, chose chosen choose,
dealt deal, drank drunk drink, drew drawn draw, drove driven drive, fed feed, feet foot, fell fallen
fall, flew flown fly, forbade forbidden forbid, forgot forgotten forget, fought fight, froze frozen
freeze, gave given give, grew grown grow, held hold, hid hidden hide, kept keep, knew known know,
laid lay, led lead, lent lend, lost lose, made make, meant mean, men man, met meet, paid payment
pay, ran run, rode ridden ride, rose risen rise, sang sung sing, sank sunk sink, seen see, sent
send, shook shaken shake, shown show, slept sleep, sold sell, sought seek, spent spend, spoke spoken
speak, stole stolen steal, stood stand, struck strike, swore sworn swear, taken took take, taught
teach, teeth tooth, thought think, threw thrown throw, told tell, tore torn tear, understood
understand, undertook undertaken undertake, went gone going goes go, withdrew withdrawn withdraw,
withheld withhold, woke woken wake, women woman, won win, wore worn wear, wrote written write,
admission admit, advice advise, belief believe, choice choose, conclusion conclude, dead death died
dying die, decision decide, depth deep, division divide, exclusion exclude, expansion expand,
extension extend, flight fly, growth grow, height high, invasion invade, length long, omission omit,
permission permit, proof prove, speech speak, strength strong, submission submit, suspension
suspend, weight weigh, width wide
"""
IRREGULAR = {form: word for *forms, word in map(str.split, FORMS.split(",")) for form in forms}
IRREGULAR |= {f"{word[:-1]}ing": word for word in IRREGULAR.values() if word.endswith("e")}
"""Forms of verbs, and nouns made of verbs and measures, that no ending tells. Without those that
are mostly other words: left, saw, found, felt."""

ACCENTS = ("\u0300", "\u036f")
COMBINING = "".join(
    character
    for first, last in [(0x300, 0x36F), (0x591, 0x65F), (0x900, 0xDFF), (0x1AB0, 0x1AFF)]
    for character in map(chr, range(first, last + 1))
    if unicodedata.category(character) in ("Mn", "Mc")
)
UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts without spaces between words: pairs of characters do for words."""
LETTER = rf"(?:[^\W\d_{UNSPACED}]|[{COMBINING}])"
"""Vowel signs stand inside the words of many scripts, but \\w leaves them out."""

TOKEN = re.compile(
    rf"""
      (?P<iso> (?<!\d)\d{{4}}-\d\d?-\d\d?(?!\d) )
    | (?P<spanned> (?<![\d/.,-])(?:19|20)\d\d(?:[/–-]|/20|/19)\d\d(?![\d/–-]) )       # 2024/25
    | (?P<slashed> (?<![\d/.])(?:\d\d?/\d\d?/(?:\d{{4}}|\d\d)|\d\d?\.\d\d?\.\d{{4}})(?![\d/]) )
    | (?P<clock> (?<![\w:.,])\d\d?(?:[:.]\d\d)?\s?[AaPp]\.?[Mm]\b(?:\.(?!\w))? )       # 2.15 p.m.
    | (?P<code> (?<![\w.,$€£¥₹])\d{{1,3}}-?[A-Z]s?(?!\w)    # 3M, 10-K, 10-Qs
      | \d{{3,4}}['’]?s(?!\w)                               # 1990s
      | (?<![\d:])\d\d?:\d\d(?::\d\d)?(?![\d:])            # 3:04
      | {LETTER}++-?\d[^\W_{UNSPACED}]*(?:\.\d+)*(?!,\d)              # Q3, CO2, COVID-19
      | \d+(?:\.\d{{1,2}}){{2,}}(?!\d) )                    # 3.2.1
    | (?P<number> {figures.PATTERN} )
    | (?P<acronym> (?:{LETTER}\.){{2,}}(?:{LETTER}(?!{LETTER}))? )
    | (?P<unspaced> [{UNSPACED}]+ )
    | (?P<word> {LETTER}++(?:[&'’]{LETTER}++)* )
    """,
    re.VERBOSE,
)
MONTH = rf"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})"
DAY = re.compile(
    rf"(?P<m1>{MONTH})\b\.?\s+(?P<d1>\d\d?)(?:st|nd|rd|th)?\b(?![.,]?\d)"
    rf"|(?<!\d)(?P<d2>\d\d?)(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m2>{MONTH})\b",
    re.IGNORECASE,
)
CLOCK = re.compile(r"0?(\d\d?)(?:[:.](\d\d))?\s?([ap])", re.IGNORECASE)
DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?\s(?:of\s)?$")
DAY_AFTER = re.compile(r"\.?,?\s*\d")
PLURAL = re.compile(r"[A-Z]{2,}s")
FISCAL = re.compile(r"FY-?(?P<century>19|20)?(?P<year>\d\d)", re.IGNORECASE)
QUARTER_CODE = re.compile(r"q[1-4]")
QUARTER = re.compile(rf"\b({'|'.join(QUARTERS)})[\s-]+quarter\b", re.IGNORECASE)
OPENING = re.compile(r"(?:^|[:.!?|•“\"‘(])[\s\"'“‘(*_#>–-]*$")
"""In front of a word that would have a capital in any case."""
GAP = re.compile(r"[\s&-]+(?:(?:of|the|and|for|de|van|von)\s+){0,2}")
"""Between two words of one name."""
ORDINARY = re.compile(r"(?:ly|ing|ed|tion|tions|ment|ments|ness|ity|ities)$")
AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|does|did|will|would|can|could|may)\b"
)
BROKEN = re.compile(r"(?<![^\W\d_])([^\W\d_]++)-(?:\s?\r?\n\s*+)?(?=([^\W\d_]++))")
"""At the end of a line, or where one was: the text of a page does not always keep the break."""
SOFT_HYPHEN = re.compile(r"(?<!\d)[\u00ad\ufffe]\s*|[\u00ad\ufffe]\s*(?!\d)")
TIDY = {
    **{0xFB00 + i: text for i, text in enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"])},
    **dict.fromkeys([0x200B, 0x2060], ""),
    **dict.fromkeys([0x2018, 0x2019, 0x02BC], "'"),
    **dict.fromkeys([0x2010, 0x2011, 0x00AD, 0xFFFE], "-"),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A capitalised word. opening: it stands where any word has a capital.
    paired: a neighbour is capitalised too. ordinary: it ends as few names do (Notably).
    initials: of its run of capitalised words."""

    stem: str
    opening: bool
    paired: bool
    ordinary: bool = False
    initials: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """stems: of all words that state something, and codes such as q3. lower: those without a
    capital. coined: other forms of what the text says, such as initials, for others to match.
    days: for each date its readings, more than one where 6/7 may be in June or July.
    parts: numbers inside dates, quarters and spans of years, which may also be asked for alone.
    sequence: stems and numbers in the order of the text. auxiliary: "was", "has" or the like."""

    stems: frozenset[str] = frozenset()
    lower: frozenset[str] = frozenset()
    coined: frozenset[str] = frozenset()
    names: tuple[Name, ...] = ()
    numbers: tuple[Number, ...] = ()
    parts: tuple[Number, ...] = ()
    days: tuple[frozenset[Day], ...] = ()
    months: frozenset[int] = frozenset()
    sequence: tuple[str | Number, ...] = ()
    auxiliary: bool = False

    def __bool__(self) -> bool:
        """Whether anything is stated."""
        return bool(self.stems or self.numbers or self.days or self.months)

    @property
    def years(self) -> frozenset[int]:
        return frozenset(int(number.value) for number in self.numbers if number.year)


@dataclass(frozen=True, slots=True)
class Date:
    """at: where in the text its day of the month stands as a number of its own."""

    year: int
    readings: frozenset[Day]
    at: tuple[int, ...] = ()


def read(text: str) -> Facts:
    """The facts of one sentence, line or short run of them."""
    text = _tidy(text)
    draft = _Draft()
    for found in TOKEN.finditer(text):
        if found.lastgroup == "number":
            draft.add_number(found.start(), figures.read(text, found))
        elif found.lastgroup in ("iso", "slashed"):
            draft.dates.append(_date(found.group()))
        elif found.lastgroup == "spanned":
            _take_years(draft, found)
        elif not text[found.start() - 1 : found.start()].isdigit() or len(found.group()) > 1:
            _take_word(draft, text, found)
    if draft.months:
        draft.dates += _written_dates(text, draft.months)
    return _finish(draft, text)


def words_of(file_name: str) -> str:
    """The words that a file name is made of, with spaces between them."""
    return re.sub(r"[_.\-]+", " ", file_name)


def times(stems: Iterable[str]) -> frozenset[str]:
    """Those that are times of day, 9:50, or lengths of time, which tell as much as figures do."""
    return frozenset(stem for stem in stems if ":" in stem)


def speaks_of(text: str, stem: str) -> bool:
    """Whether a capitalised word of `text` has this stem."""
    words = re.finditer(rf"\b{re.escape(stem)}[\w'’&]*", text, re.IGNORECASE)
    return any(word[0][0].isupper() and _key(_tidy(word[0])) == stem for word in words)


@dataclass(slots=True)
class _Draft:
    stems: set[str] = field(default_factory=set)
    lower: set[str] = field(default_factory=set)
    coined: set[str] = field(default_factory=set)
    months: set[int] = field(default_factory=set)
    numbers: list[tuple[int, Number]] = field(default_factory=list)
    quarters: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    dates: list[Date] = field(default_factory=list)
    capitals: list[re.Match[str]] = field(default_factory=list)
    sequence: list[str | Number] = field(default_factory=list)

    def add_number(self, at: int, number: Number) -> None:
        self.numbers.append((at, number))
        self.sequence.append(number)


def places_of_days(text: str) -> frozenset[int]:
    """Where the characters of days stand, "December 31", whose numbers are no figures."""
    return frozenset(at for day in DAY.finditer(text) for at in range(*day.span()))


def _take_years(draft: _Draft, found: re.Match[str]) -> None:
    """Of a year that ends in the next, "2024/25", the first; of others, "1914-18", both numbers."""
    first, last = re.split(r"[/–-]", found.group())
    draft.add_number(found.start(), figures.plain(int(first), year=True))
    if last[-2:] == f"{(int(first) + 1) % 100:02}":
        draft.ends.append(int(last))
    else:
        at = found.end() - len(last)
        draft.add_number(at, figures.plain(int(last), year=len(last) > 2))


def _take_word(draft: _Draft, text: str, found: re.Match[str]) -> None:
    token, kind = found.group(), found.lastgroup
    word = token.casefold()
    if QUARTER_CODE.fullmatch(word):
        draft.quarters.append(int(word[1]))
    if kind == "code" and (year := FISCAL.fullmatch(token)):
        value = int((year["century"] or "20") + year["year"])
        draft.add_number(found.start(), figures.plain(value, year=True))
    elif kind == "unspaced":
        draft.stems.update(token[i : i + 2] for i in range(max(1, len(token) - 1)))
    elif word in MONTHS and _is_month(text, found):
        draft.months.add(MONTHS[word])
    elif word in COUNTS:
        draft.add_number(found.start(), figures.plain(COUNTS[word]))
    elif not _is_empty(token, word, kind):
        key = _key(token)
        draft.stems.add(key)
        draft.sequence.append(key)
        draft.coined |= other_clocks(key) if ":" in key else set()
        if kind in ("code", "clock") or token != word:
            draft.capitals.append(found)
        else:
            draft.lower.add(key)


def _is_empty(token: str, word: str, kind: str | None) -> bool:
    """Whether the word states nothing by itself; US and IT do, us and it do not, nor does FY."""
    if word in FUNCTION_WORDS:
        return not (token.isupper() and len(token) == 2 and word != "fy")
    return word in SOURCE_WORDS and (token == word or kind == "code")


def _finish(draft: _Draft, text: str) -> Facts:
    names = _names(text, draft.capitals)
    quarters = [QUARTERS.get(word.casefold(), 0) for word in QUARTER.findall(text)]
    coined = {name.initials for name in names if name.initials} | _joined(text) | draft.coined
    days = [day for date in draft.dates for _, day in date.readings]
    within = {at for date in draft.dates for at in date.at}
    years = [figures.plain(date.year, year=True) for date in draft.dates if date.year]
    return Facts(
        stems=frozenset(draft.stems),
        lower=frozenset(draft.lower),
        coined=frozenset(coined | {f"q{quarter}" for quarter in quarters}),
        names=names,
        numbers=(*(number for at, number in draft.numbers if at not in within), *years),
        parts=tuple(map(figures.plain, (*draft.quarters, *quarters, *days, *draft.ends))),
        days=tuple(date.readings for date in draft.dates if date.readings),
        months=frozenset(draft.months),
        sequence=tuple(draft.sequence),
        auxiliary=bool(AUXILIARY.search(text)),
    )


def _tidy(text: str) -> str:
    """Soft hyphens, ligatures and curly apostrophes out of the way."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", SOFT_HYPHEN.sub("", text).translate(TIDY))


def _joined(text: str) -> set[str]:
    """Words that a hyphen cuts in two; their halves are read as words as well."""
    if "-" not in text:
        return set()
    return {_key(a + b) for a, b in BROKEN.findall(text)}


def other_clocks(key: str) -> set[str]:
    """What else a time of day may be called: 14:15 is 2:15, and 9:00 may be 9:00 am, as that is
    9:00. Only what is said to be in the afternoon is 14:15 for certain."""
    if key.endswith("am"):
        return {key.removesuffix("am")}
    hour, _, rest = key.partition(":")
    if int(hour or 0) > 12:
        return {f"{int(hour) - 12}:{rest}"}
    return {f"{key}am"}


@lru_cache(maxsize=1 << 15)
def _key(token: str) -> str:
    if clock := CLOCK.match(token):
        hour, minutes, half = int(clock[1]) % 12, clock[2] or "00", clock[3].casefold()
        token = f"{hour + 12}:{minutes}" if half == "p" else f"{hour}:{minutes}am"
    plain = _bare(token.replace(".", "").replace("-", "").casefold())
    if PLURAL.fullmatch(token):
        plain = plain[:-1]
    if any(c.isdigit() for c in plain):
        # "09:50" is "9:50".
        return (plain.lstrip("0") if ":" in plain else plain).replace("'", "")
    return _stem(plain)


def _bare(word: str) -> str:
    """Without accents: questions are typed without those that names have in documents."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word)
    return unicodedata.normalize(
        "NFC", "".join(c for c in apart if not ACCENTS[0] <= c <= ACCENTS[1])
    )


def _stem(word: str) -> str:
    """A crude key that most inflections of an English word share. word: casefolded."""
    word = word.removesuffix("'s").removesuffix("'")
    word = IRREGULAR.get(word, word)
    if not word.isascii() or len(word) < 4:
        return word[:6]
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[: -2 if word.endswith(("sses", "ches", "shes", "xes")) else -1]
    word = IRREGULAR.get(word, word)
    for _ in range(2):
        suffix = next(
            (s for s in SUFFIXES if word.endswith(s) and len(word) - len(s) >= LEAST[s]), ""
        )
        word = word.removesuffix(suffix)
    doubled = (
        len(word) > 3
        and word[-1] == word[-2]
        and word[-1] not in ("sz" if len(word) > 5 else "lsz")
    )
    word = word[:-1] if doubled else word
    return IRREGULAR.get(word, word)


def _date(token: str) -> Date:
    a, b, c = (int(part) for part in re.split(r"[-/.]", token))
    if "-" in token:
        year, readings = a, {(b, c)}
    else:
        year = c if c > 99 else c + (2000 if c < 70 else 1900)
        readings = {(b, a)} if "." in token else {(a, b), (b, a)}
    return Date(year, frozenset((m, d) for m, d in readings if 1 <= m <= 12 and 1 <= d <= 31))


def _is_month(text: str, found: re.Match[str]) -> bool:
    """Capitalised, and beside a number if the word may also be something else."""
    token, start, end = found.group(), found.start(), found.end()
    if not token[0].isupper():
        return False
    if len(token) > 4 and token.casefold() != "march":
        return True
    before = DAY_BEFORE.search(text, max(0, start - 6), start)
    return bool(before or DAY_AFTER.match(text, end))


def _written_dates(text: str, months: set[int]) -> list[Date]:
    dates = []
    for found in DAY.finditer(text):
        group = "1" if found["m1"] else "2"
        month, day = MONTHS.get(found["m" + group].casefold(), 0), int(found["d" + group])
        if month in months and 1 <= day <= 31:
            dates.append(Date(0, frozenset({(month, day)}), (found.start("d" + group),)))
    return dates


def _names(text: str, capitals: list[re.Match[str]]) -> tuple[Name, ...]:
    names = []
    for run in _runs(text, capitals):
        initials = "".join(found.group()[0] for found in run).casefold()
        initials = initials if len(run) > 1 and initials.isalpha() else ""
        for found in run:
            token = found.group()
            shouted = token[1:] != token[1:].lower()
            opening = bool(OPENING.search(text, max(0, found.start() - 12), found.start()))
            paired = len(run) > 1 or shouted or token.endswith("'s")
            ordinary = bool(ORDINARY.search(token))
            names.append(Name(_key(token), opening, paired, ordinary, initials))
    return tuple(names)


def _runs(text: str, capitals: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Capitalised words with nothing but white space or "of the" between them."""
    run: list[re.Match[str]] = []
    for found in capitals:
        if run and not GAP.fullmatch(text, run[-1].end(), found.start()):
            yield run
            run = []
        run.append(found)
    if run:
        yield run
