"""Reads fields out of JSON that may be anything, without ever failing."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

MAX_TEXT = 16_384
"""Characters kept of a text. WhatsApp's own limit is 4,096 for a message a person types."""

MAX_ID = 512
"""Characters of an id. Meta's are well under 200; Temporal takes 1,000 bytes."""

CLOCK_SKEW = timedelta(minutes=5)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MAX_DIGITS = 40


def parse_json(text: str | bytes) -> object:
    """What is written there; `ValueError` for what is no JSON, or nested beyond all reason."""
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole_number(digits: str) -> int | None:
    """One with thousands of digits is refused by Python; it is nothing, not the end of the rest."""
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def as_object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def clean_text(value: str) -> str:
    """Without what storage rejects: NUL (PostgreSQL) and lone surrogates (UTF-8)."""
    return value[:MAX_TEXT].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def string(value: Json, key: str) -> str | None:
    """The field as a non-empty identifier-sized string, or None."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found) if abs(found) < 10**30 else ""
    if not isinstance(found, str):
        return None
    return clean_text(found)[:MAX_ID].strip() or None


def prose(value: Json, key: str) -> str | None:
    """The field as what a person wrote, or None when there is nothing in it."""
    found = value.get(key)
    return (clean_text(found).strip() or None) if isinstance(found, str) else None


def name(value: object) -> str | None:
    """A word of Meta's own (an event, a type), or None for what might be somebody's words."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def phone_digits(wa_id: str | None) -> str | None:
    return (wa_id.removeprefix("+") or None) if wa_id else None


def integer(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if abs(number) < 2**53 else None


def number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e9 else None


def moment(value: object, *, default: datetime) -> datetime:
    """Meta's decimal seconds as a time; the default for anything else, and for the future."""
    seconds = integer(value)
    if seconds is None or seconds <= 0 or seconds > 253_402_300_799:
        return default
    found = datetime.fromtimestamp(seconds, UTC)
    return found if found <= default + CLOCK_SKEW else default
