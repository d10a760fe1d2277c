"""The text layer of a PDF, page by page."""

from typing import Final

import pypdfium2

from adapters.parsing.document import ParsedDocument, Unreadable, UnreadableDocument
from adapters.parsing.plain_text import visible

MAX_PAGES: Final = 5000

_PASSWORD_ERROR: Final = 4
"""FPDF_ERR_PASSWORD in PDFium's fpdfview.h."""
_SECURITY_ERROR: Final = 5
"""FPDF_ERR_SECURITY: an encryption scheme that it does not know."""

_BROKEN_WORD: Final = "\ufffe"
"""PDFium puts it where a hyphen broke a word at the end of a line."""


def parse_pdf(content: bytes) -> ParsedDocument:
    """Pages in order, a blank line between them; words broken at a line's end are whole again."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise _unreadable(error) from error
    with document:
        if len(document) > MAX_PAGES:
            raise UnreadableDocument(
                Unreadable.TOO_LARGE,
                f"The PDF has {len(document)} pages; {MAX_PAGES} are the most: split it.",
            )
        pages = [_page_text(document, number) for number in range(len(document))]
    if not any(pages):
        raise UnreadableDocument(
            Unreadable.SCANNED,
            "The PDF has no text, probably because it was scanned: "
            "run text recognition (OCR) on it and upload the result.",
        )
    starts: list[int] = []
    text = ""
    parts: list[str] = []
    length = 0
    for page in pages:
        starts.append(length)
        parts.append(page + "\n\n" if page else "")
        length += len(parts[-1])
    text = "".join(parts).rstrip("\n")
    return ParsedDocument(text=text, page_starts=tuple(starts))


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    try:
        raw: str = document[number].get_textpage().get_text_range()
    except pypdfium2.PdfiumError:
        return ""  # one damaged page does not cost the others
    return visible(raw.replace(_BROKEN_WORD, "")).strip()


def _unreadable(error: pypdfium2.PdfiumError) -> UnreadableDocument:
    match error.err_code:
        case int(code) if code in (_PASSWORD_ERROR, _SECURITY_ERROR):
            return UnreadableDocument(
                Unreadable.PROTECTED,
                "The PDF is protected with a password: remove it and upload the file again.",
            )
        case _:
            return UnreadableDocument(
                Unreadable.DAMAGED,
                "The file is not a complete PDF: it is damaged or was cut off. Upload it again.",
            )
