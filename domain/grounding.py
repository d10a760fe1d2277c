"""What an answer may say: no link, address, number or amount that nobody has told the model.

The model is not trusted here, whatever it was told or talked into. Every link, e-mail address,
phone number and figure of its answer must stand in the passages that it was shown, in the
business's instructions, or in what was said. Words cannot be checked in this way; they are why an
answer names its sources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import regex

from domain.figures import LARGEST_COUNT, Figure, figures, hours, normal, parts

ClaimKind = Literal["link", "email", "phone", "number"]

LEAST_PHONE_DIGITS: Final = 7
MOST_DIGITS_OF_COUNTRY: Final = 3
"""A country calling code has up to three digits (ITU-T E.164)."""

_EMAIL: Final = regex.compile(r"[\w.+%'-]+@(?:[\w-]+\.)+[^\W\d_]{2,24}")
_ADDRESS: Final = regex.compile(
    r"(?<![\w@])(?:[a-zA-Z][\w+.-]{1,20}://|www\.|tel:|mailto:)[^\s<>\"'`|\\^{}\[\]()*]+"
)
_DOMAIN: Final = regex.compile(
    r"(?<![\w@.-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w-])(?:[:/?#][^\s<>\"'`|\\^{}\[\]()*]*)?"
)
_ABBREVIATIONS: Final = frozenset(
    ("t.ex", "p.ex", "p.ej", "m.fl", "e.kr", "f.kr", "s.k", "n.chr", "v.chr", "o.dyl")
)
_PHONE: Final = regex.compile(
    r"(?<![\w.,:/-])(?:\+|\(\+?)?\d(?:[ \u00a0\u202f().\/\u2010-\u2013-]{0,3}\d)+(?![\w:])"
)
_DATE: Final = regex.compile(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))(?!\d)"
)
_OUTSIDE: Final = regex.compile(
    r"(?<![\w.,:/-])(?:\+|\(?0)\d*(?:[ \u00a0\u202f().\/\u2010-\u2013-]{0,3}\d){6,}(?![\w:])"
)
"""A telephone number beyond doubt: its figures are none of an amount."""
_RANGE: Final = regex.compile(r"\s*[\u2010-\u2013-]\s*")
_CLAIMS: Final[Sequence[tuple[ClaimKind, regex.Pattern[str]]]] = (
    ("email", _EMAIL), ("link", _ADDRESS), ("link", _DOMAIN), ("phone", _PHONE),
)  # fmt: skip
"""In this order: what is found is not looked at again."""


@dataclass(frozen=True, slots=True)
class Claim:
    kind: ClaimKind
    text: str


class Grounds:
    """What there is to say."""

    def __init__(self, told: Iterable[str], *, pictures: bool = False) -> None:
        """
        Args:
            told: every text that links and figures may come from.
            pictures: the model also sees pictures. What figures stand in them nobody can tell here,
                so no figure is without a ground; everything else is looked at all the same.
        """
        self._sees_pictures = pictures
        text = normal("\n".join(told))
        self._words = _collapsed(text)
        self._emails = {found.casefold() for found in _EMAIL.findall(text)}
        links = {_plain_link(found) for found in (*_ADDRESS.findall(text), *_DOMAIN.findall(text))}
        self._links = links | {_host(link) for link in links}
        self._phones = {
            digits for found in _PHONE.findall(text) if len(digits := _digits(found)) >= 3
        }
        self._numbers: set[Decimal] = set()
        self._dates: set[Decimal] = set()
        """Numbers that are part of a date or a time: no amounts."""
        for date in _DATE.findall(text):
            self._dates |= {Decimal(part) for part in regex.findall(r"\d+", date)}
        text = _OUTSIDE.sub(" \u00b7 ", _DATE.sub(" \u00b7 ", text))
        self._times: set[int] = set()
        for figure in figures(text):
            self._numbers |= figure.values
            self._dates |= parts(figure) | hours(figure)
            self._times |= figure.times

    def lacking(self, answer: str) -> list[Claim]:
        """The claims of an answer that have no ground.

        Args:
            answer: as it is shown: what Markdown hides must not hide here.
        """
        text = normal(answer)
        lacking: list[Claim] = []
        for kind, pattern in _CLAIMS:
            kept: list[str] = []
            end = 0
            for match in pattern.finditer(text):
                claim = Claim(kind, match.group())
                if self._is_other(claim):
                    continue
                kept.append(text[end : match.start()])
                end = match.end()
                if not self._has(claim):
                    lacking.append(claim)
            text = " \u00b7 ".join([*kept, text[end:]])
        lacking.extend(
            Claim("number", figure.text) for figure in figures(text) if not self._counts(figure)
        )
        return lacking

    def _is_other(self, claim: Claim) -> bool:
        """What only looks like it, and is read as something else or as nothing."""
        if claim.kind == "phone":
            return len(_digits(claim.text)) < LEAST_PHONE_DIGITS or self._is_figures(claim.text)
        return claim.kind == "link" and claim.text.casefold() in _ABBREVIATIONS

    def _is_figures(self, text: str) -> bool:
        """A date, a span of times or one long number; what they say is looked at as figures."""
        pieces = [piece for piece in _RANGE.split(text) if piece]
        if _DATE.fullmatch(text.strip()) or all(map(_DATE.fullmatch, pieces)):
            return True
        if text.lstrip("(").startswith(("+", "00")) or len(pieces) > 2:
            return False
        found = [figure for piece in pieces for figure in figures(piece)]
        return len(found) == len(pieces) and all(
            one.text == piece and bool(one.times or (one.values & self._numbers))
            for one, piece in zip(found, pieces, strict=True)
        )

    def _has(self, claim: Claim) -> bool:
        match claim.kind:
            case "email":
                return claim.text.casefold() in self._emails
            case "link":
                return _plain_link(claim.text) in self._links or self._is_address(claim.text)
            case _:
                return self._has_phone(claim.text)

    def _is_address(self, link: str) -> bool:
        scheme, _, rest = link.partition(":")
        match scheme.casefold():
            case "mailto":
                return rest.casefold() in self._emails
            case "tel":
                return self._has_phone(rest)
        return False

    def _has_phone(self, text: str) -> bool:
        """The number, or what is left of it within its country."""
        digits = _digits(text)
        national = digits.lstrip("0")
        return digits in self._phones or any(
            known.endswith(national)
            and len(known.lstrip("0")) - len(national) <= MOST_DIGITS_OF_COUNTRY
            for known in self._phones
            if not text.startswith("+") and len(national) >= LEAST_PHONE_DIGITS
        )

    def _counts(self, figure: Figure) -> bool:
        if figure.counts or self._sees_pictures or figure.values & self._numbers:
            return True
        if figure.is_amount:
            return False
        known = self._numbers | self._dates
        return (
            bool(figure.times & self._times)
            or bool((figure.values | hours(figure)) & known)
            or bool(parts(figure) and known.issuperset(_beyond_months(figure)))
            or f" {_collapsed(figure.text).strip()} " in self._words
        )


def _beyond_months(date: Figure) -> set[Decimal]:
    """Months are told by their names, too."""
    return {part for part in parts(date) if part > LARGEST_COUNT}


def _collapsed(text: str) -> str:
    return f" {' '.join(text.casefold().split())} "


def _digits(text: str) -> str:
    digits = "".join(one for one in text if one.isdigit())
    return digits.removeprefix("00") if text.startswith("00") else digits


def _plain_link(link: str) -> str:
    """Without what leads to the same page either way."""
    link = link.rstrip(".,;:!?*_~/")
    scheme, found, rest = link.partition("://")
    if not found:
        rest = link
    elif scheme.casefold() not in ("http", "https"):
        return link
    host, slash, path = rest.partition("/")
    return host.casefold().removeprefix("www.") + slash + path


def _host(link: str) -> str:
    return regex.split("[/?#]", link, maxsplit=1)[0]
