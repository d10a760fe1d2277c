"""The schema of PostgreSQL, upgraded from code: `await upgrade(url)` is all a deployment needs.

Nothing here reads a file of settings. The address comes from the caller, the revisions lie beside
this module.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool


def head_revision() -> str:
    """The revision that this code was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise LookupError("migrations/versions holds no revision")
    return head


async def current_revision(engine: AsyncEngine) -> str | None:
    """The revision that the database is at; None when it was never migrated."""
    async with engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


async def upgrade(database_url: str, *, revision: str = "head") -> None:
    """Bring the database to `revision` in one transaction; doing it again changes nothing.

    Processes that upgrade the same database at the same time wait for one another. Within one,
    await one upgrade before the next: Alembic keeps its context in module globals.
    """
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
