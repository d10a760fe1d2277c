"""How well texts fit a question by their wording, and scores made comparable."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from local.model.language import FUNCTION_WORDS

GRAM = 4
K1, B = 1.2, 0.75
"""BM25's usual constants (Robertson and Zaragoza, 2009)."""

_WORD = re.compile(r"[^\W_]+")

Scores = NDArray[np.float64]


def wording_scores(query: str, texts: Sequence[str]) -> Scores:
    """BM25 over runs of four letters within words, which stands in for stemming in any language.

    Function words are left out: "when do you" is in every question and in no answer.
    """
    documents = [Counter(_grams(text)) for text in texts]
    lengths = np.array([sum(document.values()) for document in documents], dtype=np.float64)
    mean = max(float(lengths.mean()), 1.0) if documents else 1.0
    scores = np.zeros(len(documents))
    for gram in set(_grams(query)):
        counts = np.array([document[gram] for document in documents], dtype=np.float64)
        holders = int(np.count_nonzero(counts))
        if not holders:
            continue
        weight = math.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
        scores += weight * counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / mean))
    return scores


def z_scores(values: Sequence[float] | Scores) -> Scores:
    """`values` in standard deviations from their mean; all zero when they are all alike."""
    array = np.asarray(values, dtype=np.float64)
    deviation = float(array.std()) if len(array) else 0.0
    return (array - array.mean()) / deviation if deviation > 0 else np.zeros(len(array))


def _grams(text: str) -> list[str]:
    grams: list[str] = []
    for word in _WORD.findall(text.casefold()):
        if word not in FUNCTION_WORDS:
            grams += [word[start : start + GRAM] for start in range(max(1, len(word) - GRAM + 1))]
    return grams
