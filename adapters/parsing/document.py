"""What parsing gives, and what it says when it cannot."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's text as Markdown: lines end with a line feed, no hidden or control characters."""

    text: str
    page_starts: tuple[int, ...] | None = None
    """Offset of each page's first character in `text`; `None` for formats without pages."""
    warnings: tuple[str, ...] = ()
    """What could not be taken from the file, each a sentence for whoever uploaded it."""


class Unreadable(StrEnum):
    """Why a file gives no text."""

    MISSING = "missing"
    UNSUPPORTED = "unsupported"
    PROTECTED = "protected"
    DAMAGED = "damaged"
    EMPTY = "empty"
    SCANNED = "scanned"
    TOO_LARGE = "too_large"
    BOMB = "bomb"
    TOOK_TOO_LONG = "took_too_long"
    CRASHED = "crashed"


@dataclass
class UnreadableDocument(Exception):
    """The file cannot become text; trying again gives the same.

    Attributes:
        reason: for programs.
        sentence: for the person who uploaded it: what is wrong and what to do.
    """

    reason: Unreadable
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class UnsupportedDocument(UnreadableDocument):
    """The file is of a kind that is not read."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Unreadable.UNSUPPORTED, sentence)
