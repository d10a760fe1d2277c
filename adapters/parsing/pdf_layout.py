"""Lays a PDF page out again from where its characters stand, for pages that need it.

PDFium gives text in the order of the file, which for most pages is the order of reading, and costs
a fortieth of this.
"""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pypdfium2.raw as pdfium

from adapters.parsing.markdown_table import markdown_table
from adapters.parsing.pdf_columns import Box, Placed, around, rows_in_order
from adapters.parsing.pdf_tables import Grid

_SAMPLED: Final = 12
_WIDEST_SPACE: Final = 0.9
"""Of the height of a line; a wider gap parts two pieces of text."""
_FILLED_SHARE: Final = 0.3
"""Of a table's cells have text, at the least: an empty grid is decoration."""
_SAME_EDGE: Final = 3.0
_BROKEN_WORD: Final = "\ufffe"
_HYPHENATED: Final = re.compile(r"(?<=[^\W\d_])[-\u2010]$")


def run_boxes(page: Any, textpage: Any) -> list[Box]:
    """Where each run of text stands, in the order of the file."""
    shown = _Shown(page)
    return [shown.box(*textpage.get_rect(number)) for number in range(textpage.count_rects())]


def is_upright(page: Any, textpage: Any) -> bool:
    """Whether text runs from left to right as the page is shown, judged by a sample of it."""
    count = textpage.count_chars()
    rotation = page.get_rotation()
    return all(
        _angle(textpage, position, rotation) == 0
        for position in range(0, count, max(1, count // _SAMPLED))
    )


def laid_out(page: Any, textpage: Any, *, grids: Sequence[Grid] = ()) -> str:
    """The page's text, column after column, each table in its place.

    Text that runs in another direction than most of the page comes last.
    """
    pieces = _pieces(page, textpage, [cell for grid in grids for cell in grid.cells])
    if not pieces:
        return ""
    sizes = Counter[int]()
    for piece in pieces:
        sizes[piece.angle] += len(piece.text)
    main = sizes.most_common(1)[0][0]
    tables = [table for grid in grids if (table := _table(grid, pieces, main))]
    in_tables = {cell for table in tables for cell in table.cells}
    parts: list[str] = []
    for angle, _ in sizes.most_common():
        placed = [
            Placed(_turned(piece.box, angle), piece.text)
            for piece in pieces
            if piece.angle == angle and piece.cell not in in_tables
        ]
        if angle == main:
            placed += [table.placed for table in tables]
        parts.append(_joined(rows_in_order(placed)))
    return "\n\n".join(part for part in parts if part)


class _Piece(NamedTuple):
    """Characters of one line without a wide gap, as the page is shown."""

    box: Box
    text: str
    angle: int
    cell: Box | None


class _Table(NamedTuple):
    placed: Placed
    cells: tuple[Box, ...]


def _table(grid: Grid, pieces: Sequence[_Piece], angle: int) -> _Table | None:
    """What a grid holds as a table, read at this angle; `None` when it is decoration."""
    texts: dict[Box, list[Placed]] = {}
    for piece in pieces:
        if piece.cell is not None:
            texts.setdefault(piece.cell, []).append(Placed(_turned(piece.box, angle), piece.text))
    cells = {cell: _turned(cell, angle) for cell in grid.cells}
    filled = [box for cell, box in cells.items() if cell in texts]
    tops = _edges([box.top for box in filled])
    lefts = _edges([box.left for box in filled])
    if min(len(tops), len(lefts)) < 2 or len(filled) < _FILLED_SHARE * len(cells):
        return None
    rows = [[""] * len(lefts) for _ in tops]
    for cell, box in cells.items():
        if cell in texts:
            text = _joined(rows_in_order(texts[cell]))
            rows[bisect_right(tops, box.top) - 1][bisect_right(lefts, box.left) - 1] += f" {text}"
    return _Table(Placed(_turned(grid.box, angle), markdown_table(rows)), grid.cells)


def _edges(values: Sequence[float]) -> list[float]:
    """Distinct edges; those that all but coincide are one, a little before the first of them."""
    edges: list[float] = []
    for value in sorted(values):
        if not edges or value - edges[-1] > _SAME_EDGE:
            edges.append(value - _SAME_EDGE / 2)
    return edges


class _Shown:
    """Turns places on a page into places on the page as it is shown."""

    def __init__(self, page: Any) -> None:
        self._rotation = page.get_rotation()
        self._left, self._bottom, self._right, self._top = page.get_mediabox()

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        match self._rotation:
            case 90:
                return Box(
                    bottom - self._bottom, left - self._left, top - self._bottom, right - self._left
                )
            case 180:
                return Box(
                    self._right - right,
                    bottom - self._bottom,
                    self._right - left,
                    top - self._bottom,
                )
            case 270:
                return Box(
                    self._top - top, self._right - right, self._top - bottom, self._right - left
                )
            case _:
                return Box(
                    left - self._left, self._top - top, right - self._left, self._top - bottom
                )


def _turned(box: Box, angle: int) -> Box:
    """A box as somebody sees it who reads text of this angle, clockwise in degrees."""
    match angle:
        case 90:
            return Box(box.top, -box.right, box.bottom, -box.left)
        case 180:
            return Box(-box.right, -box.bottom, -box.left, -box.top)
        case 270:
            return Box(-box.bottom, box.left, -box.top, box.right)
        case _:
            return box


def _angle(textpage: Any, position: int, rotation: int) -> int:
    """Of a character as the page is shown, clockwise, to the nearest right angle."""
    radians = pdfium.FPDFText_GetCharAngle(textpage.raw, position)
    if radians < 0:
        return 0  # PDFium's sign for a character that it made up, such as a blank
    return round((math.degrees(radians) + rotation) / 90) * 90 % 360


def _pieces(page: Any, textpage: Any, cells: Sequence[Box]) -> list[_Piece]:
    shown = _Shown(page)
    rotation = page.get_rotation()
    found: list[_Piece] = []
    text: list[str] = []
    run: list[Box] = []
    angle = 0
    cell: Box | None = None
    edges = pdfium.FS_RECTF()

    def end() -> None:
        written = "".join(text).strip(" ")
        if written and run:
            found.append(_Piece(around(run), written, angle, cell))
        text.clear()
        run.clear()

    for position in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(textpage.raw, position)
        character = chr(code) if 0 < code < 0x110000 else ""
        if character in "\r\n":
            end()
        elif character == " " or not pdfium.FPDFText_GetLooseCharBox(textpage.raw, position, edges):
            text.append(character)
        else:
            box = shown.box(edges.left, edges.bottom, edges.right, edges.top)
            its_cell = cell if cell is not None and cell.holds(box) else _holder(cells, box)
            if run and (
                its_cell != cell or _is_apart(_turned(run[-1], angle), _turned(box, angle))
            ):
                end()
            if not run:
                angle = _angle(textpage, position, rotation)
            cell = its_cell
            text.append(character)
            run.append(box)
    end()
    return found


def _holder(cells: Sequence[Box], box: Box) -> Box | None:
    return next((cell for cell in cells if cell.holds(box)), None)


def _is_apart(before: Box, after: Box) -> bool:
    height = max(before.height, after.height, 1.0)
    overlap = min(before.bottom, after.bottom) - max(before.top, after.top)
    gap = after.left - before.right
    return overlap < 0 or gap > _WIDEST_SPACE * height or gap < -2 * height


def _joined(rows: list[list[Placed]]) -> str:
    """Rows as lines; a table stands between blank lines; a word broken at a line's end is whole."""
    text = ""
    for row in rows:
        line = " ".join(piece.text for piece in row)
        if any("\n" in piece.text for piece in row):
            text = "\n\n".join(
                part for part in (text.rstrip("\n"), *(piece.text for piece in row)) if part
            )
            text += "\n\n"
            continue
        if text.endswith(_BROKEN_WORD) or (_HYPHENATED.search(text) and line[:1].islower()):
            text = text[:-1]
        elif text and not text.endswith("\n"):
            text += "\n"
        text += line
    return text
