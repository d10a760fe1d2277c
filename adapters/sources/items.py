"""What sources say of what they have, whatever their type."""

from dataclasses import dataclass
from typing import Protocol

from contracts.sources import ItemOutcome


class SourceFailed(Exception):
    """The source cannot be read now. The message is a sentence for its owner."""

    retryable = True


class SourceRefused(SourceFailed):
    """It cannot be read until somebody changes something."""

    retryable = False


class ItemFailed(Exception):
    """One item cannot be had. The message is a sentence for the owner of the source."""

    def __init__(self, sentence: str, *, retryable: bool = False, retry_after: float = 0) -> None:
        super().__init__(sentence)
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds, as the server asks for."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An item of a source, before it is fetched."""

    key: str
    """What it is called there, always."""
    title: str | None = None
    url: str | None = None
    """Where a person can open it."""
    depth: int = 0
    etag: str | None = None
    """When that is the one of what was fetched last, there is nothing to fetch."""


@dataclass(frozen=True, slots=True)
class Listing:
    items: list[Listed]
    complete: bool = True
    """What is not listed is not there."""
    note: str | None = None
    """Why it is not complete, for the owner."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was fetched last of an item."""

    etag: str | None
    last_modified: str | None
    digest: str | None


class Writable(Protocol):
    async def read(self, size: int = -1, /) -> bytes: ...
    async def write(self, data: bytes, /) -> int: ...
    async def seek(self, offset: int, whence: int = 0, /) -> int: ...
    async def truncate(self, size: int | None = None, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """An item as it is now; its bytes were written to the file that was handed in."""

    title: str
    media_type: str
    digest: str
    """Of what matters of it: as long as it stays the same, there is nothing to read again."""
    filename: str | None = None
    url: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    found: tuple[Listed, ...] = ()
    """Items that it leads to."""


@dataclass(frozen=True, slots=True)
class NotFetched:
    """Why there is nothing to keep of it now, and what that means for what there was."""

    outcome: ItemOutcome
    """`unchanged`; `gone`: it says itself that it is no more; `skipped`: it is no item."""
    reason: str | None = None
    found: tuple[Listed, ...] = ()


class SourceReader(Protocol):
    """A source of one type, for the time of one activity."""

    async def list(self) -> Listing:
        """What there is now; `SourceFailed` when that cannot be said for certain."""
        ...

    async def fetch(
        self, item: Listed, known: Known | None, into: Writable, /
    ) -> Fetched | NotFetched:
        """The item, unless it is as it was; `ItemFailed` when it cannot be had."""
        ...
