"""One ranking out of two: similarity of meaning (dense) and of words (lexical).

Each leg is standardised over the candidates, so that a cosine between 0.8 and 0.9 and a text rank
between 0 and 12 weigh the same before they are mixed. Measured on XQuAD in six languages and a
construction FAQ, this mix is never worse than its better leg; equal-weight reciprocal rank fusion
loses up to half of the answers when question and passage are in different languages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final

from contracts.ids import PassageId

LEXICAL_WEIGHT: Final = 0.3
"""Share of the lexical leg: the best on XQuAD and the FAQ, and flat around its optimum."""


@dataclass(frozen=True, slots=True)
class FusedPassage:
    """A candidate. `dense` is a cosine, `lexical` a text rank; `None`: that leg did not find it."""

    passage_id: PassageId
    score: float
    dense: float | None
    lexical: float | None


def fuse(
    dense: Mapping[PassageId, float], *, lexical: Mapping[PassageId, float]
) -> list[FusedPassage]:
    """Rank the union of both legs, best first; equal scores in the order of their ids.

    A candidate that the dense leg did not find gets its lowest score; one that the lexical leg did
    not find gets 0, because a text rank of 0 means that no word matched. A leg without candidates,
    or one that scores all of them alike, does not move the ranking.
    """
    candidates = sorted(dense.keys() | lexical.keys())
    lowest = min(dense.values(), default=0.0)
    by_meaning = standardised([dense.get(id_, lowest) for id_ in candidates])
    by_words = standardised([lexical.get(id_, 0.0) for id_ in candidates])
    fused = [
        FusedPassage(
            passage_id=id_,
            score=(1 - LEXICAL_WEIGHT) * meaning + LEXICAL_WEIGHT * words,
            dense=dense.get(id_),
            lexical=lexical.get(id_),
        )
        for id_, meaning, words in zip(candidates, by_meaning, by_words, strict=True)
    ]
    return sorted(fused, key=lambda passage: (-passage.score, passage.passage_id))


def best_per_passage(rankings: Iterable[Iterable[FusedPassage]]) -> list[FusedPassage]:
    """Merge the rankings of several queries: a passage counts as what it is worth to its best."""
    best: dict[PassageId, FusedPassage] = {}
    for passage in (passage for ranking in rankings for passage in ranking):
        known = best.get(passage.passage_id)
        if known is None or passage.score > known.score:
            best[passage.passage_id] = passage
    return sorted(best.values(), key=lambda passage: (-passage.score, passage.passage_id))


def standardised(values: Sequence[float]) -> list[float]:
    """In standard deviations from their mean; all zero when they are all alike."""
    if not values:
        return []
    mean, deviation = fmean(values), pstdev(values)
    # Differences below the precision of a float are noise: divided by, it becomes a ranking.
    if deviation <= abs(mean) * 1e-9:
        return [0.0] * len(values)
    return [(value - mean) / deviation for value in values]
