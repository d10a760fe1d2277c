"""Whether what the parser says of a file is true, by code that the parser does not use for it."""

import re
import zipfile
from pathlib import Path

from pdfminer.high_level import extract_text
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

DOCUMENTS = frozenset([".pdf", ".docx", ".pptx", ".pptm", ".xlsx", ".html", ".md", ".txt", ".rst"])

EMPTY_OWNER_PASSWORD = frozenset(["r5-user-password.pdf", "r6-user-password.pdf"])
"""Pdfminer opens these as their owner, whose password is empty; readers ask for the user's."""

_BODY = re.compile(r"word/(document|footnotes|endnotes)\d*\.xml|ppt/slides/slide\d+\.xml")
_TEXT = re.compile(rb"<(?:w|a):t(?: [^>]*)?>([^<]*)</(?:w|a):t>")


def is_true(reason: str, path: Path) -> bool:
    """Whether `ready`, or the reason of a refusal, is the truth about a file."""
    match reason:
        case "ready":
            return path.suffix.lower() in DOCUMENTS | {".json"}
        case "unsupported":
            return path.suffix.lower() not in DOCUMENTS
        case "empty":
            return _is_empty(path)
        case "scanned":
            return not extract_text(path).strip()
        case "protected":
            return _is_protected(path)
        case _:
            return False


def _is_empty(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return not path.read_bytes().strip()
    with zipfile.ZipFile(path) as archive:
        return not any(
            text.strip()
            for name in archive.namelist()
            if _BODY.fullmatch(name)
            for text in _TEXT.findall(archive.read(name))
        )


def _is_protected(path: Path) -> bool:
    if path.name in EMPTY_OWNER_PASSWORD:
        return True
    try:
        extract_text(path)
    except (PDFPasswordIncorrect, PDFEncryptionError):
        return True
    return False
