"""What parsing gives, and what it says when it cannot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's text as Markdown: lines end with a line feed, no hidden or control characters."""

    text: str
    page_starts: tuple[int, ...] | None = None
    """Offset of each page's first character in `text`; `None` for formats without pages."""
    page_labels: tuple[str, ...] | None = None
    """What a reader sees as each page's number, such as `iv`; `None` when it is its position."""
    warnings: tuple[str, ...] = ()
    """Sentences for the person who uploaded it: what of the file could not be read, and why."""


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


def protected() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.PROTECTED,
        "The document is protected with a password: remove it and upload the file again.",
    )


def damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED, "The file is damaged or incomplete: upload it again."
    )


def too_deep() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED, "The document is nested too deeply to be read: simplify it."
    )


class TookTooLong(BaseException):
    """What can be left out has had its time. No `Exception`: libraries catch those."""


@contextmanager
def refusing(refusal: UnreadableDocument) -> Iterator[None]:
    """Whatever a library raises over a broken file becomes `refusal`.

    Lack of memory or time and too deep a nesting stay what they are: they are no damage.
    """
    try:
        yield
    except (UnreadableDocument, MemoryError, RecursionError, TookTooLong):
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # libraries in Rust panic with what is no `Exception`
        raise refusal from error


def paged(
    pages: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    warnings: Sequence[str] = (),
) -> ParsedDocument:
    """A document of these pages, a blank line between them; some of them may be empty."""
    starts: list[int] = []
    length = 0
    parts: list[str] = []
    for page in pages:
        starts.append(length)
        parts.append(page + "\n\n" if page else "")
        length += len(parts[-1])
    return ParsedDocument(
        text="".join(parts).rstrip("\n"),
        page_starts=tuple(starts),
        page_labels=tuple(labels) if labels else None,
        warnings=tuple(warnings),
    )


def numbered(numbers: Sequence[int]) -> str:
    """Numbers for a person: `3, 5 to 8`. At most twenty ranges are named."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    named = [f"{a}" if a == b else f"{a} to {b}" for a, b in ranges[:20]]
    return ", ".join(named) + (" and others" if len(ranges) > len(named) else "")
