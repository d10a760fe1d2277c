"""The script that makes the databases of `docker-compose.yml`, run on a real PostgreSQL."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from adapters.postgres.database import Database
from local.postgres import BINARIES, QUIET_LOG, PostgresServer
from migrations import current_revision, head_revision, upgrade
from tests.containers.test_compose import DOCUMENT, SECRETS, SERVICES
from tests.servers import running_postgres


@pytest.fixture(scope="module")
async def cluster(server_directory: Path) -> AsyncIterator[PostgresServer]:
    """A cluster of its own: roles belong to the cluster, and the script is for an empty one."""
    directory = server_directory / "containers"
    directory.mkdir()
    async with running_postgres(directory) as server:
        # The superuser of the embedded server has the name of the application's role.
        script = re.sub(r"\bparley\b", "app", DOCUMENT["configs"]["postgres-databases"]["content"])
        process = await asyncio.create_subprocess_exec(
            *("sh", "-euc", script),
            env={
                "PATH": f"{BINARIES}:{os.environ['PATH']}",
                "PGHOST": server.host,
                "PGPORT": str(server.port),
                "PGPASSWORD": server.password.get_secret_value(),
                "POSTGRES_USER": server.user,
                **{name: value for name, value in SECRETS.items() if name.endswith("PASSWORD")},
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        yield server


def _url(server: PostgresServer) -> str:
    password = SECRETS["PARLEY_POSTGRES_PASSWORD"]
    return f"postgresql+asyncpg://app:{password}@{server.host}:{server.port}/app"


async def test_the_schema_comes_up_and_works_without_a_superuser(cluster: PostgresServer) -> None:
    url = _url(cluster)
    await upgrade(url)
    await upgrade(url)
    database = Database(url)
    try:
        assert await current_revision(database.engine) == head_revision()
        async with database.platform() as session:
            connection = await session.connection()
            assert await connection.scalar(text("SELECT count(*) FROM organizations")) == 0
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["app", "temporal"])
async def test_no_role_passes_row_level_security(cluster: PostgresServer, role: str) -> None:
    connection = await cluster.connect()
    try:
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1", role
        )
    finally:
        await connection.close()
    assert tuple(row) == (False, False)


@pytest.mark.parametrize(
    ("role", "variable", "own", "other"),
    [
        ("app", "PARLEY_POSTGRES_PASSWORD", "app", "temporal"),
        ("temporal", "TEMPORAL_POSTGRES_PASSWORD", "temporal_visibility", "app"),
    ],
)
async def test_each_role_reaches_its_own_databases_only(
    cluster: PostgresServer, role: str, variable: str, own: str, other: str
) -> None:
    async def connect(database: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=cluster.host,
            port=cluster.port,
            user=role,
            password=SECRETS[variable],
            database=database,
        )

    connection = await connect(own)
    await connection.execute("CREATE TABLE mine (id int)")
    await connection.execute("DROP TABLE mine")
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connect(other)


def test_the_server_logs_no_contents() -> None:
    """As the embedded one: statements and details of errors carry what people wrote."""
    assert set(QUIET_LOG) <= set(SERVICES["postgres"]["command"])
