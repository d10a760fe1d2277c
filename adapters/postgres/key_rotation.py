"""Seals every stored secret with the newest key, while everything runs.

Each row is a transaction of its own: an interruption loses nothing, and several rows locked at once
could wait in a circle with a request that changes them in another order. What is sealed and opened
stays in this process; PostgreSQL sees sealed bytes only.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, column, or_, select, table, text, update
from sqlmodel import SQLModel

from adapters.keyring import KeyRing, SealError
from adapters.postgres.database import RESEALING_SETTING, Database
from adapters.postgres.sealed import SealedColumn, sealed_columns

ROWS_AT_ONCE: Final = 200

_BE_NO_REVISION = text("SELECT set_config(:setting, 'on', true)")


class Unopenable(NamedTuple):
    """A value that no key of the ring opens. It was left as it is."""

    sealed: SealedColumn
    row_id: str


@dataclass
class RotationReport:
    """Every sealed value is in exactly one of the three, as it was when its row was reached."""

    resealed: Counter[SealedColumn] = field(default_factory=Counter)
    current: Counter[SealedColumn] = field(default_factory=Counter)
    """On the newest key already."""
    unopenable: list[Unopenable] = field(default_factory=list)


async def rotate_keys(
    database: Database, keyring: KeyRing, *, rows_at_once: int = ROWS_AT_ONCE
) -> RotationReport:
    """Bring all sealed columns to the newest key of the ring; again changes nothing more.

    A value that is written meanwhile is sealed by its writer, with the newest key that the writer
    knows.

    Args:
        rows_at_once: how many are read at a time; each is locked alone, and only to change it.
    """
    report = RotationReport()
    for name, columns in sealed_columns().items():
        await _Table(name, columns, database=database, keyring=keyring, report=report).rotate(
            rows_at_once
        )
    return report


class _Table:
    """The sealed columns of one table, without the model: writing a key is no update of a row."""

    def __init__(
        self,
        name: str,
        columns: Sequence[SealedColumn],
        *,
        database: Database,
        keyring: KeyRing,
        report: RotationReport,
    ) -> None:
        self._sealed = columns
        self._database = database
        self._keyring = keyring
        self._report = report
        # An organisation's own row has no such column: its id is the organisation's.
        known = SQLModel.metadata.tables[name].columns
        owner = "organization_id" if "organization_id" in known else "id"
        self._table = table(
            name, *(column(each) for each in {"id", owner, *(sealed.column for sealed in columns)})
        )
        self._id: ColumnElement[Any] = self._table.c.id
        self._owner: ColumnElement[Any] = self._table.c[owner]

    async def rotate(self, rows_at_once: int) -> None:
        after = ""
        while rows := await self._read(self._page(after, rows_at_once)):
            for row in rows:
                if self._is_stale(row):
                    await self._rotate_row(row.row_id)
                else:
                    self._count(row)
            after = rows[-1].row_id

    def _rows(self) -> Select[Any]:
        values = (self._table.c[sealed.column] for sealed in self._sealed)
        return select(self._id.label("row_id"), self._owner.label("owner"), *values)

    def _page(self, after: str, limit: int) -> Select[Any]:
        holds_any = or_(*(self._table.c[sealed.column].is_not(None) for sealed in self._sealed))
        return self._rows().where(self._id > after, holds_any).order_by(self._id).limit(limit)

    async def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._database.platform() as session:
            connection = await session.connection()
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
            return rows

    def _is_stale(self, row: Row[Any]) -> bool:
        return any(not self._keyring.is_newest(value) for _, value in self._values(row))

    def _values(self, row: Row[Any]) -> list[tuple[SealedColumn, bytes]]:
        values = [(sealed, row._mapping[sealed.column]) for sealed in self._sealed]
        return [(sealed, value) for sealed, value in values if value is not None]

    async def _rotate_row(self, row_id: str) -> None:
        async with self._database.platform() as session:
            connection = await session.connection()
            locked = self._rows().where(self._id == row_id).with_for_update(key_share=True)
            row = (await connection.execute(locked)).first()
            if row is None:
                return
            news = self._count(row)
            if news:
                await connection.execute(_BE_NO_REVISION, {"setting": RESEALING_SETTING})
                await connection.execute(update(self._table).where(self._id == row_id).values(news))

    def _count(self, row: Row[Any]) -> dict[str, bytes]:
        """Puts each value of the row into the report; those to be written, by column."""
        news: dict[str, bytes] = {}
        for sealed, value in self._values(row):
            context = sealed.context(organization_id=row.owner, row_id=row.row_id)
            try:
                plaintext = self._keyring.open(value, context=context)
            except SealError:
                self._report.unopenable.append(Unopenable(sealed, row.row_id))
                continue
            if self._keyring.is_newest(value):
                self._report.current[sealed] += 1
            else:
                self._report.resealed[sealed] += 1
                news[sealed.column] = self._keyring.seal(plaintext, context=context)
        return news
