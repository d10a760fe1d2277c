"""Tokens as OpenAI's models count them, without a download.

The encoding comes from `bpe-openai`, whose wheel carries OpenAI's own tables. Its merging is linear
in the length of a word, so that a hostile text (a million letters without a space) costs no more
than any other.
"""

from functools import cache

import bpe_openai

ENCODING = "o200k_base"
"""Encoding of every OpenAI model since GPT-4o (tiktoken, `model.py`)."""


SLICE = 100_000
"""Characters encoded at once: the library refuses a million. A border costs a token at the most."""


def count_tokens(text: str) -> int:
    """Tokens in `text`; what looks like a special token counts as the text it is."""
    encoding = _encoding()
    return sum(
        len(encoding.encode_ordinary(text[start : start + SLICE]))
        for start in range(0, len(text), SLICE)
    )


@cache
def _encoding() -> bpe_openai.Encoding:
    return bpe_openai.get_encoding(ENCODING)
