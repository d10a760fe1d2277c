"""What all repositories share: ids, saving, and pages by cursor.

A session sees the rows of its tenant only (`database.py`), so no query here names the organisation.
"""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import inspect, tuple_
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar
from ulid import ULID

T = TypeVar("T", bound=SQLModel)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**62
"""What PostgreSQL's integers hold."""


class CursorError(ValueError):
    """The cursor is not one that a page of this list gave out."""


class Page(NamedTuple, Generic[T]):
    items: list[T]
    next_cursor: str | None


def new_id(prefix: str, seed: str | None = None) -> str:
    """An id that sorts by creation: prefix, underscore, ULID.

    Args:
        seed: a ULID; what is made again from the same one gets the same id.
    """
    return f"{prefix}_{seed or ULID()}"


async def save(session: AsyncSession, row: T) -> T:
    """Write the row now, so that a violated constraint shows here, and read it back."""
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def find(session: AsyncSession, query: SelectOfScalar[T], *, lock: bool) -> T | None:
    """The row of the query, if there is one.

    Args:
        lock: nobody else changes or removes it before this transaction ends.
    """
    return (await session.exec(query.with_for_update() if lock else query)).first()


def narrowed(query: SelectOfScalar[T], *wanted: tuple[Any, object]) -> SelectOfScalar[T]:
    """The query with a condition for each column whose wanted value is given (is not None)."""
    return query.where(*(column == value for column, value in wanted if value is not None))


async def newest_first(
    session: AsyncSession,
    query: SelectOfScalar[T],
    *,
    table: type[T],
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """A page of the rows; new ones made meanwhile shift nothing. `CursorError` on a bad cursor."""
    columns = inspect(table).columns
    created_at, identifier = columns["created_at"], columns["id"]
    if cursor is not None:
        query = query.where(
            tuple_(created_at, identifier) < tuple_(*place_of(cursor, datetime, str))
        )
    query = query.order_by(created_at.desc(), identifier.desc()).limit(limit + 1)
    rows = list((await session.exec(query)).all())
    if len(rows) <= limit:
        return Page(rows, None)
    last: Any = rows[limit - 1]
    return Page(rows[:limit], cursor_of(last.created_at, last.id))


def cursor_of(*place: int | datetime | str) -> str:
    """A cursor that `place_of` reads: the values by which the last row of a page is sorted."""
    plain = [
        (one - _EPOCH) // timedelta(microseconds=1) if isinstance(one, datetime) else one
        for one in place
    ]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def place_of(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """What `cursor_of` was given. `CursorError` when these are no values of these kinds."""
    try:
        values = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        if not isinstance(values, list):
            raise CursorError("not a cursor of this list")
        return tuple(_place(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise CursorError("not a cursor of this list") from None


def _place(value: object, kind: type) -> int | datetime | str:
    if kind is str and isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    if kind in (int, datetime) and type(value) is int and abs(value) < _LARGEST:
        return _EPOCH + timedelta(microseconds=value) if kind is datetime else value
    raise CursorError("not a cursor of this list")
