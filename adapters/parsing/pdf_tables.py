"""Tables of a PDF, told by their ruling lines."""

import io
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, BinaryIO, Final, NamedTuple, cast

import pypdfium2.raw as pdfium

from adapters.parsing.document import TookTooLong, UnreadableDocument, damaged, refusing
from adapters.parsing.pdf_columns import Box, around

_MOST_OBJECTS: Final = 3000
"""A page that draws more is a map or a plan."""
_THIN: Final = 2.5
_LONG: Final = 12.0
_FEWEST_LINES: Final = 2
_SEGMENTS_OF_A_GRID: Final = 8
_FEWEST_CELLS: Final = 4
_SAME_EDGE: Final = 3.0
_SHORTEST: Final = 0.05
_AGAIN: Final = 1.0


class Grid(NamedTuple):
    """A table as its lines draw it: where it stands, and where its cells do."""

    box: Box
    cells: tuple[Box, ...]


@dataclass(slots=True)
class FoundGrids:
    grids: dict[int, list[Grid]] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    """Pages on which there was no time to look."""

    def goes_on(self, number: int) -> bool:
        """Whether the first grid of a page is as wide as the last one of the page before."""
        above = max(self.grids.get(number - 1, ()), key=lambda grid: grid.box.bottom, default=None)
        below = min(self.grids.get(number, ()), key=lambda grid: grid.box.top, default=None)
        return (
            above is not None
            and below is not None
            and abs(above.box.left - below.box.left) < _SAME_EDGE
            and abs(above.box.right - below.box.right) < _SAME_EDGE
        )


def is_ruled(page: Any) -> bool:
    """Whether a page has lines or boxes that may be a table's. Quick, and wrong now and then."""
    across = upright = 0
    for number, drawn in enumerate(
        page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_PATH,), max_depth=3)
    ):
        if number >= _MOST_OBJECTS:
            return False
        left, bottom, right, top = drawn.get_bounds()
        width, height = right - left, top - bottom
        is_grid = pdfium.FPDFPath_CountSegments(drawn.raw) >= _SEGMENTS_OF_A_GRID
        weight = _FEWEST_LINES if is_grid else 1
        if width >= _LONG:
            across += weight
        if height >= _LONG or (height > _THIN and width <= _THIN):
            upright += weight
        if across >= _FEWEST_LINES and upright >= _FEWEST_LINES:
            return True
    return False


def grids_on(file: BinaryIO, numbers: Sequence[int], *, seconds: float) -> FoundGrids:
    """Grids on these pages, from 0, as far as the time goes."""
    import pdfplumber  # it takes long to import, and most documents have no table

    found = FoundGrids()
    remaining = list(numbers)
    file.seek(0)
    try:
        with (
            _no_longer_than(seconds),
            refusing(damaged()),
            pdfplumber.open(
                cast(io.BytesIO, file), pages=[number + 1 for number in numbers]
            ) as document,
        ):
            for page in document.pages:
                number = page.page_number - 1
                if grids := _grids(page):
                    found.grids[number] = grids
                remaining.remove(number)
                page.close()
    except (TookTooLong, MemoryError, UnreadableDocument, RecursionError):
        found.left_out = remaining
    return found


def _grids(page: Any) -> list[Grid]:
    left, top = page.mediabox[:2]
    try:
        with refusing(damaged()):
            found = [[Box(*cell) for cell in table.cells] for table in page.find_tables()]
    except UnreadableDocument:
        return []  # its text is read all the same
    grids: list[Grid] = []
    for cells in sorted(found, key=len, reverse=True):
        moved = tuple(
            Box(c.left - left, c.top - top, c.right - left, c.bottom - top) for c in cells
        )
        grid = Grid(around(moved), moved)
        # A table in a cell of another one is read as that cell's text.
        if len(moved) >= _FEWEST_CELLS and not any(other.box.holds(grid.box) for other in grids):
            grids.append(grid)
    return grids


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Ends what runs by `TookTooLong`; again and again, should a library swallow it."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, _SHORTEST), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
