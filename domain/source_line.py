"""The last line of a cited answer: which documents it comes from, readable in any language."""

import re
from collections.abc import Sequence

SOURCE_MARK = "📄"
MAX_TITLES = 3
"""More titles than this are noise on a phone; the full list is kept with the message."""

_LAST_LINE = re.compile(rf"(?:\A|\n)\s*{SOURCE_MARK}[^\n]*(?P<offered>(?:\n\[[^\n]*\])*)\Z")
"""Below it stand, in square brackets, the choices that the message offered."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def with_source_line(text: str, *, titles: Sequence[str]) -> str:
    """Markdown `text` followed by one line naming the distinct `titles`, first cited first."""
    distinct = list(dict.fromkeys(" ".join(title.split()) for title in titles if title.strip()))
    if not distinct:
        return text
    named = " · ".join(_MARKDOWN_SPECIAL.sub(r"\\\1", title) for title in distinct[:MAX_TITLES])
    return f"{text}\n\n{SOURCE_MARK} {named}"


def without_source_line(text: str) -> str:
    """`text` as the model wrote it: a model shown source lines would imitate them."""
    return _LAST_LINE.sub(lambda match: match["offered"], text.rstrip()).rstrip()
