"""Tells what a file is by its bytes. Names and declared types are hints from strangers."""

import csv
import io
import re
import zipfile
from typing import BinaryIO, Final, Literal

from adapters.parsing.decoding import decoded
from adapters.parsing.document import (
    Unreadable,
    UnreadableDocument,
    UnsupportedDocument,
    damaged,
    protected,
    refusing,
)
from adapters.parsing.other_kinds import kind_of_compound_file, name_of_binary

Kind = Literal["pdf", "docx", "pptx", "xlsx", "epub", "html", "csv", "json", "text"]

TEXTUAL: Final[frozenset[Kind]] = frozenset(["html", "csv", "json", "text"])

SUPPORTED: Final = (
    "Upload it as PDF, DOCX, PPTX, XLSX, CSV, HTML, EPUB, JSON, Markdown or plain text."
)

_HEAD_BYTES: Final = 64 * 1024
_PDF_HEADER_WITHIN: Final = 1024
"""Readers accept the header anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13)."""

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")

_OFFICE: Final[tuple[tuple[str, Kind], ...]] = (
    ("word/", "docx"),
    ("ppt/", "pptx"),
    ("xl/", "xlsx"),
)
"""The folder of an Office file's parts; the part with the text goes by several names."""

_OTHER_MEMBERS: Final = (
    ("xl/workbook.bin", "a binary Excel workbook", "Save it as XLSX and upload that."),
    ("content.xml", "an OpenDocument file", "Save it as DOCX, XLSX, PPTX or PDF and upload that."),
    ("Index/", "an Apple iWork file", "Export it as PDF or to Office and upload that."),
    ("Index.zip", "an Apple iWork file", "Export it as PDF or to Office and upload that."),
    ("FixedDocSeq.fdseq", "an XPS document", "Print it to PDF and upload that."),
    ("FixedDocumentSequence.fdseq", "an XPS document", "Print it to PDF and upload that."),
    ("AndroidManifest.xml", "a program", SUPPORTED),
    ("META-INF/MANIFEST.MF", "a program", SUPPORTED),
)

_BEFORE: Final = r"(?:<\?xml[^>]*>|<!doctype svg[^>]*>|<!--.*?-->|\s++)*+"
"""What may stand before a page's first element; none of it is tried twice."""
_PAGE: Final = re.compile(_BEFORE + r"<(!doctype\s+html|html|head|body)(?=[\s>/])", re.I | re.S)
_FRAGMENT: Final = re.compile(
    _BEFORE + r"<(title|meta|article|main|section|header|div|p|h[1-6]|table|ul|ol|dl)(?=[\s>/])",
    re.I | re.S,
)
_PICTURE: Final = re.compile(_BEFORE + r"<svg\b", re.I | re.S)
_MARKDOWN_LINE: Final = re.compile(r"^(#{1,6} |```|[-*+] |\d+\. |\[[^\]\n]+\]\()", re.M)

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 40
_LONGEST_COLUMN_NAME: Final = 120


def sniff(content: bytes) -> Kind:
    """The kind of a file that is read here; otherwise an error that names what it seems to be."""
    return sniff_file(io.BytesIO(content))


def sniff_file(file: BinaryIO) -> Kind:
    """As `sniff`. Only the beginning is read, and an archive's list of members."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head.strip() and not file.read(1):
        raise UnreadableDocument(Unreadable.EMPTY, "The file is empty.")
    # Before a PDF is looked for: pictures of a Mac hold one near their beginning.
    if name := name_of_binary(head):
        raise UnsupportedDocument(f"This is {name}, which cannot be read as text. {SUPPORTED}")
    if b"%PDF-" in head[:_PDF_HEADER_WITHIN]:
        return "pdf"
    if head.startswith(_ZIP):
        return _kind_of_zip(file)
    if other := kind_of_compound_file(file, head):
        raise protected() if other == "protected" else UnsupportedDocument(other)
    return _kind_of_text(head)


def _kind_of_zip(file: BinaryIO) -> Kind:
    with refusing(damaged()), zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        is_book = "mimetype" in names and archive.getinfo("mimetype").file_size < 100
        mimetype = archive.read("mimetype") if is_book else b""
    if mimetype.strip() == b"application/epub+zip" or "META-INF/container.xml" in names:
        return "epub"
    for member, name, advice in _OTHER_MEMBERS:
        if any(entry.startswith(member) for entry in names):
            raise UnsupportedDocument(f"This is {name}. {advice}")
    for folder, kind in _OFFICE:
        if any(entry.replace("\\", "/").lstrip("/").startswith(folder) for entry in names):
            return kind
    raise UnsupportedDocument(
        f"This is a compressed archive: unpack it and upload the files in it. {SUPPORTED}"
    )


def _kind_of_text(head: bytes) -> Kind:
    text = decoded(head)
    if text is None:
        return "text"  # its parser sees the whole of it, and says so when it is none
    text = text.lstrip("\ufeff")
    if _PICTURE.match(text):
        raise UnsupportedDocument(f"This is an image, which cannot be read as text. {SUPPORTED}")
    if _PAGE.match(text) or (_FRAGMENT.match(text) and not _MARKDOWN_LINE.search(text)):
        return "html"
    if text.lstrip()[:1] in ("{", "["):
        return "json"
    return "csv" if delimiter_of(text) else "text"


def delimiter_of(text: str) -> str | None:
    """What separates the columns of a table in text; `None` when it does not look like one.

    Every row has as many cells as the first, which names the columns.
    """
    lines = text[:_HEAD_BYTES].splitlines()
    declared = re.fullmatch(r"sep=(.)", lines[0].strip("\ufeff ")) if lines else None
    if declared:
        return declared[1]
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith(("|", "#", ">", "- ", "* ")):
        return None
    fitting = [mark for mark in _DELIMITERS if _is_table(text, mark)]
    return max(fitting, key=first.count, default=None)


def _is_table(text: str, delimiter: str) -> bool:
    try:
        reader = csv.reader(io.StringIO(text[:_HEAD_BYTES], newline=""), delimiter=delimiter)
        rows = [row for row, _ in zip(reader, range(_SAMPLE_ROWS + 1), strict=False)]
    except csv.Error:
        return False
    if len(text) > _HEAD_BYTES // 4 and len(rows) <= _SAMPLE_ROWS:
        rows = rows[:-1]  # the sample ends within it
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    names = [cell.strip() for cell in rows[0]]
    named = [name for name in names if name]
    if len(set(named)) < len(named) or len(named) * 2 < len(names):
        return False
    if any(len(name) > _LONGEST_COLUMN_NAME for name in named):
        return False
    even = sum(1 for row in rows[1:] if len(row) == len(rows[0]))
    if even < 0.9 * (len(rows) - 1):
        return False
    # Sentences with as many commas each are followed by blanks; cells hardly ever are.
    spaced = sum(cell.startswith(" ") for row in rows for cell in row[1:])
    return len(rows) > 3 or spaced * 2 < sum(len(row) - 1 for row in rows)
