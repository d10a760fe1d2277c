"""No tenant sees or makes another's rows, in any table, even when a query forgets to ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlmodel
from sqlalchemy import ForeignKeyConstraint, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.database import PLATFORM_ROLE, TENANT_ROLE, Database
from adapters.postgres.tables import Organization
from contracts.ids import OrganizationId
from tests.adapters.postgres.conftest import Pair

TENANT_TABLES = [
    table
    for table in Organization.metadata.sorted_tables
    if table.name != "organizations" and "organization_id" in table.columns
]

_ORGANIZATIONS = Organization.metadata.tables["organizations"]
OWN_REFERENCES = [
    constraint
    for table in TENANT_TABLES
    for constraint in sorted(table.foreign_key_constraints, key=lambda one: tuple(one.column_keys))
    if len(constraint.column_keys) == 2 and constraint.column_keys[0] == "organization_id"
]
"""Foreign keys look past row-level security: each of these names the organisation itself."""

VALUES: Mapping[str, Any] = {
    "role": "viewer",
    "kind": "whatsapp_user",
    "language": "simple",
    "state": "opted_in",
    "position": 0,
    "embedding": [0.5, 0.5],
}
"""Where a column accepts only some values; any other gets one of its type."""
SOURCES: Mapping[str, str] = {"consents": "api", "person_facts": "model"}
STATUSES: Mapping[str, str] = {"documents": "pending", "erasures": "running"}
APPEND_ONLY = {"audit_log", "consents", "erasures"}
"""What a tenant may add to and not change."""


def test_every_table_has_an_owner() -> None:
    tables = set(Organization.metadata.tables)
    assert tables - {table.name for table in TENANT_TABLES} == {"organizations"}


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
async def test_a_tenant_sees_only_its_own_rows(
    database: Database, pair: Pair, table: Table
) -> None:
    for organization in pair:
        async with _tenant(database, organization) as connection:
            await _insert(connection, table, organization)

    async with _tenant(database, pair.ours) as connection:
        seen = (
            (await connection.execute(select(table.c.organization_id).distinct())).scalars().all()
        )
    assert seen == [pair.ours]


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("forgotten", ["never set", "empty"])
async def test_a_query_that_forgets_its_tenant_returns_nothing(
    database: Database, pair: Pair, table: Table, forgotten: str
) -> None:
    async with _tenant(database, pair.ours) as connection:
        await _insert(connection, table, pair.ours)

    async with database.engine.begin() as connection:
        await connection.execute(text(f"SET LOCAL ROLE {TENANT_ROLE}"))
        if forgotten == "empty":
            await connection.execute(text("SET LOCAL parley.organization_id = ''"))
        assert await connection.scalar(select(func.count()).select_from(table)) == 0
        assert await connection.scalar(text("SELECT count(*) FROM organizations")) == 0


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
async def test_a_tenant_cannot_make_a_row_of_another(
    database: Database, pair: Pair, table: Table
) -> None:
    async with _tenant(database, pair.theirs) as connection:
        await _insert(connection, table, pair.theirs)
        parents = await _parents(connection, table, pair.theirs)

    row = _row(table, pair.theirs) | parents
    with pytest.raises(DBAPIError, match="row-level security"):
        async with _tenant(database, pair.ours) as connection:
            await connection.execute(insert(table).values(row))


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
async def test_a_tenant_cannot_give_a_row_away_or_take_one(
    database: Database, pair: Pair, table: Table
) -> None:
    for organization in pair:
        async with _tenant(database, organization) as connection:
            await _insert(connection, table, organization)

    if table.name in APPEND_ONLY:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with _tenant(database, pair.ours) as connection:
                await connection.execute(update(table).values(organization_id=pair.ours))
        return
    async with _tenant(database, pair.ours) as connection:
        taken = await connection.execute(
            update(table)
            .where(table.c.organization_id == pair.theirs)
            .values(organization_id=pair.ours)
        )
        assert taken.rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with _tenant(database, pair.ours) as connection:
            await connection.execute(update(table).values(organization_id=pair.theirs))


async def test_the_platform_sees_every_organisation(database: Database, pair: Pair) -> None:
    async with database.platform() as session:
        seen = (await session.exec(sqlmodel.select(Organization.id))).all()
    assert set(pair) <= set(seen)


async def test_a_tenant_sees_itself_and_cannot_remove_itself(
    database: Database, pair: Pair
) -> None:
    async with database.tenant(pair.ours) as session:
        assert (await session.exec(sqlmodel.select(Organization.id))).all() == [pair.ours]
    with pytest.raises(DBAPIError, match="permission denied"):
        async with _tenant(database, pair.ours) as connection:
            await connection.execute(text("DELETE FROM organizations"))


async def test_a_tenant_cannot_become_another_organisation(database: Database, pair: Pair) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with _tenant(database, pair.ours) as connection:
            await connection.execute(update(_ORGANIZATIONS).values(id=f"another {pair.ours}"))
    async with _tenant(database, pair.ours) as connection:
        taken = await connection.execute(
            update(_ORGANIZATIONS).where(_ORGANIZATIONS.c.id == pair.theirs).values(name="taken")
        )
        assert taken.rowcount == 0


@pytest.mark.parametrize(
    "reference", OWN_REFERENCES, ids=lambda one: f"{one.parent.name}-{one.column_keys[-1]}"
)
async def test_a_reference_cannot_leave_the_organisation(
    database: Database, pair: Pair, reference: ForeignKeyConstraint
) -> None:
    table, parent = reference.table, reference.referred_table
    async with _tenant(database, pair.theirs) as connection:
        await _insert(connection, parent, pair.theirs)
        identifiers = select(parent.c.id).where(parent.c.organization_id == pair.theirs)
        foreign = await connection.scalar(identifiers)
    async with _tenant(database, pair.ours) as connection:
        parents = await _parents(connection, table, pair.ours)
    row = _row(table, pair.ours) | parents | {reference.column_keys[-1]: foreign}
    with pytest.raises(IntegrityError, match="foreign key"):
        async with _tenant(database, pair.ours) as connection:
            await connection.execute(insert(table).values(row))


async def test_roles_own_nothing_and_cannot_log_in(database: Database) -> None:
    async with database.engine.connect() as connection:
        roles = await connection.execute(
            text(
                "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, "
                "(SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) "
                "FROM pg_roles WHERE rolname IN (:tenant, :platform)"
            ),
            {"tenant": TENANT_ROLE, "platform": PLATFORM_ROLE},
        )
        assert {tuple(row) for row in roles} == {
            (TENANT_ROLE, False, False, False, 0),
            (PLATFORM_ROLE, False, False, False, 0),
        }


@asynccontextmanager
async def _tenant(
    database: Database, organization: OrganizationId
) -> AsyncIterator[AsyncConnection]:
    async with database.tenant(organization) as session:
        yield await session.connection()


async def _insert(connection: AsyncConnection, table: Table, organization: OrganizationId) -> None:
    parents = await _parents(connection, table, organization)
    await connection.execute(insert(table).values(_row(table, organization) | parents))


async def _parents(
    connection: AsyncConnection, table: Table, organization: OrganizationId
) -> dict[str, Any]:
    """Make the rows that a row of `table` must refer to; the columns that refer to them."""
    columns: dict[str, Any] = {}
    for constraint in table.foreign_key_constraints:
        parent = constraint.referred_table
        required = [
            element
            for element in constraint.elements
            if not element.parent.nullable and element.column.name == "id"
        ]
        if parent.name != "organizations" and required:
            exists = await connection.scalar(
                select(parent.primary_key.columns[0]).where(
                    parent.c.organization_id == organization
                )
            )
            if exists is None:
                await _insert(connection, parent, organization)
                exists = await connection.scalar(
                    select(parent.primary_key.columns[0]).where(
                        parent.c.organization_id == organization
                    )
                )
            columns[required[0].parent.name] = exists
    return columns


def _row(table: Table, organization: OrganizationId) -> dict[str, Any]:
    row: dict[str, Any] = {"organization_id": organization}
    for column in table.columns:
        if column.name in row or column.nullable or column.server_default is not None:
            continue
        counted = column.primary_key and column.type.python_type is int
        if column.autoincrement is True or (counted and column.autoincrement is not False):
            continue
        row[column.name] = (
            SOURCES.get(table.name)
            if column.name == "source"
            else STATUSES[table.name]
            if column.name == "status"
            else VALUES.get(column.name, _any_value(column.type.python_type, organization))
        )
    return row


def _any_value(kind: type, organization: OrganizationId) -> Any:
    return {
        str: f"x_{organization}",
        int: 1,
        float: 1.0,
        bytes: b"x",
        bool: True,
        datetime: datetime(2026, 1, 1, tzinfo=UTC),
    }.get(kind)
