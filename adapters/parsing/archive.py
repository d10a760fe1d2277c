"""Judges a ZIP archive before anything in it is unpacked: DOCX, PPTX, XLSX and EPUB are archives.

Members are read into memory by name and never written to disk, so that absolute names and `..` lead
nowhere; an archive within the archive is never opened.
"""

import zipfile
from typing import BinaryIO, Final

from adapters.parsing.document import Unreadable, UnreadableDocument, damaged, protected, refusing

MAX_ENTRIES: Final = 10_000
MAX_UNCOMPRESSED_BYTES: Final = 500 * 1024 * 1024
MAX_TREE_BYTES: Final = 64 * 1024 * 1024
"""Of the parts that are read into memory as trees, which are some ten times their size."""
MAX_RATIO: Final = 200
"""Real XML shrinks to a tenth or a twentieth; a bomb to a thousandth."""
RATIO_COUNTS_FROM: Final = 8 * 1024 * 1024

_TREES: Final = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")


def open_archive(file: BinaryIO, *, trees: bool = True) -> zipfile.ZipFile:
    """The archive, when it would not unpack to more than a document holds.

    Args:
        file: at whatever position.
        trees: whether its XML is read as trees; otherwise it is streamed, and may be larger.

    Raises:
        UnreadableDocument: damaged, protected with a password, or a bomb.
    """
    with refusing(damaged()):
        archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise protected()
    in_trees = sum(entry.file_size for entry in entries if entry.filename.lower().endswith(_TREES))
    inflates = any(
        entry.file_size > RATIO_COUNTS_FROM
        and entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
        for entry in entries
    )
    if (
        inflates
        or len(entries) > MAX_ENTRIES
        or (trees and in_trees > MAX_TREE_BYTES)
        or sum(entry.file_size for entry in entries) > MAX_UNCOMPRESSED_BYTES
    ):
        raise UnreadableDocument(
            Unreadable.BOMB,
            "The document would unpack to far more than a document holds, so it was not opened: "
            "split it.",
        )
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """A member's content; `None` when it is missing or broken. No more than it declares is read."""
    try:
        with refusing(damaged()):
            return archive.read(name)
    except UnreadableDocument:
        return None
