"""Where the headings and tables of a Markdown document are, in characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt

MAX_HEADING_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Heading:
    start: int
    end: int
    level: int
    title: str
    path: str
    """Titles of the headings that lead to it, outermost first, joined by ` > `."""


@dataclass(frozen=True, slots=True)
class TableLines:
    """A table that is not within another block."""

    start: int
    body: int
    """Where its first row begins, after the header and the line under it."""
    end: int
    rows: tuple[tuple[int, int], ...]
    """Start and end of each row, its line end included."""


@dataclass(frozen=True, slots=True)
class Outline:
    headings: Sequence[Heading]
    tables: Sequence[TableLines]


def outline_of(document: str) -> Outline:
    """Headings with their paths, and tables; marks in code blocks are none."""
    # Other line endings become one that keeps every offset. Only blocks are parsed: inline marks in
    # a heading stay as they are written.
    source = document.replace("\r\n", " \n").replace("\r", "\n")
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(source)
    line_starts = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
    line_starts[-1] = len(document)  # the last line has no end
    open_levels: list[tuple[int, str]] = []
    headings: list[Heading] = []
    tables: list[TableLines] = []
    for position, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = (line_starts[line] for line in token.map)
        if token.type == "heading_open":
            level = int(token.tag.removeprefix("h"))
            title = " ".join(tokens[position + 1].content.split())
            open_levels = [(above, name) for above, name in open_levels if above < level]
            open_levels.append((level, title))
            path = " > ".join(name for _, name in open_levels if name)
            if path:
                headings.append(Heading(start, end, level, title, path[:MAX_HEADING_CHARACTERS]))
        elif token.type == "table_open" and token.level == 0:
            lines = line_starts[token.map[0] : token.map[1] + 1]
            tables.append(
                TableLines(start, lines[min(2, len(lines) - 1)], end, tuple(pairwise(lines[2:])))
            )
    return Outline(headings, tables)
