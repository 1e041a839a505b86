"""Whether a sentence says the opposite of its source: "pets are allowed" of "no pets are allowed".

English only, and by little words: what "not", "no", "without" and "forbidden" reach is negated.
In doubt, as where a source says a thing both ways, nothing is contradicted.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rag import facts, wording

MOST_WORDS = 6
"""That a little word reaches."""
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[,;:.!?()–—]")
SHORT = re.compile(r"\b(?:ca(?:n't|nnot)|(\w+?)n't)\b")
NEGATING = re.compile(
    r"\b(?:no (?:longer|more)(?! than)|g[ai]ven? up|gives up|giving up|instead of|rather than"
    r"|free (?:of|from)|absence of|lack(?:s|ed|ing)?(?: of)?|den(?:y|ies|ied|ying)"
    r"|(?:stop|stops|stopped|cease|ceases|ceased|quit)(?= \w+ing\b))(?!\w)"
)
"""What says "not" in other words: "has given up smoking"."""
BREAKS = r"(?!(?:and|but|while|if|when|unless)\b)"
BARE = re.compile(
    rf"\b{BREAKS}((?:\w+ {BREAKS}){{1,8}}?)"
    r"(?:may|can|do|does|did|will|must|shall|should|would|is|are|was|were|has|have|had) not"
    r"\s*(?=[;.!?]|$)"
)
"""In "office staff may work from home; staff of the press room may not"."""
CONDITION = re.compile(r"^(.*?)\b(?:if|when|where)\b([^;:]*)")
"""In "none is provided if the car has been stolen": what is denied, and when."""
EXCEPTED = re.compile(
    r"\b(?:apart from|except(?: for)?|with the exception of|excluding|not including)\s+([^,;:.()]+)"
)
"""In "apart from the roof, our work is guaranteed": of what something is not said."""
ALLOWED = frozenset(
    """may can could allow allows allowed permit permits permitted permission entitle entitles
    entitled entitlement authorise authorised authorize authorized right rights free option optional
    able accept accepts accepted let lets agree agrees agreed consent discretion possible up maximum
    most limit within""".split()
)
"""One of these is in what lets somebody do something."""
STOP = re.compile(r"[.!?]\s+")
ASIDE = re.compile(r"\b(not|never)\s*,([^,;.]{1,80}),")
"""In "shall not, without consent, sublet"."""
FORWARD = frozenset("no not n't never nor neither none nobody nothing without unable".split())
"""They negate what follows them in their clause."""
NONE = frozenset(["none"])
GOT = wording.starts("yes get gets receive receives given")
"""Who has a thing by these has what another text calls provided or paid."""
OWNERS = frozenset("a an the my your his its our their".split())
"""With "no" behind them that is a part of a name: "your no claim discount"."""
LESS = FORWARD | frozenset(
    "free zero waived exempt lose loses lost forfeit forfeits refuse refuses refused".split()
)
NOUGHT = re.compile(r"\b0\b(?![.,]?\d)")
"""Who says one of these may have denied a thing in other words."""
FAILING = frozenset("fail fails failed failing refuse refuses refused refusing".split())
"""With "to" behind them they do too."""
ENDS = frozenset(
    "and but while although though because since if unless except when which who".split()
)
"""Of what they reach, as marks are."""
PLACING = frozenset(
    "about after at because before by during for from in on over to upon within".split()
)
"""What is left out by "without" ends before one of these: "dismiss without notice for theft"."""
LEAVING = frozenset("at for with".split())
"""With "no" behind them they leave something out too: "for no reason after a year"."""
ONLY = frozenset(("only", "just", "merely", "least", "less", "more", "later", "longer", "fewer"))
"""Behind "not" or "no" they make another thing of it."""
RESTRICTING = frozenset("only unless except excluding excluded excludes".split())
OPPOSITES = {
    "allow": (
        "allow allows allowed allowing permit permits permitted permitting permissible",
        """forbid forbids forbidden forbidding prohibit prohibits prohibited prohibiting prohibition
        ban bans banned disallow disallows disallowed impermissible""",
    ),
    "rise": (
        """increase increases increased increasing rise rises rose risen rising grow grows grew
        grown growing growth higher""",
        """decrease decreases decreased decreasing fall falls fell fallen falling decline declines
        declined declining drop drops dropped dropping shrink shrank shrunk lower""",
    ),
    "include": (
        "include includes included including",
        "exclude excludes excluded excluding",
    ),
}
SIGNS = {
    word: (concept, sign)
    for concept, pair in OPPOSITES.items()
    for sign, words in zip((1, -1), pair, strict=True)
    for word in words.split()
}
CLAUSE = frozenset(OPPOSITES["allow"][1].split())
"""They negate all of their clause: "subletting is forbidden"."""


@dataclass(frozen=True, slots=True)
class _Word:
    """sign: −1 where it is negated. cue: number of the little word that does so, or says so itself;
    -1 for none. sentence: number of its sentence."""

    stem: str
    sign: int
    cue: int
    sentence: int = 0


def contradicts(said: str, source: str) -> bool:
    """Whether a sentence of one of the two negates what the other states of the same words, and
    nothing else in it turns that round again: "with consent" for "not without consent" does."""
    ours, theirs = _read(said), _read(source)
    turned = (*_turned(ours, theirs), *_turned(theirs, ours))
    return (
        any(n % 2 for n in turned)
        or _is_denied_shortly(said, source)
        or _is_denied_then(said, source)
        or _is_excepted(said, source)
        or _is_not_allowed(said, source)
    )


def _is_denied_shortly(said: str, source: str) -> bool:
    """Whether a sentence without any "not" speaks of those of whom the source says only that they
    "may not"."""
    if _has(said, FORWARD | CLAUSE):
        return False
    ours, plain = wording.starts(said), _plain(source)
    for denied in BARE.finditer(plain):
        others = wording.starts(plain[: denied.start()] + plain[denied.end() :])
        whom = wording.starts(denied[1]) - others
        if whom and whom <= ours:
            return True
    return False


def _is_denied_then(said: str, source: str) -> bool:
    """Whether a sentence without any "not" holds under a condition under which alone the source
    denies what it says. "None" denies what was spoken of before it."""
    ours = CONDITION.match(_plain(said))
    if not ours or _has(said, LESS | CLAUSE) or NOUGHT.search(said):
        return False
    what, when = wording.starts(ours[1]) - GOT, wording.starts(ours[2])
    clauses = [part for sentence in STOP.split(_plain(source)) for part in sentence.split(";")]
    for i, clause in enumerate(clauses):
        theirs = CONDITION.match(clause)
        if theirs and _has(theirs[1], FORWARD) and not _has(theirs[1], ONLY):
            others = " ".join([*clauses[:i], *clauses[i + 1 :]])
            denied = wording.starts(clauses[i - 1] if i and _has(theirs[1], NONE) else theirs[1])
            then = wording.starts(theirs[2])
            told = wording.starts(f"{others} {theirs[1]}")
            if what and what <= denied and when <= then and when - told:
                return True
    return False


def _is_excepted(said: str, source: str) -> bool:
    """Whether a sentence without any "not" is about nothing but what the source excepts from what
    it says, and it denies nothing."""
    if _has(said, LESS | CLAUSE | RESTRICTING) or EXCEPTED.search(_plain(said)):
        return False
    ours = wording.starts(said)
    for sentence in STOP.split(_plain(source)):
        for found in EXCEPTED.finditer(sentence):
            rest = sentence[: found.start()] + sentence[found.end() :]
            excepted = wording.starts(found[1]) - wording.starts(rest)
            if excepted and excepted <= ours and not _has(rest, LESS | CLAUSE):
                return True
    return False


def _is_not_allowed(said: str, source: str) -> bool:
    """Whether a sentence says that something is allowed of which the source tells only that it was
    done, or is so."""
    words = WORD.findall(_plain(said))
    allows = any(SIGNS.get(word) == ("allow", 1) for word in words)
    if not allows or _has(said, FORWARD | CLAUSE):
        return False
    return not _has(source, ALLOWED | FORWARD | CLAUSE)


def _has(said: str, little: frozenset[str]) -> bool:
    return not little.isdisjoint(WORD.findall(_plain(said)))


def leaves_open(yes: bool, said: str) -> bool:
    """Whether a Yes, or else a No, is more than what is said behind it: that denies or restricts
    something, or does neither."""
    return yes == _has(said, FORWARD | CLAUSE | RESTRICTING)


def _turned(some: list[_Word], others: list[_Word]) -> Iterable[int]:
    """For each sentence, little words of which everything shared has the opposite sign in
    `others`."""
    reached: dict[int, list[_Word]] = {}
    for word in some:
        if word.cue >= 0:
            reached.setdefault(word.cue, []).append(word)
    turned = (words[0].sentence for words in reached.values() if _is_turned(words, some, others))
    return Counter(turned).values()


def _is_turned(reached: list[_Word], some: list[_Word], others: list[_Word]) -> bool:
    shared = [
        (own.pop(), other.pop())
        for word in reached
        if len(own := _signs(word.stem, some)) == 1 and len(other := _signs(word.stem, others)) == 1
    ]
    return bool(shared) and all(one != other for one, other in shared)


def _signs(stem: str, words: list[_Word]) -> set[int]:
    signs = [word.sign for word in words if word.stem == stem]
    # Where two things rise or fall, which of them does is not told by that.
    return {1, -1} if stem in OPPOSITES and len(signs) > 1 else set(signs)


def _read(text: str) -> list[_Word]:
    words: list[_Word] = []
    n_cues = 0
    for number, sentence in enumerate(STOP.split(_plain(text))):
        asides = [aside for _, aside in ASIDE.findall(sentence)]
        for clause in _clauses(". ".join([ASIDE.sub(r"\1", sentence), *asides])):
            read, n_cues = _of_clause(clause, n_cues)
            if clause[:1] == ["none"]:
                before = [word for word in words if word.sentence == number]
                words += _said_again(before, {word.stem for word in read})
            words += (replace(word, sentence=number) for word in read)
    return words


def _said_again(before: list[_Word], stems: set[str]) -> list[_Word]:
    """What "none" says a second time, denied: the words that its clause repeats, and of whom they
    were said."""
    again = [i for i, word in enumerate(before) if word.stem in stems]
    said = [word for i, word in enumerate(before) if again and (i < again[0] or i in again)]
    return [replace(word, sign=-1, cue=-1) for word in said]


def _plain(text: str) -> str:
    """In lower case, each "not" a word of its own."""
    plain = NEGATING.sub("not", text.casefold().replace("’", "'"))
    return SHORT.sub(lambda m: f"{m[1] or 'can'} not", plain)


def _clauses(text: str) -> Iterator[list[str]]:
    clause: list[str] = []
    for word in WORD.findall(text):
        if word in ENDS or not word[-1].isalpha():
            yield clause
            clause = []
        else:
            clause.append(word)
    yield clause


def _of_clause(clause: list[str], n_cues: int) -> tuple[list[_Word], int]:
    words: list[_Word] = []
    sign, cue, n_reached, whole = 1, -1, 0, 0
    outer = None
    for i, word in enumerate(clause):
        behind = clause[i + 1] if i + 1 < len(clause) else ""
        if word == "no" and i and clause[i - 1] in OWNERS:
            continue
        if (word in FORWARD and behind not in ONLY) or (word in FAILING and behind == "to"):
            leaves_out = word == "without" or (word == "no" and clause[max(i, 1) - 1] in LEAVING)
            outer = (sign, cue, n_reached) if leaves_out else None
            sign, cue, n_reached = (1 if word == "without" else sign) * -1, n_cues, 0
            n_cues += 1
            continue
        if outer and word in PLACING:
            (sign, cue, n_reached), outer = outer, None
        concept, own = SIGNS.get(word, ("", 1))
        stem = concept or wording.start(word)
        if not concept and (word in facts.FUNCTION_WORDS or len(word) < 2):
            continue
        if word in CLAUSE:
            whole = own * sign
        if n_reached >= MOST_WORDS:
            sign, cue = 1, -1
        says_so = own < 0 and cue < 0
        words.append(_Word(stem, own * sign, n_cues if says_so else cue))
        n_cues += says_so
        n_reached += 1
    if whole:
        last = next(w.cue for w in words if w.stem == "allow")
        words = [
            w if w.stem == "allow" else _Word(w.stem, whole, last if whole < 0 else w.cue)
            for w in words
        ]
    return words, n_cues
