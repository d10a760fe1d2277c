"""Structured parts of a message, cut down to what storage and histories can hold."""

import json
from typing import Any, Final

from domain.webhook.fields import Json, clean_text

MAX_BYTES: Final = 8_192
"""Of a message's details as JSON."""

_SIZES: Final = ((100, 1_000), (30, 300), (10, 150), (5, 60))
"""Entries of a list or object, and characters of a text, that are kept: the first that fits."""

_DEPTH: Final = 6


def fitted(details: Json) -> Json | None:
    """The details as plain JSON of at most `MAX_BYTES`; `None` when there is nothing in them.

    Texts are clean, numbers finite and exact in every reader. What was cut is marked `truncated`.
    """
    for entries, characters in _SIZES:
        kept = _cut(details, entries, characters, _DEPTH)
        if kept != _cut(details, 10**9, 10**9, _DEPTH * 2):
            kept["truncated"] = True
        if len(json.dumps(kept, ensure_ascii=False).encode()) <= MAX_BYTES:
            return kept or None
    return {"truncated": True}


def _cut(value: Any, entries: int, characters: int, depth: int) -> Any:
    match value:
        case bool() | None:
            return value
        case str():
            return clean_text(value)[:characters]
        case int():
            return value if abs(value) < 2**53 else clean_text(str(value)[:40])
        case float():
            return value if abs(value) < 1e15 else None
        case dict() if depth:
            return {
                clean_text(str(name))[:100]: _cut(entry, entries, characters, depth - 1)
                for name, entry in list(value.items())[:entries]
            }
        case list() if depth:
            return [_cut(entry, entries, characters, depth - 1) for entry in value[:entries]]
        case _:
            return None
