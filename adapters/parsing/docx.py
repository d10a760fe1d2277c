"""Word documents: headings, lists and tables become Markdown, pictures and layout are left out."""

import io
import zipfile
from typing import Final

import mammoth

from adapters.parsing.document import ParsedDocument, Unreadable, UnreadableDocument
from adapters.parsing.html_to_markdown import html_to_markdown
from adapters.parsing.plain_text import visible

MAX_ENTRIES: Final = 10_000
MAX_UNCOMPRESSED_BYTES: Final = 500 * 1024 * 1024
MAX_XML_BYTES: Final = 64 * 1024 * 1024
"""Of the parts that are read into memory as trees, which are some ten times their size."""
MAX_RATIO: Final = 200
"""Real XML shrinks to a tenth or a twentieth; a bomb to a thousandth."""
RATIO_COUNTS_FROM: Final = 1024 * 1024


def parse_docx(content: bytes) -> ParsedDocument:
    """The body of a DOCX as Markdown. The archive is judged before it is unpacked."""
    _refuse_bombs(content)
    try:
        html = mammoth.convert_to_html(io.BytesIO(content), convert_image=lambda _image: []).value
    except (
        Exception
    ) as error:  # mammoth lets whatever zipfile, its XML reader and its own code raise pass
        raise UnreadableDocument(
            Unreadable.DAMAGED,
            "The Word document is damaged: open it in Word, save it again and upload that.",
        ) from error
    text = visible(html_to_markdown(html)).strip()
    if not text:
        raise UnreadableDocument(Unreadable.EMPTY, "The Word document has no text.")
    return ParsedDocument(text=text)


def _refuse_bombs(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableDocument(
            Unreadable.DAMAGED, "The file is damaged or incomplete: upload it again."
        ) from error
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise UnreadableDocument(
            Unreadable.PROTECTED,
            "The document is protected with a password: remove it and upload the file again.",
        )
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    inflates = any(
        entry.file_size > RATIO_COUNTS_FROM
        and entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
        for entry in entries
    )
    if (
        inflates
        or len(entries) > MAX_ENTRIES
        or xml > MAX_XML_BYTES
        or sum(entry.file_size for entry in entries) > MAX_UNCOMPRESSED_BYTES
    ):
        raise UnreadableDocument(
            Unreadable.BOMB,
            "The document would unpack to far more than a document holds, so it was not opened.",
        )
