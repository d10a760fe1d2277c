"""How the tokens of a prompt are shared out, so that no part crowds the others out.

The rules and the messages being answered come first and are never left out. What is left of the
total is shared; what one part does not need, a later one may use.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from domain.transcript import CUT_MARK, cut

CountTokens = Callable[[str], int]
"""Tokens of a text, as the model counts them."""

PROMPT_TOKENS: Final = 12_000
"""Of a whole prompt: the rules, eight passages of 512 tokens, and a good part of the transcript."""
LEAST_SHARE: Final = 4
"""One part in so many of the total is shared out, however long the rules and the messages are."""

FACTS: Final = 0.06
SUMMARY: Final = 0.09
PASSAGES: Final = 0.50
"""The rest is the transcript's."""

MESSAGE_OVERHEAD: Final = 8
"""Tokens around a message or a block: its role, its delimiters, and borders between counts."""

T = TypeVar("T")


class Allowance:
    """Tokens that are left to share out."""

    def __init__(self, total: int, *, spent: int) -> None:
        self._room = self.left = max(total - spent, total // LEAST_SHARE)

    def share(self, part: float) -> int:
        return min(int(self._room * part), self.left)

    def spend(self, tokens: int) -> None:
        self.left -= tokens


def first_that_fit(items: Sequence[T], sizes: Sequence[int], *, budget: int) -> tuple[list[T], int]:
    """The items up to the first that does not fit, and what they take."""
    kept: list[T] = []
    spent = 0
    for item, size in zip(items, sizes, strict=True):
        if spent + size > budget:
            break
        kept.append(item)
        spent += size
    return kept, spent


def cut_to_tokens(text: str, tokens: int, *, count: CountTokens) -> str:
    """The beginning of `text` that fits, with a visible mark; nothing when not even that fits."""
    if count(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count(cut(text, middle)) <= tokens:
            fits = middle
        else:
            too_long = middle
    return cut(text, fits) if fits > len(CUT_MARK) else ""
