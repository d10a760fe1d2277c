"""Whether anything that a search found bears on the question at all.

Cosines of different models are on different scales, and those of E5 are squeezed into the upper
fifth of theirs, so the least cosine belongs to a model and was measured with it. It is set low: a
search that holds back what was there costs an answer, one that lets too much through costs tokens,
because the model still says when the passages do not answer.
"""

from collections.abc import Mapping
from typing import Final

LEAST_COVERAGE: Final = 0.5
"""A passage with so much of the question's wording bears on it whatever its cosine."""

_LEAST_COSINES: Final[Mapping[str, float]] = {
    # The demo's 390 labelled questions in fifteen languages, and the construction FAQ in two. Of
    # the covered ones 99.6 % and 100 % of the two businesses are kept, all of the FAQ's, and 98 %
    # of those asked in Swedish of the English one; of those not covered 24 % and 16 % are turned
    # away, and of the FAQ's questions to the bicycle shop 31 %.
    "multilingual-e5-small": 0.79,
}


def least_cosine(model: str) -> float | None:
    """Under which nothing counts as found; None for models that it was not measured with.

    Nothing stands in for the measurement: the distance of the best hit from the other candidates,
    in standard deviations, does not tell covered questions from others (on the same sets it turns
    0 to 11 % away where the cosine turns 33 to 46 % away).

    Args:
        model: as the server names it, with or without its publisher in front.
    """
    return _LEAST_COSINES.get(model.rpartition("/")[2].casefold())


def is_relevant(*, cosine: float | None, coverage: float, least: float | None) -> bool:
    """Whether one passage bears on the question.

    Args:
        cosine: None: its meaning was not compared.
        coverage: how much of the question's wording it has.
        least: the model's `least_cosine`.
    """
    return least is None or (cosine or 0.0) >= least or coverage >= LEAST_COVERAGE
