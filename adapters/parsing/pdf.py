"""The text layer of a PDF, page by page, in reading order, with its ruled tables."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import pypdfium2
import pypdfium2.raw as pdfium

from adapters.parsing.cost import cpu_seconds_left
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    numbered,
    paged,
    protected,
    refusing,
)
from adapters.parsing.pdf_columns import is_read_across
from adapters.parsing.pdf_continued import with_header_of
from adapters.parsing.pdf_layout import is_upright, laid_out, run_boxes
from adapters.parsing.pdf_tables import grids_on, is_ruled
from adapters.parsing.plain_text import visible

MAX_PAGES: Final = 5000

_PASSWORD_ERROR: Final = 4
"""FPDF_ERR_PASSWORD in PDFium's fpdfview.h."""
_SECURITY_ERROR: Final = 5
"""FPDF_ERR_SECURITY: an encryption scheme that it does not know."""

_BROKEN_WORD: Final = "\ufffe"
"""PDFium puts it where a hyphen broke a word at the end of a line."""

_LAYOUT_SHARE: Final = 0.3
"""Of the CPU time; when it is spent, the rest of the pages is taken in the order of the file."""
_TABLES_SHARE: Final = 0.5
"""Of it, in seconds that pass: on a busy machine too, time remains for the text."""

_SCANNED_ADVICE: Final = "run text recognition (OCR) on it and upload the result"


@dataclass(slots=True)
class _Page:
    text: str = ""
    is_scanned: bool = False
    is_ruled: bool = False
    is_damaged: bool = False
    was_hurried: bool = False
    """Nobody had the time to look for columns and tables."""


def parse_pdf(file: BinaryIO) -> ParsedDocument:
    """Pages in order, a blank line between them; words broken at a line's end are whole again.

    Pages without text are named in a warning; when all of them are, there is no document.
    """
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        raise _unreadable(error) from error
    with document:
        if len(document) > MAX_PAGES:
            raise UnreadableDocument(
                Unreadable.TOO_LARGE,
                f"The PDF has {len(document)} pages; {MAX_PAGES} are the most: split it.",
            )
        layout_until = time.process_time() + cpu_seconds_left() * _LAYOUT_SHARE
        pages = [_read(document, number, layout_until) for number in range(len(document))]
        _require_text(pages)
        _add_tables(document, file, pages)
        labels = [document.get_page_label(number) for number in range(len(document))]
    plain = [str(number) for number in range(1, len(pages) + 1)]
    has_labels = any(labels) and labels != plain
    return paged(
        [page.text for page in pages],
        labels=[visible(a) or b for a, b in zip(labels, plain, strict=True)]
        if has_labels
        else None,
        warnings=_warnings(pages),
    )


def _read(document: pypdfium2.PdfDocument, number: int, layout_until: float) -> _Page:
    try:
        page = document[number]
        textpage = page.get_textpage()
        raw: str = textpage.get_text_range()
    except pypdfium2.PdfiumError:
        return _Page(is_damaged=True)  # one damaged page does not cost the others
    text = _clean(raw)
    if not text:
        return _Page(is_scanned=_shows_something(page))
    if time.process_time() >= layout_until:
        return _Page(text=text, was_hurried=True)
    try:
        with refusing(_damaged()):
            boxes = run_boxes(page, textpage)
            if is_read_across(boxes) or not is_upright(page, textpage):
                text = _clean(laid_out(page, textpage)) or text
            return _Page(text=text, is_ruled=is_ruled(page))
    except UnreadableDocument:
        return _Page(text=text)  # places that make no sense: it stays in the order of the file


def _add_tables(document: pypdfium2.PdfDocument, file: BinaryIO, pages: list[_Page]) -> None:
    """Write the tables of ruled pages as tables, where they stand."""
    ruled = [number for number, page in enumerate(pages) if page.is_ruled]
    if not ruled:
        return
    found = grids_on(file, ruled, seconds=cpu_seconds_left() * _TABLES_SHARE)
    for number, grids in found.grids.items():
        with suppress(UnreadableDocument), refusing(_damaged()):
            page = document[number]
            text = _clean(laid_out(page, page.get_textpage(), grids=grids)) or pages[number].text
            if found.goes_on(number):
                text = with_header_of(pages[number - 1].text, text)
            pages[number].text = text
    for number in found.left_out:
        pages[number].was_hurried = True


def _clean(raw: str) -> str:
    lines = visible(raw.replace(_BROKEN_WORD, "")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def _shows_something(page: Any) -> bool:
    return int(pdfium.FPDFPage_CountObjects(page.raw)) > 0


def _require_text(pages: list[_Page]) -> None:
    if any(page.text for page in pages):
        return
    if any(page.is_scanned for page in pages):
        raise UnreadableDocument(
            Unreadable.SCANNED,
            f"The PDF has no text, probably because it was scanned: {_SCANNED_ADVICE}.",
        )
    if any(page.is_damaged for page in pages):
        raise _damaged()
    raise UnreadableDocument(Unreadable.EMPTY, "The pages of the PDF are empty.")


def _warnings(pages: list[_Page]) -> list[str]:
    warnings: list[str] = []
    if scanned := [number for number, page in enumerate(pages, 1) if page.is_scanned]:
        warnings.append(
            "These pages have no text, probably because they were scanned or are pictures: "
            f"{numbered(scanned)}. To have them read, {_SCANNED_ADVICE}."
        )
    if hurried := [number for number, page in enumerate(pages, 1) if page.was_hurried]:
        warnings.append(
            "Columns and tables on these pages were read line by line, because the document has "
            f"too many of them: {numbered(hurried)}."
        )
    if broken := [number for number, page in enumerate(pages, 1) if page.is_damaged]:
        warnings.append(f"These pages are damaged and were left out: {numbered(broken)}.")
    return warnings


def _unreadable(error: pypdfium2.PdfiumError) -> UnreadableDocument:
    match error.err_code:
        case int(code) if code in (_PASSWORD_ERROR, _SECURITY_ERROR):
            return protected()
        case _:
            return _damaged()


def _damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED,
        "The file is not a complete PDF: it is damaged or was cut off. Upload it again.",
    )
