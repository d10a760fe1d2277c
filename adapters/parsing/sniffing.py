"""Tells what a file is by its bytes. Names and declared types are hints from strangers."""

import io
import zipfile
from typing import Final, Literal

from adapters.parsing.document import Unreadable, UnreadableDocument, UnsupportedDocument

Kind = Literal["pdf", "docx", "text"]

SUPPORTED: Final = "Upload it as text, Markdown, PDF or DOCX."

_PDF_HEADER_WITHIN: Final = 1024
"""Readers accept the header anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13)."""

_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")

_OTHER: Final = (
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!\x1a\x07", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ\x00", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"OggS", "a sound recording"),
    (b"ID3", "a sound recording"),
    (b"SQLite format 3\x00", "a database"),
)

_ZIP_MEMBERS: Final = (
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("META-INF/container.xml", "an e-book"),
    ("content.xml", "an OpenDocument file"),
)


def sniff(content: bytes) -> Kind:
    """The kind of a file that is read here; otherwise an error that names what it seems to be."""
    if not content.strip():
        raise UnreadableDocument(Unreadable.EMPTY, "The file is empty.")
    if b"%PDF-" in content[:_PDF_HEADER_WITHIN]:
        return "pdf"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(content)
    if content.startswith(_COMPOUND_FILE):
        if _ENCRYPTED_PACKAGE in content:
            raise UnreadableDocument(
                Unreadable.PROTECTED,
                "The document is protected with a password: remove it and upload the file again.",
            )
        raise UnsupportedDocument(
            "This is a file of Office 2003 or older: save it as DOCX or PDF and upload that."
        )
    for magic, name in _OTHER:
        if content.startswith(magic):
            raise UnsupportedDocument(f"This is {name}, which cannot be read as text. {SUPPORTED}")
    start = content[:_PDF_HEADER_WITHIN].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnsupportedDocument(f"This is a web page. {SUPPORTED}")
    return "text"


def _kind_of_zip(content: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableDocument(
            Unreadable.DAMAGED, "The file is damaged or incomplete: upload it again."
        ) from error
    if "word/document.xml" in names:
        return "docx"
    for member, name in _ZIP_MEMBERS:
        if any(entry.startswith(member) for entry in names):
            raise UnsupportedDocument(f"This is {name}, which is not read yet. {SUPPORTED}")
    raise UnsupportedDocument(f"This is a compressed archive. {SUPPORTED}")
