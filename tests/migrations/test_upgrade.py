"""The migrations make exactly the tables that the code believes in, however often they run."""

import asyncio
import sys

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from migrations import current_revision, head_revision, upgrade
from migrations.comparison import COMPARISON, METADATA
from tests.servers import NewDatabase


async def test_an_empty_database_comes_to_head_and_stays_there(new_database: NewDatabase) -> None:
    url = await new_database()
    engine = create_async_engine(url)
    try:
        assert await current_revision(engine) is None
        await upgrade(url)
        assert await current_revision(engine) == head_revision()
        before = await _catalogue(url)
        await upgrade(url)
        assert await _catalogue(url) == before
        assert await current_revision(engine) == head_revision()
    finally:
        await engine.dispose()


async def test_the_tables_do_not_drift_from_the_models(new_database: NewDatabase) -> None:
    url = await new_database()
    await upgrade(url)
    engine = create_async_engine(url)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts=COMPARISON)
        return list(compare_metadata(context, METADATA))

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_the_comparison_sees_a_missing_column_and_a_missing_index(
    new_database: NewDatabase,
) -> None:
    url = await new_database()
    await upgrade(url)
    engine = create_async_engine(url)

    def differences(connection: Connection) -> str:
        connection.exec_driver_sql("ALTER TABLE documents DROP COLUMN stage")
        connection.exec_driver_sql("DROP INDEX ix_passages_search_vector")
        context = MigrationContext.configure(connection, opts=COMPARISON)
        return str(compare_metadata(context, METADATA))

    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
    finally:
        await engine.dispose()
    assert "stage" in found
    assert "ix_passages_search_vector" in found


async def test_databases_of_one_cluster_migrate_at_the_same_time(
    new_database: NewDatabase,
) -> None:
    urls = [await new_database() for _ in range(4)]
    # Twice the first: two deployments of one database wait for one another.
    outcomes = await asyncio.gather(*(_upgrade_in_a_process(url) for url in [*urls, urls[0]]))
    assert outcomes == [(0, "")] * 5


async def test_an_owner_who_is_no_superuser_sees_nothing_without_a_role(
    new_database: NewDatabase,
) -> None:
    url = await new_database()
    administrator = await _connect(url)
    try:
        await administrator.execute("CREATE EXTENSION vector")
        database = make_url(url).database
        await administrator.execute("CREATE ROLE plain_owner LOGIN CREATEROLE PASSWORD 'plain'")
        await administrator.execute(f'ALTER DATABASE "{database}" OWNER TO plain_owner')
        await administrator.execute("ALTER SCHEMA public OWNER TO plain_owner")
        for role in ("parley_tenant", "parley_platform"):
            if await administrator.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await administrator.execute(
                    f"GRANT {role} TO plain_owner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
                )

        owned = make_url(url).set(username="plain_owner", password="plain")
        await upgrade(owned.render_as_string(hide_password=False))

        owner = await _connect(owned.render_as_string(hide_password=False))
        try:
            async with owner.transaction():
                await owner.execute("SET LOCAL ROLE parley_platform")
                await owner.execute(
                    "INSERT INTO organizations (id, name, timezone) VALUES ('org_1', 'One', 'UTC')"
                )
                assert await owner.fetchval("SELECT count(*) FROM organizations") == 1
            assert await owner.fetchval("SELECT count(*) FROM organizations") == 0
        finally:
            await owner.close()
    finally:
        await administrator.execute(f'REASSIGN OWNED BY plain_owner TO "{make_url(url).username}"')
        await administrator.execute("DROP OWNED BY plain_owner")
        await administrator.execute("DROP ROLE plain_owner")
        await administrator.close()


async def test_opt_outs_that_are_known_are_recorded(new_database: NewDatabase) -> None:
    url = await new_database()
    await upgrade(url, revision="0002")
    connection = await _connect(url)
    try:
        await connection.execute(
            "INSERT INTO organizations (id, name, timezone) VALUES ('org_1', 'One', 'UTC')"
        )
        await connection.execute(
            "INSERT INTO whatsapp_users (id, organization_id, opted_out_at) "
            "VALUES ('wau_1', 'org_1', '2026-03-02 09:30Z'), ('wau_2', 'org_1', NULL)"
        )
        await upgrade(url)
        rows = await connection.fetch(
            "SELECT id, whatsapp_user_id, state, source, occurred_at = '2026-03-02 09:30Z' AS same "
            "FROM consents"
        )
        assert [tuple(row) for row in rows] == [("cns_1", "wau_1", "opted_out", "api", True)]
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))


async def _catalogue(url: str) -> list[tuple[object, ...]]:
    connection = await _connect(url)
    try:
        rows = await connection.fetch("SELECT oid, relname, relfilenode FROM pg_class ORDER BY oid")
        return [tuple(row) for row in rows if not row["relname"].startswith("pg_")]
    finally:
        await connection.close()


async def _upgrade_in_a_process(url: str) -> tuple[int | None, str]:
    program = "import asyncio, sys, migrations; asyncio.run(migrations.upgrade(sys.argv[1]))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, url, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode()
