"""Passages that say the same: of each text one is shown, and of neighbours what is new."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import regex

from contracts.ids import DocumentId


class Located(Protocol):
    """A passage with where it stands in its document, in characters."""

    @property
    def document_id(self) -> DocumentId: ...
    @property
    def text(self) -> str: ...
    @property
    def start_offset(self) -> int: ...
    @property
    def end_offset(self) -> int: ...


P = TypeVar("P", bound=Located)

_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+")


def distinct(passages: Iterable[P]) -> Iterator[P]:
    """The passages without those whose whole text a better one has, in whatever document.

    Args:
        passages: best first.
    """
    kept: list[str] = []
    for passage in passages:
        words = _words(passage.text)
        if not any(words in other for other in kept):
            kept.append(words)
            yield passage


def without_overlaps(passages: Sequence[P]) -> list[str]:
    """The text of each passage without what a better neighbour in its document shows already.

    Passages overlap, so that a sentence at a border is whole in one of them.

    Args:
        passages: best first.
    """
    return [_new_text(passage, passages[:number]) for number, passage in enumerate(passages)]


def _new_text(passage: P, better: Sequence[P]) -> str:
    start, end = passage.start_offset, passage.end_offset
    if end - start != len(passage.text):
        return passage.text  # not cut out of a document as it is
    for other in better:
        if other.document_id != passage.document_id:
            continue
        if other.start_offset <= start < other.end_offset < end:
            start = other.end_offset
        elif start < other.start_offset < end <= other.end_offset:
            end = other.start_offset
    first = passage.start_offset
    new = passage.text[start - first : end - first]
    return new if new.strip() else passage.text


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
