"""Words that are each other's rivals: whether a sentence has one that its source has not, and the
source its rival. "After" is not what "before" says, nor £ what $ does. English only.

They are common words, or signs: a sentence that is the source's own but for one of them is as near
to it as can be.
"""

import re

NOT = r"(?<!\bnot )(?<!\bno )(?<!\bnever )"
DENIED = r"(?:\bnot\b|\bno\b|\bnever\b|\bwithout\b|n['’]t\b)"
SIDE = "hand|side|leg|arm|knee|eye|ear|foot|hip|shoulder|breast|lung|kidney|wheel|door|lane"
SIDED = rf"\b(?:the|his|her|its|their|your|my|on|turned) {{0}}\b(?! to\b)|\b{{0}}[- ](?:{SIDE})\b"
N = r"\d\s?"


def _measured(*units: str) -> tuple[str, ...]:
    return tuple(rf"(?i){N}(?:{forms})\b" for forms in units)


GROUPS = tuple(
    tuple(re.compile(form) for form in group)
    for group in (
        (r"(?i)\b(?:before|prior to)\b", r"(?i)\b(?:after|following)\b"),
        (
            r"(?i)\b(?:at least|(?:no|not) (?:less|fewer) than|minimum|(?:or|and) more)\b",
            r"(?i)\b(?:at most|up to|(?:no|not) more than|maximum|(?:or|and) (?:less|fewer))\b",
        ),
        (
            rf"(?i){NOT}\b(?:more|higher|greater|longer|larger|older|later) than\b",
            rf"(?i){NOT}\b(?:less|lower|fewer|shorter|smaller|younger|earlier) than\b",
        ),
        (rf"(?i){NOT}\babove\b", rf"(?i){NOT}\bbelow\b"),
        (r"(?i)\bfirst\b", r"(?i)\blast\b"),
        (r"\b(?:must|shall)(?! not|n't)\b", r"\bmay(?! not| be\b)\b"),
        (r"(?i)\bunless\b", rf"(?i)\bif\b(?![\s\S]*{DENIED})"),
        (r"(?i)\bupper\b", r"(?i)\blower\b(?! than)"),
        (r"(?i)\bfront\b", r"(?i)\b(?:back|rear)\b"),
        (r"(?i)\binside\b", r"(?i)\boutside\b"),
        (rf"(?i){SIDED.format('left')}", rf"(?i){SIDED.format('right')}"),
        (rf"(?i){NOT}\bopen\b", rf"(?i){NOT}\b(?:closed|shut)\b"),
        (rf"(?i){NOT}\bhot\b", rf"(?i){NOT}\bcold\b"),
        (r"(?i)\b(?:turn|switch)(?:ed|es|ing)? on\b", r"(?i)\b(?:turn|switch)(?:ed|es|ing)? off\b"),
        (r"(?i)\bmornings?\b", r"(?i)\bafternoons?\b", r"(?i)\bevenings?\b"),
        (r"(?i)\bincluding\b", r"(?i)\b(?:excluding|except)\b"),
        (r"\bMr\b", r"\b(?:Mrs|Ms|Miss)\b"),
        (r"(?i)\bmothers?\b", r"(?i)\bfathers?\b"),
        (r"(?i)\bsons?\b", r"(?i)\bdaughters?\b"),
        (r"(?i)\bbrothers?\b", r"(?i)\bsisters?\b"),
        (r"(?i)\bhusbands?\b", r"(?i)\bwi(?:fe|ves)\b"),
        (r"(?i)\bnorth", r"(?i)\bsouth", r"(?i)\b(?:east|eastern)\b", r"(?i)\b(?:west|western)\b"),
        tuple(
            rf"(?i)\b{colour}\b"
            for colour in "red blue green black white yellow brown gr[ea]y pink purple".split()
        ),
        (r"£|\bGBP\b", r"\$|\bUSD\b", r"€|\bEUR\b", r"¥|\bJPY\b", r"₹|\bINR\b"),
        _measured(
            "mm|millimet(?:re|er)s?", "cm|centimet(?:re|er)s?", "met(?:re|er)s?",
            "km|kilomet(?:re|er)s?", "miles?", "inch(?:es)?", "feet|ft",
        ),
        _measured("mg|milligrams?", "g|grams?", "kgs?|kilos?|kilograms?", "tonnes?|tons?", "lbs?"),
        _measured("ml|millilit(?:re|er)s?", "lit(?:re|er)s?", "gallons?", "pints?"),
        (rf"{N}°?C\b", rf"{N}°?F\b"),
    )
)  # fmt: skip


def differ(said: str, source: str, question: str) -> bool:
    """Whether of any group `said` has one that neither source nor question has, and the source one
    that is not said."""
    for group in GROUPS:
        own, there = _found(group, said), _found(group, source)
        if there - own and own - there - _found(group, question):
            return True
    return False


def _found(group: tuple[re.Pattern[str], ...], text: str) -> set[int]:
    return {i for i, form in enumerate(group) if form.search(text)}
