"""What a passage is embedded as: part by part, each under the titles that a reader would see.

A passage of several subjects has a vector of none of them. Of the demo's 166 answerable questions,
by vectors alone, the passage with the answer comes first for 84 % with a vector for each part and
for 61 % with one for the whole, and among 503 foreign texts for 77 % and 47 %. A paragraph is left
whole: cut into sentences, those texts are found less well (a mean reciprocal rank of .403 instead
of .446 for questions in another language). A question is as close to a passage as to the closest of
its parts; what is shown and cited is the whole.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from domain.chunking import Chunk, ChunkSizes, chunk_markdown

SIZES: Final = ChunkSizes(target=25, most=80, overlap=0)
"""From 40 tokens on, up to 120, the demo's answers come first for 83 %, and for 71 % among foreign
texts; from 15 on for 84 % and 78 %, with one vector more for every eight."""
LONGEST_PARAGRAPH: Final = 160
"""In tokens: a longer one is cut between its sentences."""


def embedded_parts(
    title: str, *, heading: str | None, text: str, count_tokens: Callable[[str], int]
) -> list[str]:
    """The texts whose vectors stand for a passage, at least one.

    Args:
        title: of the document.
        heading: what stands above the passage.
        text: of the passage, as Markdown.
        count_tokens: tokens of a text.
    """
    parts: list[tuple[str | None, int, int]] = []
    for piece in chunk_markdown(text, count_tokens=count_tokens, sizes=SIZES):
        above, start, end = parts[-1] if parts else (None, 0, 0)
        if (
            parts
            and _goes_on(text, end, piece)
            and count_tokens(text[start : piece.end]) <= LONGEST_PARAGRAPH
        ):
            parts[-1] = above, start, piece.end
        else:
            parts.append((piece.above or heading, piece.start, piece.end))
    return [
        under_titles(title, heading=above, text=text[start:end])
        for above, start, end in parts or [(heading, 0, len(text))]
    ]


def under_titles(title: str, *, heading: str | None, text: str) -> str:
    """A text as a reader would see it, below its document's title and the headings above it."""
    above = title
    if heading is not None:
        # Documents often begin with their title.
        named = heading == title or heading.startswith(f"{title} > ")
        above = heading if named else f"{title} > {heading}"
    return f"{above}\n\n{text}"


class Headed(Protocol):
    """A passage."""

    @property
    def heading(self) -> str | None: ...
    @property
    def text(self) -> str: ...


P = TypeVar("P", bound=Headed)


def parts_of(
    passages: Sequence[P], *, title_of: Callable[[P], str], count_tokens: Callable[[str], int]
) -> list[tuple[P, int, str]]:
    """All parts of some passages: each with its passage, its number in it from 0, and its text."""
    return [
        (passage, number, text)
        for passage in passages
        for number, text in enumerate(
            embedded_parts(
                title_of(passage),
                heading=passage.heading,
                text=passage.text,
                count_tokens=count_tokens,
            )
        )
    ]


def _goes_on(text: str, end: int, piece: Chunk) -> bool:
    """Whether the piece is of the same paragraph as what ends there."""
    return piece.columns is None and "\n" not in text[end : piece.start]
