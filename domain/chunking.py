"""Cuts a document's Markdown into passages that can be cited.

Cuts fall on the highest boundary that fits (heading, block, sentence, word). A question among the
headings begins a passage of its own, with its answer, and so does a page, unless a sentence goes on
there: whoever cites a passage names its page. A table that does not fit is cut between its rows,
and each passage of it knows the names of the columns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from semantic_text_splitter import MarkdownSplitter

from domain.markdown_outline import Heading, Outline, TableLines, outline_of


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """In tokens."""

    target: int
    """A chunk that reached this size takes in no further boundary."""
    most: int
    overlap: int
    """With its neighbour, so that a sentence at a border is whole in one of them."""

    @property
    def most_of_columns(self) -> int:
        """Of the column names that are put before rows; a wider table loses the last ones."""
        return self.most // 3


PASSAGES: Final = ChunkSizes(target=400, most=480, overlap=50)
"""What a model is shown and a person is pointed to: a subject with what belongs to it."""

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
    sizes: ChunkSizes = PASSAGES,
) -> list[Chunk]:
    """Cut a document into passages, in order, none of them blank.

    Args:
        document: Markdown; plain text is Markdown without marks.
        count_tokens: tokens of a text.
        page_starts: offset of each page's first character, ascending, the first one 0.
        sizes: of the passages.
    """
    outline = outline_of(document)
    headings = outline.headings
    heading_starts = [heading.start for heading in headings]
    pieces = [
        piece
        for piece in _Cutter(document, outline, sizes, count_tokens).pieces(page_starts or ())
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


@dataclass(frozen=True, slots=True)
class _Cutter:
    document: str
    outline: Outline
    sizes: ChunkSizes
    count_tokens: Callable[[str], int]

    def pieces(self, page_starts: Sequence[int]) -> Iterator[_Piece]:
        sizes, document, outline = self.sizes, self.document, self.outline
        splitter = MarkdownSplitter.from_callback(
            self.count_tokens, (sizes.target, sizes.most), overlap=sizes.overlap
        )
        pages = [start for start in page_starts if _begins_afresh(document, start, outline.tables)]
        cuts = sorted({*_questions(outline.headings), *pages})
        position = 0
        tables = [
            table
            for table in outline.tables
            if self.count_tokens(document[table.start : table.end]) > sizes.most
        ]
        for table in [*tables, None]:
            end = len(document) if table is None else table.start
            inner = cuts[bisect_right(cuts, position) : bisect_left(cuts, end)]
            for start, stop in zip([position, *inner], [*inner, end], strict=True):
                for offset, text in splitter.chunk_indices(document[start:stop]):
                    yield _Piece(start + offset, start + offset + len(text))
            if table is not None:
                yield from self._rows(table)
                position = table.end

    def _rows(self, table: TableLines) -> Iterator[_Piece]:
        """A table in pieces: the first begins with its header, the others know its names."""
        header = self.document[table.start : table.body]
        columns = self._columns(header)
        names = self.count_tokens(columns)
        start, end, size = table.start, table.body, self.count_tokens(header)
        target = self.sizes.target
        for row_start, row_end in table.rows:
            row = self.count_tokens(self.document[row_start:row_end])
            known = 0 if start < table.body else names
            if start < end and size + row + known > (target if row < target else 0):
                yield from self._within(table, start, end, columns)
                start, size = row_start, 0
            size += row
            end = row_end
        yield from self._within(table, start, end, columns)

    def _within(self, table: TableLines, start: int, end: int, columns: str) -> Iterator[_Piece]:
        """These rows as one piece; several when they are a single one that is too long, or a
        header."""
        first = start < table.body
        most = self.sizes.most
        room = most - self.count_tokens(columns)
        rows = self.document[start:end]
        if self.count_tokens(rows) <= (most if first else room):
            yield _Piece(start, start + len(rows.rstrip()), None if first else columns)
            return
        splitter = MarkdownSplitter.from_callback(self.count_tokens, room)
        for number, (offset, text) in enumerate(splitter.chunk_indices(rows)):
            yield _Piece(
                start + offset,
                start + offset + len(text),
                None if first and number == 0 else columns,
            )

    def _columns(self, header: str) -> str:
        """Names of the columns as one line, as many as there is room for."""
        cells = [" ".join(cell.split()) for cell in header.partition("\n")[0].strip().split("|")]
        names = " | ".join(cell for cell in cells if cell)
        while self.count_tokens(names) > self.sizes.most_of_columns:
            shorter = names.rpartition(" | ")[0]
            names = shorter or names[: len(names) // 2]
        return names


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
