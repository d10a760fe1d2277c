"""Which messages lean on the one before them: "And on Sunday?", "how much is that?"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

FRAGMENT_WORDS = 2
"""A message of one or two words is rarely a whole question."""

MAX_CONTEXT = 3
"""Earlier messages that a chain of follow-ups may reach back to."""


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """A message in its context.

    `least_kinship` is the cosine that the bare message must have to what its context finds: without
    it every short question would be answered with the subject before it.
    """

    text: str
    least_kinship: float


def follow_up(text: str, *, earlier: Sequence[str]) -> FollowUp | None:
    """`text` together with what it leans on; None when it stands for itself."""
    kinship = _least_kinship(text)
    if kinship is None or not earlier:
        return None
    context = [text]
    for said in reversed(earlier[-MAX_CONTEXT:]):
        context.insert(0, said)
        if _least_kinship(said) is None:
            break
    return FollowUp(text=" ".join(context), least_kinship=kinship)


def _least_kinship(text: str) -> float | None:
    """How sure the words make it: a conjunction in front says more than a pronoun or brevity."""
    words = _WORD.findall(text.casefold())
    if not words:
        return None
    if words[0] in _CONTINUING or " ".join(words[:2]) in _CONTINUING:
        return 0.78
    if len(words) <= FRAGMENT_WORDS or any(word in _POINTING_BACK for word in words):
        return 0.80
    return None


_WORD = re.compile(r"[^\W_]+")

_CONTINUING = frozenset(
    ("and", "or", "but", "also", "what about", "how about", "y", "o", "pero", "qué tal", "och",
     "eller", "men", "und", "oder", "aber", "et", "ou", "mais", "e", "mas")
)  # fmt: skip
_POINTING_BACK = frozenset(
    ("it", "that", "this", "one", "ones", "them", "those", "these", "eso", "esto", "den", "dem",
     "dafür", "davon", "ça", "cela", "isso", "isto")
)  # fmt: skip
