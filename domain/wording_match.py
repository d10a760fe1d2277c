"""How far the words of a question stand in texts, in any script and in spite of slips.

BM25 (Robertson and Zaragoza, 2009) over runs of four letters of the question's words, which stand
in for stemming and forgive a slip in a word (`docs/knowledge.md` has what was measured). Twenty
passages take a millisecond, because only the question's runs are counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import regex

GRAM: Final = 4
GRAM_WITHOUT_SPACES: Final = 2
"""In scripts that write no spaces, two characters make a word."""
LEAST_WORD: Final = 3
"""Shorter ones without a figure carry grammar."""
MOST_GRAMS: Final = 200
"""Of a question; a pasted letter has its subject at the beginning."""
K1, B = 1.2, 0.75
"""BM25's usual constants."""

_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED: Final = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]")


@dataclass(frozen=True, slots=True)
class Match:
    score: float
    """BM25: ranks the texts of one call."""
    coverage: float
    """0 to 1: how much of the question's wording the text has, rare runs counting for more."""


def wording_matches(question: str, texts: Sequence[str]) -> list[Match]:
    """One for each text, in order."""
    folded = [text.casefold() for text in texts]
    mean = max(sum(map(len, folded)) / max(len(folded), 1), 1.0)
    scores, covered = [0.0] * len(folded), [0.0] * len(folded)
    total = 0.0
    for gram in _grams(question.casefold()):
        counts = [text.count(gram) for text in folded]
        holders = sum(map(bool, counts))
        weight = math.log(1 + (len(folded) - holders + 0.5) / (holders + 0.5))
        total += weight
        for index, count in enumerate(counts):
            if count:
                length = 1 - B + B * len(folded[index]) / mean
                scores[index] += weight * count * (K1 + 1) / (count + K1 * length)
                covered[index] += weight
    return [
        Match(score, coverage / total if total else 0.0)
        for score, coverage in zip(scores, covered, strict=True)
    ]


def _grams(question: str) -> list[str]:
    grams: dict[str, None] = {}
    for word in _WORD.findall(question):
        size = GRAM_WITHOUT_SPACES if _UNSPACED.search(word) else GRAM
        if len(word) > size:
            grams |= dict.fromkeys(
                word[start : start + size] for start in range(len(word) - size + 1)
            )
        elif len(word) >= min(LEAST_WORD, size) or any(one.isdigit() for one in word):
            grams[word] = None
    return list(grams)[:MOST_GRAMS]
