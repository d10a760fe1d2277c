"""Cuts a document's Markdown into passages that fit an embedding model and can be cited.

Cuts fall on the highest boundary that fits (heading, block, sentence, word), and neighbours overlap
a little, so that a sentence at a border is whole in one of them. A question among the headings
begins a passage of its own, with its answer, and so does a page, unless a sentence goes on there:
whoever cites a passage names its page. A table that does not fit is cut between its rows, and
each passage of it knows the names of the columns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter

from domain.markdown_outline import Heading, Outline, TableLines, outline_of

TARGET_TOKENS = 400
"""A passage that reached this size takes in no further boundary."""
MAX_TOKENS = 480
"""The E5 family reads 512 tokens of an input; the rest is room for the headings put before it."""
OVERLAP_TOKENS = 50
MAX_COLUMNS_TOKENS = 160
"""Of the column names that are put before rows; a wider table loses the last ones."""

_QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")
"""Latin, Chinese and Japanese, Arabic, Greek."""


_GOING_ON = (",", ";", "-", "\u2013", "\u060c", "\u3001")
"""Signs after which a sentence goes on on the next page; the last ones are Arabic and Chinese."""


_LOOKED_AT = 200
"""Characters on either side of a page's end; more than this of blanks is no sentence."""


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
    columns: str | None = None
    """Names of the columns when it begins with a later row of a table: `Size | Fee`."""

    @property
    def above(self) -> str | None:
        """What a reader would see above the passage: its headings, then the columns' names."""
        return " > ".join(part for part in (self.heading, self.columns) if part) or None


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    columns: str | None = None


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
    outline = outline_of(document)
    headings = outline.headings
    heading_starts = [heading.start for heading in headings]
    pieces = [
        piece
        for piece in _pieces(document, outline, count_tokens, page_starts or ())
        if document[piece.start : piece.end].strip()
    ]
    heading_ends = [heading.end for heading in headings]
    chunks: list[Chunk] = []
    previous_end = 0
    for number, piece in enumerate(pieces, 1):
        if number < len(pieces) and _only_headings(
            document, piece, headings, first=bisect_right(heading_ends, piece.start)
        ):
            continue  # the passages below carry it as their heading
        new = _first_visible(document, max(piece.start, previous_end), piece.end)
        above = bisect_right(heading_starts, new)
        chunks.append(
            Chunk(
                text=document[piece.start : piece.end],
                start=piece.start,
                end=piece.end,
                heading=headings[above - 1].path if above else None,
                page=bisect_right(page_starts, new) if page_starts else None,
                columns=piece.columns,
            )
        )
        previous_end = max(previous_end, piece.end)
    return chunks


def _pieces(
    document: str,
    outline: Outline,
    count_tokens: Callable[[str], int],
    page_starts: Sequence[int],
) -> Iterator[_Piece]:
    splitter = MarkdownSplitter.from_callback(
        count_tokens, (TARGET_TOKENS, MAX_TOKENS), overlap=OVERLAP_TOKENS
    )
    pages = [start for start in page_starts if _begins_afresh(document, start, outline.tables)]
    cuts = sorted({*_questions(outline.headings), *pages})
    position = 0
    tables = [
        table
        for table in outline.tables
        if count_tokens(document[table.start : table.end]) > MAX_TOKENS
    ]
    for table in [*tables, None]:
        end = len(document) if table is None else table.start
        inner = cuts[bisect_right(cuts, position) : bisect_left(cuts, end)]
        for start, stop in zip([position, *inner], [*inner, end], strict=True):
            for offset, text in splitter.chunk_indices(document[start:stop]):
                yield _Piece(start + offset, start + offset + len(text))
        if table is not None:
            yield from _rows(document, table, count_tokens)
            position = table.end


def _begins_afresh(document: str, start: int, tables: Sequence[TableLines]) -> bool:
    """Whether a page begins with something of its own, as far as the letters around tell."""
    if any(table.start < start < table.end for table in tables):
        return False
    around = start - _LOOKED_AT, start + _LOOKED_AT
    before = document[max(around[0], 0) : start].rstrip()
    after = document[start : around[1]].lstrip()
    goes_on = before.endswith(_GOING_ON) or (before[-1:].isalnum() and after[:1].islower())
    return not goes_on


def _questions(headings: Sequence[Heading]) -> list[int]:
    """Where a question begins, and where the section after it does."""
    cuts: list[int] = []
    question_level: int | None = None
    for heading in headings:
        is_question = heading.title.endswith(_QUESTION_MARKS)
        if is_question or (question_level is not None and heading.level <= question_level):
            cuts.append(heading.start)
            question_level = heading.level if is_question else None
    return cuts


def _rows(document: str, table: TableLines, count_tokens: Callable[[str], int]) -> Iterator[_Piece]:
    """A table in pieces: the first begins with its header, the others know its names."""
    columns = _columns(document[table.start : table.body], count_tokens)
    names = count_tokens(columns)
    start, size = table.start, count_tokens(document[table.start : table.body])
    end = table.body
    for row_start, row_end in table.rows:
        row = count_tokens(document[row_start:row_end])
        known = 0 if start < table.body else names
        if start < end and size + row + known > (TARGET_TOKENS if row < TARGET_TOKENS else 0):
            yield from _within(document, table, start, end, columns, count_tokens)
            start, size = row_start, 0
        size += row
        end = row_end
    yield from _within(document, table, start, end, columns, count_tokens)


def _within(
    document: str,
    table: TableLines,
    start: int,
    end: int,
    columns: str,
    count_tokens: Callable[[str], int],
) -> Iterator[_Piece]:
    """These rows as one piece; several when they are a single one that is too long, or a header."""
    first = start < table.body
    room = MAX_TOKENS - count_tokens(columns)
    if count_tokens(document[start:end]) <= (MAX_TOKENS if first else room):
        end = start + len(document[start:end].rstrip())
        yield _Piece(start, end, None if first else columns)
        return
    splitter = MarkdownSplitter.from_callback(count_tokens, room)
    for number, (offset, text) in enumerate(splitter.chunk_indices(document[start:end])):
        yield _Piece(
            start + offset,
            start + offset + len(text),
            None if first and number == 0 else columns,
        )


def _columns(header: str, count_tokens: Callable[[str], int]) -> str:
    """Names of the columns as one line, as many as there is room for."""
    cells = [" ".join(cell.split()) for cell in header.partition("\n")[0].strip().split("|")]
    names = " | ".join(cell for cell in cells if cell)
    while count_tokens(names) > MAX_COLUMNS_TOKENS:
        shorter = names.rpartition(" | ")[0]
        names = shorter or names[: len(names) // 2]
    return names


def _only_headings(
    document: str, piece: _Piece, headings: Sequence[Heading], *, first: int
) -> bool:
    """Whether nothing visible is left of the piece without its headings, which `first` begins."""
    position = piece.start
    for number in range(first, len(headings)):
        heading = headings[number]
        if heading.start >= piece.end:
            break
        if document[position : max(position, heading.start)].strip():
            return False
        position = heading.end
    return not document[position : piece.end].strip()


def _first_visible(document: str, start: int, end: int) -> int:
    rest = document[start:end]
    return start + len(rest) - len(rest.lstrip())
