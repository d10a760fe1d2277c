"""Tokens as OpenAI's models count them, without a download.

The encoding comes from `bpe-openai`, whose wheel carries OpenAI's own tables. Its merging is linear
in the length of a word, so that a hostile text (a million letters without a space) costs no more
than any other.
"""

from functools import cache
from typing import Final

import bpe_openai
from cachetools import LRUCache

ENCODING = "o200k_base"
"""Encoding of every OpenAI model since GPT-4o (tiktoken, `model.py`)."""

SLICE = 100_000
"""Characters encoded at once: the library refuses a million. A border costs a token at the most."""

REMEMBERED_CHARACTERS: Final = 4_000_000
"""Some 20,000 messages: a few megabytes of memory in each worker."""


def count_tokens(text: str) -> int:
    """Tokens in `text`; what looks like a special token counts as the text it is."""
    encoding = _encoding()
    return sum(
        len(encoding.encode_ordinary(text[start : start + SLICE]))
        for start in range(0, len(text), SLICE)
    )


class RememberedCounts:
    """Counts tokens; what this process has counted a moment ago costs nothing.

    The messages of a conversation come by turn after turn, and passages question after question.
    """

    def __init__(self, *, characters: int = REMEMBERED_CHARACTERS) -> None:
        """
        Args:
            characters: of the texts that are remembered; those unused for longest go first.
        """
        self._counts: LRUCache[str, tuple[int, int]] = LRUCache(
            characters, getsizeof=lambda counted: counted[1]
        )

    def __call__(self, text: str) -> int:
        known = self._counts.get(text)
        if known is None:
            known = (count_tokens(text), len(text) + 1)
            if known[1] <= self._counts.maxsize:
                self._counts[text] = known
        return known[0]


@cache
def _encoding() -> bpe_openai.Encoding:
    return bpe_openai.get_encoding(ENCODING)
