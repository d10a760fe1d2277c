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
        query = query.where(tuple_(created_at, identifier) < tuple_(*_position(cursor)))
    query = query.order_by(created_at.desc(), identifier.desc()).limit(limit + 1)
    rows = list((await session.exec(query)).all())
    if len(rows) <= limit:
        return Page(rows, None)
    last: Any = rows[limit - 1]
    return Page(rows[:limit], _cursor(last.created_at, last.id))


def _cursor(created_at: datetime, identifier: str) -> str:
    microseconds = (created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(json.dumps([microseconds, identifier]).encode()).decode()


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        microseconds, identifier = json.loads(
            base64.b64decode(cursor, altchars=b"-_", validate=True)
        )
        if type(microseconds) is not int or not isinstance(identifier, str):
            raise CursorError("not a cursor of this list")
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise CursorError("not a cursor of this list") from None
    if not (identifier.isascii() and identifier.isprintable()):
        raise CursorError("not a cursor of this list")
    return moment, identifier
