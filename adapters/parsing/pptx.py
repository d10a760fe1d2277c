"""PowerPoint presentations: each slide is a page, with its text, tables, charts and notes."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

from adapters.parsing.archive import open_archive
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    numbered,
    paged,
    refusing,
)
from adapters.parsing.markdown_table import markdown_table
from adapters.parsing.plain_text import visible

MAX_SLIDES: Final = 5000
_DEEPEST_GROUP: Final = 20
_ROW_HEIGHT: Final = 914_400 // 4
"""Shapes whose tops lie within a quarter of an inch stand side by side (914,400 EMU an inch)."""


def parse_pptx(file: BinaryIO) -> ParsedDocument:
    """Slides in order. A hidden slide is left out, and named; so is one that is damaged."""
    open_archive(file).close()
    file.seek(0)
    with refusing(_damaged()):
        slides = list(Presentation(file).slides)
    if len(slides) > MAX_SLIDES:
        raise UnreadableDocument(
            Unreadable.TOO_LARGE,
            f"The presentation has {len(slides)} slides; {MAX_SLIDES} are the most: split it.",
        )
    pages: list[str] = []
    hidden: list[int] = []
    broken: list[int] = []
    for number, slide in enumerate(slides, 1):
        page = ""
        if slide.element.get("show") in ("0", "false"):
            hidden.append(number)
        else:
            try:
                with refusing(_damaged()):
                    page = _slide(slide)
            except UnreadableDocument:  # one damaged slide does not cost the others
                broken.append(number)
        pages.append(page)
    if not any(pages):
        if broken:
            raise _damaged()
        raise UnreadableDocument(
            Unreadable.EMPTY,
            "The presentation has no text; text in pictures is not read."
            + (" Hidden slides were left out." if hidden else ""),
        )
    warnings = [
        f"Slides that are {what} were left out: {numbered(numbers)}."
        for what, numbers in (("hidden", hidden), ("damaged", broken))
        if numbers
    ]
    return paged(pages, warnings=warnings)


def _slide(slide: Any) -> str:
    blocks: list[str] = []
    title = slide.shapes.title
    heading = _line(title.text_frame.text) if title is not None else ""
    if heading:
        blocks.append(f"# {heading}")
    for shape in _in_reading_order(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        blocks += _blocks(shape)
    if slide.has_notes_slide:
        frame = slide.notes_slide.notes_text_frame
        notes = _paragraphs(frame) if frame is not None else ""
        if notes:
            blocks.append(f"Notes: {notes}")
    return "\n\n".join(block for block in blocks if block)


def _in_reading_order(shapes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    """From top to bottom, from left to right; a group's shapes stay together."""
    # A placeholder without a position of its own takes its layout's; without any it comes first.
    placed = sorted(shapes, key=lambda s: ((s.top or 0) // _ROW_HEIGHT, s.left or 0))
    for shape in placed:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            if depth < _DEEPEST_GROUP:
                yield from _in_reading_order(shape.shapes, depth + 1)
        elif not _is_hidden(shape):
            yield shape


def _is_hidden(shape: Any) -> bool:
    properties = shape._element._nvXxPr.cNvPr  # python-pptx has no public name
    return properties.get("hidden") in ("1", "true")


def _blocks(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_table", False):
        yield markdown_table(
            [[visible(cell.text) for cell in row.cells] for row in shape.table.rows]
        )
    elif getattr(shape, "has_chart", False):
        yield _chart(shape.chart)
    elif shape.has_text_frame:
        yield _paragraphs(shape.text_frame)


def _paragraphs(frame: Any) -> str:
    """Paragraphs of a text box; indented ones are the points of a list."""
    lines: list[str] = []
    for paragraph in frame.paragraphs:
        text = _line("".join(run.text for run in paragraph.runs) or paragraph.text)
        if text:
            indent = "  " * (paragraph.level - 1) + "- " if paragraph.level else ""
            lines.append(indent + text)
    return "\n".join(lines)


def _chart(chart: Any) -> str:
    """A chart's numbers as the table that it draws, whatever it looks like."""
    title = _line(chart.chart_title.text_frame.text) if chart.has_title else ""
    columns: list[tuple[str, dict[str, str]]] = []
    categories: dict[str, None] = {}
    for series in chart._chartSpace.xpath(".//c:ser"):  # it knows no series of 3D charts otherwise
        names = _points(series, "./c:cat//c:pt | ./c:xVal//c:pt")
        values = _points(series, "./c:val//c:pt | ./c:yVal//c:pt")
        name = " ".join(_line(value.text or "") for value in series.xpath("./c:tx//c:v"))
        columns.append((name, {names.get(index, index): v for index, v in values.items()}))
        categories.update(dict.fromkeys(names.get(index, index) for index in values))
    rows = [["", *(name for name, _ in columns)]]
    rows += [[each, *(values.get(each, "") for _, values in columns)] for each in categories]
    return "\n\n".join(part for part in (title, markdown_table(rows)) if part)


def _points(series: Any, path: str) -> dict[str, str]:
    """Values by their index."""
    return {point.get("idx"): _line(point.findtext("{*}v") or "") for point in series.xpath(path)}


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def _damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED,
        "The presentation is damaged: open it in PowerPoint, save it again and upload that.",
    )
