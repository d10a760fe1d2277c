"""The last line of a cited answer: which documents it comes from, readable in any language."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from domain.canned import primary_language

SOURCE_MARK = "📄"
MAX_TITLES = 3
"""More titles than this are noise on a phone; the full list is kept with the message."""

_PAGE: Final[Mapping[str, str]] = {
    "en": "p.", "es": "pág.", "de": "S.", "fr": "p.", "pt": "p.", "sv": "s.",
}  # fmt: skip
"""Stands for one page or several."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


class Source(NamedTuple):
    """A document, and the page of it that is cited."""

    title: str
    page: int | None = None


def with_source_line(text: str, *, sources: Sequence[Source], language: str | None = None) -> str:
    """Markdown `text` followed by one line naming the distinct documents, first cited first.

    Args:
        sources: what is cited, in order; the pages of a document stand behind its title.
        language: of the word for pages.
    """
    pages: dict[str, list[int]] = {}
    for source in sources:
        if title := " ".join(source.title.split()):
            cited = pages.setdefault(title, [])
            if source.page is not None and source.page not in cited:
                cited.append(source.page)
    if not pages:
        return text
    named = " · ".join(
        _MARKDOWN_SPECIAL.sub(r"\\\1", title) + _pages(cited, language)
        for title, cited in list(pages.items())[:MAX_TITLES]
    )
    return f"{text}\n\n{SOURCE_MARK} {named}"


def _pages(cited: Sequence[int], language: str | None) -> str:
    if not cited:
        return ""
    word = _PAGE.get(primary_language(language), _PAGE["en"])
    return f", {word} {', '.join(map(str, sorted(cited)))}"


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
