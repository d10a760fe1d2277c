"""Pages and the opaque cursors that lead from one to the next."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class InvalidCursor(ValueError):
    """The cursor did not come from an earlier page of this list."""

    def __init__(self) -> None:
        super().__init__("the cursor is not one that this list gave out")


@dataclass(frozen=True)
class Page(Generic[Entry]):
    items: list[Entry]
    next_cursor: str | None
    """Hand it in for what follows; `None` at the end."""


def encode_cursor(*position: str) -> str:
    """Where a page ended. Sort keys only: the partition is derived from the caller's arguments, so
    that a cursor of another organisation leads nowhere."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, parts: int) -> list[str]:
    """The sort keys; `InvalidCursor` when it is not a cursor of so many parts."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidCursor from None
    if not isinstance(position, list) or len(position) != parts:
        raise InvalidCursor
    if not all(isinstance(part, str) and 0 < len(part) <= 512 for part in position):
        raise InvalidCursor
    return position
