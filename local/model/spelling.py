"""Mends slips of the keyboard: to embeddings "saterday" is hardly a day, and "Saturday" is one.

A word is mended when no dictionary and none of the passages have it and one of their words looks
like it. So a word that they do not have stays what it is: a skateboard does not become a board.
"""

import re
from collections.abc import Collection
from difflib import get_close_matches
from functools import cache

from spellchecker import SpellChecker

SHORTEST = 3
"""Letters of a word that is mended, and of one that it may have been meant to be."""
ALIKE = 0.8
"""By `difflib`'s ratio: two different letters in ten. The first letter is the same: it is rarely
the one that is mistyped, and "munday" is no Sunday."""

_WORD = re.compile(r"[^\W\d_]+")


def mended(text: str, *, words: Collection[str], language: str) -> str:
    """`text` with its slips mended; as it is when there is no dictionary of its language.

    Args:
        words: those that it may be about, in lower case.
        language: ISO 639-1 code of the language of both.
    """
    dictionary = _dictionary(language)
    if dictionary is None:
        return text
    known = [word for word in words if len(word) >= SHORTEST]

    def mend(match: re.Match[str]) -> str:
        word = match.group().casefold()
        if len(word) < SHORTEST or word in words or dictionary.known([word]):
            return match.group()
        alike = [each for each in known if each[0] == word[0]]
        return next(iter(get_close_matches(word, alike, n=1, cutoff=ALIKE)), match.group())

    return _WORD.sub(mend, text)


def words_of(text: str) -> set[str]:
    """The words of `text` in lower case, without numbers."""
    return set(_WORD.findall(text.casefold()))


@cache
def _dictionary(language: str) -> SpellChecker | None:
    return SpellChecker(language=language) if language in SpellChecker.languages() else None
