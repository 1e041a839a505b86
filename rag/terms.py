"""What people call figures of accounts, and what accounts print.

A ratio stands on no page: it is asked for by its name, and found by what it is made of.
"""

import re
from collections.abc import Iterator

_PRINTED = {
    # What is asked for: the words that the statements print, or what it is worked out from.
    r"roa|return on (total |average )?assets": "net income total assets",
    r"roe|return on (\w+ )?equity": "net income total stockholders equity",
    r"roi|roic|return on (invest\w+|capital)": "total return operating income invested capital",
    r"eps": "earnings per share",
    r"r ?& ?d": "research and development",
    r"sg ?& ?a": "selling general and administrative expenses",
    r"cogs|costs? of goods sold": "cost of sales cost of revenues",
    r"ppe|pp ?& ?e": "property plant and equipment net",
    r"capex|capital (expenditures?|spending)": (
        "purchases of property plant and equipment capital expenditures"
    ),
    r"ebitda?": "operating income depreciation and amortization",
    r"(operating|free) cash flows?|cash flows? from operations": (
        "net cash provided by operating activities"
    ),
    r"(net )?working capital|(current|quick|acid.test|cash) ratio": (
        "total current assets total current liabilities"
    ),
    r"debt.to.\w+|debt ratio|leverage ratio|gearing": (
        "total liabilities total assets borrowings long-term debt"
    ),
    r"interest cover(age)?": "interest expense operating income",
    r"(gross|operating|net|profit) (profit )?margins?": "revenues cost of revenues income",
    r"assets? turnover|sales to|to sales|to revenues?": "net sales revenues",
    r"inventory turnover|days (of )?inventory|dio": "inventories cost of sales",
    r"days payables?|dpo|payables? turnover": "accounts payable cost of sales",
    r"days sales|dso|receivables? turnover": "accounts receivable net sales",
    r"effective tax rate": "provision for income taxes income before income taxes",
    r"(dividend )?pay.?out( ratio)?": "dividends paid net income",
    r"turnover|top line|total revenues?": "revenues net sales",
    r"bottom line|net profit|net earnings": "net income",
    r"buy.?backs?": "repurchase of shares share repurchase program",
    r"mergers?|m ?& ?a": "acquisition acquired business combination",
    r"lay.?offs?|laid off|let go|redundanc\w+": "workforce reduction restructuring severance",
    r"headcount|number of (employees|staff)": "employees full-time",
}
_TERMS = tuple((re.compile(rf"\b(?:{asked})\b"), words) for asked, words in _PRINTED.items())


def printed(question: str) -> Iterator[str]:
    """What accounts print of the things that the question names."""
    folded = question.casefold()
    return (words for asked, words in _TERMS if asked.search(folded))
