"""Hears of every committed change of configuration, in every process, through LISTEN/NOTIFY.

The triggers of `migrations/` announce it. A connection of its own, outside the pool, listens; when
it is lost, changes may have been missed, so the subscriber is told to forget everything, and again
once it is back.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.postgres.database import Database
from adapters.postgres.running import Running
from contracts.ids import OrganizationId
from contracts.model import Contract
from telemetry import get_logger

CONFIGURATION_CHANNEL: Final = "parley_configuration"
PROBE_SECONDS: Final = 10.0
"""How often a silent connection is asked whether it still lives: a dead peer sends no reset."""
LONGEST_PAUSE_SECONDS: Final = 5.0

_log = get_logger(__name__)


class ConfigurationChange(Contract):
    """A row of `organizations`, `assistants`, `channels` or `api_keys` has changed."""

    table: str
    id: str
    organization_id: OrganizationId | None = None


Subscriber = Callable[[ConfigurationChange | None], None]
"""Called with each change, and with None when any number of changes may have been missed."""


class ConfigurationListener(Running):
    """Calls its subscriber on each change; `connected` tells whether it would hear of one now."""

    def __init__(self, database: Database, *, subscriber: Subscriber) -> None:
        self._engine = create_async_engine(database.engine.url, poolclass=NullPool)
        self._subscriber = subscriber
        self._connected = False
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._connected

    async def start(self) -> None:
        """Listen until closed; returns after the first attempt, also when that failed."""
        attempted = asyncio.Event()
        self._task = asyncio.create_task(
            self._keep_listening(attempted), name="configuration listener"
        )
        await attempted.wait()

    async def close(self) -> None:
        self._connected = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._engine.dispose()

    async def _keep_listening(self, attempted: asyncio.Event) -> None:
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                async with self._connection() as driver:
                    attempted.set()
                    pause = 0.0
                    await self._listen(driver)
                _log.warning("configuration_listener_lost")
            except Exception as error:  # noqa: BLE001,RUF100 - whatever it is, the next try may succeed
                _log.warning("configuration_listener_failed", error=type(error).__name__)
                pause = min(max(2 * pause, 0.1), LONGEST_PAUSE_SECONDS)
            finally:
                attempted.set()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """asyncpg's own connection: it listens outside of SQLAlchemy's transactions."""
        connection = await self._engine.connect()
        try:
            yield (await connection.get_raw_connection()).driver_connection
        finally:
            await connection.invalidate()
            await connection.close()

    async def _listen(self, driver: Any) -> None:
        """Pass announcements on until the connection is dead."""
        lost = asyncio.Event()
        driver.add_termination_listener(lambda _driver: lost.set())
        await driver.add_listener(CONFIGURATION_CHANNEL, self._on_notification)
        self._connected = True
        self._subscriber(None)
        try:
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), PROBE_SECONDS)
                except TimeoutError:
                    await driver.execute("SELECT 1", timeout=PROBE_SECONDS)
        finally:
            self._connected = False
            self._subscriber(None)

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._subscriber(ConfigurationChange.model_validate(json.loads(payload)))
