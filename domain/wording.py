"""What somebody wrote, made comparable: without case, accents, emoji and typographic variants."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 2_000
"""Characters that rules about wording look at: nobody asks for a human on page three."""

_APOSTROPHES: Final = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")
_ENDS: Final = re.compile(r"[.!?;:,\u2026\u00a1\u00bf\n\u3002\uff01\uff1f]+|\s[-\u2013\u2014]+\s")


def plain(text: str) -> str:
    """In lower case, without accents; punctuation stays."""
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST].translate(_APOSTROPHES)).casefold()
    return "".join(one for one in decomposed if not unicodedata.category(one).startswith("M"))


def words_only(text: str) -> str:
    """Only letters and digits of `plain(text)`, with single spaces between the words."""
    return " ".join("".join(one if one.isalnum() else " " for one in plain(text)).split())


def clauses(text: str) -> list[str]:
    """The parts of `plain(text)` between its punctuation, each with single spaces."""
    parts = (" ".join(_letters(part).split()) for part in _ENDS.split(plain(text)))
    return [part for part in parts if part]


def _letters(text: str) -> str:
    return "".join(one if one.isalnum() or one in "'-" else " " for one in text)
