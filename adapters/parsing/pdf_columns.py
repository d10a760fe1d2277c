"""The order in which a person reads the pieces of a page: column after column.

Boxes are measured from the top left corner of the page as it is shown, in points.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

_BIN: Final = 2.0
_NARROWEST_GUTTER: Final = 6.0
_FEWEST_LINES: Final = 4
_SPANNING_SHARE: Final = 0.3
"""Of the lines, at most so many run across both columns: titles, footers, wide figures."""
_COLUMN_SHARE: Final = 0.2
"""Of the width; narrower ones are the prices or numbers of a table, which is read by rows."""
_FILLED_SHARE: Final = 0.5
"""Of its column, a line of prose fills at least so much; cells of a table are shorter."""
_NARROWEST_LINE: Final = 70.0
_SIDE_BY_SIDE_SHARE: Final = 0.5
_DEEPEST: Final = 4


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    def holds(self, other: "Box") -> bool:
        """Whether the middle of another box lies in this one."""
        across = (other.left + other.right) / 2
        return self.left <= across <= self.right and self.top <= other.middle <= self.bottom


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of these."""
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


class Placed(NamedTuple):
    """Something that is written at a place: a piece of a line, or a table."""

    box: Box
    text: str


def is_read_across(boxes: Sequence[Box]) -> bool:
    """Whether boxes in the order of the file jump between columns, line for line."""
    gutter = _gutter(boxes)
    if gutter is None:
        return False
    start, end = gutter
    sides = [box.left >= end for box in boxes if box.right <= start or box.left >= end]
    jumps = sum(1 for before, after in pairwise(sides) if before is not after)
    return jumps > max(3, len(sides) // 8)


def rows_in_order(pieces: Sequence[Placed], depth: int = 0) -> list[list[Placed]]:
    """Rows of pieces that stand side by side, in the order in which they are read."""
    gutter = _gutter([piece.box for piece in pieces]) if depth < _DEEPEST else None
    if gutter is None:
        return _rows(pieces)
    start, end = gutter
    left = [piece for piece in pieces if piece.box.right <= start]
    right = [piece for piece in pieces if piece.box.left >= end]
    beside = {id(piece) for piece in (*left, *right)}
    spanning = sorted(
        (piece for piece in pieces if id(piece) not in beside), key=lambda piece: piece.box.top
    )
    ordered: list[list[Placed]] = []
    above = float("-inf")
    for row in [*_rows(spanning), None]:
        below = float("inf") if row is None else row[0].box.middle
        for side in (left, right):
            band = [piece for piece in side if above <= piece.box.middle < below]
            ordered += rows_in_order(band, depth + 1)
        if row is not None:
            ordered.append(row)
        above = below
    return ordered


def _rows(pieces: Sequence[Placed]) -> list[list[Placed]]:
    rows: list[list[Placed]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.box.middle, piece.box.left)):
        last = rows[-1][-1].box if rows else None
        if last is not None and abs(piece.box.middle - last.middle) < 0.5 * min(
            piece.box.height, last.height
        ):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box.left) for row in rows]


def _gutter(boxes: Sequence[Box]) -> tuple[float, float] | None:
    """Where the emptiest band between two columns of prose begins and ends."""
    boxes = [box for box in boxes if box.width > 0]
    if len(boxes) < 2 * _FEWEST_LINES:
        return None
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    width = right - left
    count = int(width / _BIN) + 1
    covered = [0] * (count + 1)
    for box in boxes:
        covered[int((box.left - left) / _BIN)] += 1
        covered[min(count, int((box.right - left) / _BIN) + 1)] -= 1
    for position in range(1, count + 1):
        covered[position] += covered[position - 1]
    first, last = int(count * _COLUMN_SHARE), int(count * (1 - _COLUMN_SHARE))
    inner = covered[first:last]
    if not inner or min(inner) > _SPANNING_SHARE * len(boxes):
        return None
    start, length = _longest_run(inner, min(inner))
    if length * _BIN < _NARROWEST_GUTTER:
        return None
    gutter = left + (first + start) * _BIN, left + (first + start + length) * _BIN
    return gutter if _parts_prose(boxes, gutter, width) else None


def _parts_prose(boxes: Sequence[Box], gutter: tuple[float, float], width: float) -> bool:
    sides = (
        [box for box in boxes if box.right <= gutter[0]],
        [box for box in boxes if box.left >= gutter[1]],
    )
    for side in sides:
        if len(side) < _FEWEST_LINES:
            return False
        column = max(box.right for box in side) - min(box.left for box in side)
        typical = median(box.width for box in side)
        if column < _COLUMN_SHARE * width or typical < max(_FILLED_SHARE * column, _NARROWEST_LINE):
            return False
    spans = [(min(b.top for b in side), max(b.bottom for b in side)) for side in sides]
    shared = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
    return shared >= _SIDE_BY_SIDE_SHARE * min(bottom - top for top, bottom in spans)


def _longest_run(values: Sequence[int], value: int) -> tuple[int, int]:
    best = (0, 0)
    start = None
    for position, each in enumerate([*values, None]):
        if each == value:
            start = position if start is None else start
        elif start is not None:
            best = max(best, (start, position - start), key=lambda run: run[1])
            start = None
    return best
