"""Sessions on PostgreSQL. Each one is a transaction that can see one tenant, or is the platform's.

The role and the tenant are set for the transaction by `SELECT set_config(…, true)`, so a pooled
connection carries nothing over. Row-level security does the rest: the roles own no table.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.ids import OrganizationId

TENANT_ROLE: Final = "parley_tenant"
"""Sees the rows of the organisation in `parley.organization_id`, and none without one."""
PLATFORM_ROLE: Final = "parley_platform"
"""Sees every row: routing of deliveries, look-up of keys, the platform administrator."""
RESEALING_SETTING: Final = "parley.resealing"
"""`on` in a transaction that only seals secrets with another key: revisions do not count it."""

_ENTER_TENANT = text(
    "SELECT set_config('role', :role, true), set_config('parley.organization_id', :org, true)"
)
_ENTER_PLATFORM = text("SELECT set_config('role', :role, true)")


class Database:
    """A connection pool. Close it where it was opened."""

    def __init__(self, url: str, *, pool_size: int = 10, pre_ping: bool = True) -> None:
        """
        Args:
            url: `postgresql+asyncpg://…`.
            pool_size: connections that stay open; as many again in a rush.
            pre_ping: try a connection before it is lent, so that a restart of the server shows in
                no answer; a round trip that callers with retries of their own can save.
        """
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=pre_ping,
            pool_recycle=1800,
        )

    @asynccontextmanager
    async def tenant(self, organization_id: OrganizationId) -> AsyncIterator[AsyncSession]:
        """A transaction that sees one organisation; commits on leaving, rolls back on an error."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            await (await session.connection()).execute(
                _ENTER_TENANT, {"role": TENANT_ROLE, "org": organization_id}
            )
            yield session

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[AsyncSession]:
        """A transaction across organisations, for what happens before one is known."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            connection = await session.connection()
            await connection.execute(_ENTER_PLATFORM, {"role": PLATFORM_ROLE})
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
