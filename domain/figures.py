"""Figures in a text, whatever their format: `1.299,00 €`, `€1299` and `1 299` are the same amount,
`6:30 pm` and `18.30 Uhr` the same time.

What a writing may mean in any country counts as meant: `1.299` is a thousand or a good one.
Numbers in words ("twelve") are not read.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

import regex

from domain.plain_text import strip_hidden

LARGEST_COUNT: Final = 12
"""Small whole numbers count things: "two or 3 days". Nobody needs a source for them."""

_NUMBER: Final = regex.compile(r"\d+(?:[.,'\u2019]\d+|[ \u00a0\u202f]\d{3}(?!\d))*")
_TIME: Final = regex.compile(
    r"(?<![\d.,:])(?P<hour>\d{1,2})(?:\s?[:.hH]\s?(?P<minute>[0-5]\d)(?![\d.,]?\d))?"
    r"\s?(?P<half>[aApP]\.?\s?[mM]\b\.?)?(?P<word>\s?(?:Uhr|uhr|o['\u2019]clock))?"
)
_MONEY_BEFORE: Final = regex.compile(
    r"(?:[\p{Sc}%]|\b(?:kr|EUR|USD|GBP|CHF|SEK|NOK|DKK|BRL|MXN|Rs))\.?\s?\Z"
)
_MONEY_AFTER: Final = regex.compile(
    r"\s?(?:[\p{Sc}%]|(?:kr|kronor|EUR|USD|GBP|CHF|SEK|NOK|DKK|BRL|MXN|euros?|dollars?|d[óo]lares"
    r"|pounds?|reais|percent|per\s?cent|procent|Prozent|por\s?(?:ciento|cento)|pour\s?cent)\b)",
    regex.IGNORECASE,
)
_LIST_MARK: Final = regex.compile(r"^[ \t]*\d{1,2}[.)](?=\s)", regex.MULTILINE)
_SPACES: Final = dict.fromkeys(map(ord, " \u00a0\u202f'\u2019"))
"""Between thousands."""
_MINUTES_OF_HALF: Final = 12 * 60


@dataclass(frozen=True, slots=True)
class Figure:
    """A number or a time of day as it stands in a text."""

    text: str
    values: frozenset[Decimal]
    """What it may mean as a number."""
    times: frozenset[int] = frozenset()
    """What it may mean as a time of day, in minutes after midnight."""
    is_amount: bool = False
    """With a currency or a percent sign."""

    @property
    def counts(self) -> bool:
        """Whether it is a small whole number of whatever."""
        is_plain = self.text.isdigit() and not self.is_amount
        return is_plain and int(self.text) <= LARGEST_COUNT


def normal(text: str) -> str:
    """`text` with the figures of every script in ASCII, and no character that cannot be seen."""
    return "".join(
        str(unicodedata.digit(one)) if one.isdigit() and not one.isascii() else one
        for one in unicodedata.normalize("NFKC", strip_hidden(text))
    )


def figures(text: str) -> Iterator[Figure]:
    """The figures of a text that is `normal`, in order; numbers in front of list items are none."""
    text = _LIST_MARK.sub("", text)
    end = 0
    for match in _NUMBER.finditer(text):
        if match.start() < end:
            continue
        time = _TIME.match(text, match.start())
        if time is not None and any(time.group("minute", "half", "word")):
            end = time.end()
            # 18.30 is a time or an amount, and 6 pm may be said of "from 9 to 6".
            digits_end = time.end("minute") if time["minute"] else time.end("hour")
            values = _values(match.group()) if match.end() == digits_end else frozenset()
            yield Figure(time.group(), values, times=_times(time))
            continue
        values = _values(match.group())
        is_amount = _MONEY_BEFORE.search(text, max(0, match.start() - 6), match.start())
        is_amount = is_amount or _MONEY_AFTER.match(text, match.end())
        yield Figure(match.group(), values, is_amount=bool(is_amount))


def parts(figure: Figure) -> frozenset[Decimal]:
    """The numbers between the points of a date: 24.12.2026."""
    found = [Decimal(part) for part in regex.findall(r"\d+", figure.text)]
    return frozenset(found) if len(found) == 3 and max(found[:2]) <= 31 else frozenset()


def hours(figure: Figure) -> frozenset[Decimal]:
    """The full hours among its times: who closes at 17:00 closes at 17."""
    return frozenset(Decimal(time // 60) for time in figure.times if time % 60 == 0)


def _times(match: regex.Match[str]) -> frozenset[int]:
    time = int(match["hour"]) * 60 + int(match["minute"] or 0)
    if time >= 2 * _MINUTES_OF_HALF + 60:
        return frozenset()
    if half := match["half"]:
        time %= _MINUTES_OF_HALF
        return frozenset({time + _MINUTES_OF_HALF if half[0] in "pP" else time})
    # Without am or pm, 6:30 may be in the evening; 18:30 is.
    return frozenset({time} if time >= _MINUTES_OF_HALF else {time, time + _MINUTES_OF_HALF})


@lru_cache(maxsize=4_096)
def _values(number: str) -> frozenset[Decimal]:
    number = number.translate(_SPACES)
    separators = [one for one in number if one in ".,"]
    groups = regex.split(r"[.,]", number)
    joined = Decimal("".join(groups))
    if not separators:
        return frozenset({joined})
    decimal = Decimal("".join(groups[:-1]) + "." + groups[-1])
    if len(separators) == 1:
        return frozenset({decimal, joined} if len(groups[1]) == 3 else {decimal})
    are_thousands = all(len(group) == 3 for group in groups[1:])
    if all(one == other for one, other in pairwise(separators)):
        return frozenset({joined}) if are_thousands else frozenset()
    return frozenset({decimal})
