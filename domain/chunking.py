"""Cuts a document's Markdown into passages that fit an embedding model and can be cited.

Cuts fall on the highest boundary that fits (heading, block, sentence, word), and neighbours overlap
a little, so that a sentence at a border is whole in one of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from markdown_it import MarkdownIt
from semantic_text_splitter import MarkdownSplitter

TARGET_TOKENS: Final = 400
"""A passage that reached this size takes in no further boundary."""
MAX_TOKENS: Final = 480
"""The E5 family reads 512 tokens of an input; the rest is room for the headings put before it."""
OVERLAP_TOKENS: Final = 50
MAX_HEADING_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: `document[start:end] == text`, offsets in characters (code points)."""

    text: str
    start: int
    end: int
    heading: str | None
    """Path of the headings above its new text, outermost first: `Returns > Shoes`."""
    page: int | None
    """Page of its new text, from 1; `None` when the document has no pages."""


def chunk_markdown(
    document: str,
    *,
    count_tokens: Callable[[str], int],
    page_starts: Sequence[int] | None = None,
) -> list[Chunk]:
    """Cut a document into passages of at most `MAX_TOKENS`, in order, none of them blank.

    Args:
        document: Markdown; plain text is Markdown without marks.
        count_tokens: tokens of a text.
        page_starts: offset of each page's first character, ascending, the first one 0.
    """
    splitter = MarkdownSplitter.from_callback(
        count_tokens, (TARGET_TOKENS, MAX_TOKENS), overlap=OVERLAP_TOKENS
    )
    headings = _headings(document)
    heading_starts = [heading.start for heading in headings]
    chunks: list[Chunk] = []
    previous_end = 0
    pieces = [(start, text) for start, text in splitter.chunk_indices(document) if text.strip()]
    for number, (start, text) in enumerate(pieces, 1):
        end = start + len(text)
        if number < len(pieces) and _only_headings(document, start, end, headings):
            continue  # the passages below carry it as their heading
        new = _first_visible(document, max(start, previous_end), end)
        above = bisect_right(heading_starts, new)
        chunks.append(
            Chunk(
                text=text,
                start=start,
                end=end,
                heading=headings[above - 1].path if above else None,
                page=bisect_right(page_starts, new) if page_starts else None,
            )
        )
        previous_end = max(previous_end, end)
    return chunks


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    end: int
    path: str


def _headings(document: str) -> list[_Heading]:
    """Every heading with the path that leads to it; marks in code blocks are none."""
    # Other line endings become one that keeps every offset. Only blocks are parsed: inline marks in
    # a heading stay as they are written.
    source = document.replace("\r\n", " \n").replace("\r", "\n")
    tokens = MarkdownIt("commonmark").disable("inline").parse(source)
    line_starts = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
    open_levels: list[tuple[int, str]] = []
    found: list[_Heading] = []
    for position, token in enumerate(tokens):
        if token.type != "heading_open" or token.map is None:
            continue
        level = int(token.tag.removeprefix("h"))
        title = " ".join(tokens[position + 1].content.split())
        open_levels = [(above, name) for above, name in open_levels if above < level]
        open_levels.append((level, title))
        path = " > ".join(name for _, name in open_levels if name)
        if path:
            start, end = (line_starts[line] for line in token.map)
            found.append(_Heading(start, end, path[:MAX_HEADING_CHARACTERS]))
    return found


def _only_headings(document: str, start: int, end: int, headings: list[_Heading]) -> bool:
    """Whether nothing visible is left between `start` and `end` without the headings."""
    position = start
    for heading in headings[bisect_right([h.end for h in headings], start) :]:
        if heading.start >= end:
            break
        if document[position : max(position, heading.start)].strip():
            return False
        position = heading.end
    return not document[position:end].strip()


def _first_visible(document: str, start: int, end: int) -> int:
    rest = document[start:end]
    return start + len(rest) - len(rest.lstrip())
