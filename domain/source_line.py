"""The last line of a cited answer: which documents it comes from, readable in any language."""

import re
from collections.abc import Sequence

SOURCE_MARK = "📄"
MAX_TITLES = 3
"""More titles than this are noise on a phone; the full list is kept with the message."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def with_source_line(text: str, *, titles: Sequence[str]) -> str:
    """Markdown `text` followed by one line naming the distinct `titles`, first cited first."""
    distinct = list(dict.fromkeys(" ".join(title.split()) for title in titles if title.strip()))
    if not distinct:
        return text
    named = " · ".join(_MARKDOWN_SPECIAL.sub(r"\\\1", title) for title in distinct[:MAX_TITLES])
    return f"{text}\n\n{SOURCE_MARK} {named}"


def without_source_line(text: str) -> str:
    """`text` as the model wrote it: a model shown source lines would imitate them.

    What a message offered stands below its sources, in square brackets, and stays.
    """
    text = text.rstrip()
    end = len(text)
    while (start := text.rfind("\n", 0, end)) >= 0 and _is_offered(text[start + 1 : end]):
        end = start
    if not text[start + 1 : end].lstrip().startswith(SOURCE_MARK):
        return text
    return (text[: start + 1].rstrip() + text[end:]).strip()


def _is_offered(line: str) -> bool:
    return line.startswith("[") and line.endswith("]")
