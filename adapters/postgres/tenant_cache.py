"""Configuration kept in process for as long as nobody has changed it, and no longer.

An entry is used only while the listener would hear of a change. A change that is announced while a
value is being read keeps that value out of the cache, so an old value never outlives its change.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from adapters.cache_lookups import CacheName, CountLookup, uncounted
from adapters.postgres.configuration_listener import ConfigurationChange, ConfigurationListener
from adapters.postgres.database import Database
from contracts.ids import OrganizationId

MAXIMUM_ENTRIES: Final = 50_000
FOUND_SECONDS: Final = 300.0
"""Backstop only: announcements invalidate at once."""
MISSING_SECONDS: Final = 5.0
"""Unknown numbers must not cost a query each, nor stay unknown for long."""

K = TypeVar("K")
V = TypeVar("V")


class _Entry(NamedTuple, Generic[V]):
    value: V | None
    organization_id: OrganizationId | None
    expires: float


class TenantCache(Generic[K, V]):
    """Values by key, each of one organisation; concurrent readers of a key share one load."""

    def __init__(
        self,
        database: Database,
        *,
        load: Callable[[K], Awaitable[V | None]],
        organization_of: Callable[[V], OrganizationId | None],
        name: CacheName,
        count: CountLookup = uncounted,
        found_seconds: float = FOUND_SECONDS,
    ) -> None:
        self._load = load
        self._organization_of = organization_of
        self._found_seconds = found_seconds
        self._name: CacheName = name
        self._count = count
        self._entries: LRUCache[K, _Entry[V]] = LRUCache(MAXIMUM_ENTRIES)
        self._loading: dict[K, asyncio.Task[V | None]] = {}
        self._listener = ConfigurationListener(database, subscriber=self.forget)

    async def start(self) -> None:
        """Begin to hear of changes. Without a database values are loaded, or fail, one by one."""
        await self._listener.start()

    async def close(self) -> None:
        await self._listener.close()
        loads = list(self._loading.values())
        for task in loads:
            task.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    async def get(self, key: K) -> V | None:
        """The value as it is committed now; None when there is none. Errors of the load pass on."""
        entry = self._entries.get(key)
        if entry is not None and entry.expires > time.monotonic():
            self._count(self._name, "hit")
            return entry.value
        self._count(self._name, "miss")
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._load_and_keep(key))
            self._loading[key] = task
            task.add_done_callback(lambda done: self._loaded(key, done))
        # A reader that is cancelled must not take the others' load with it.
        return await asyncio.shield(task)

    async def _load_and_keep(self, key: K) -> V | None:
        value = await self._load(key)
        # Entries are made only while somebody listens, and all are dropped when nobody does.
        if self._loading.get(key) is asyncio.current_task() and self._listener.connected:
            found = value is not None
            lifetime = self._found_seconds if found else MISSING_SECONDS
            organization_id = None if value is None else self._organization_of(value)
            self._entries[key] = _Entry(value, organization_id, time.monotonic() + lifetime)
        return value

    def _loaded(self, key: K, done: asyncio.Task[V | None]) -> None:
        if self._loading.get(key) is done:
            del self._loading[key]
        if not done.cancelled():
            # Retrieved here too: every reader may have been cancelled meanwhile.
            done.exception()

    def forget(self, change: ConfigurationChange | None) -> None:
        """Drop what the change may have made stale; None drops everything.

        For a writer in this process that will not wait for its own announcement.
        """
        # Loads under way may have read the state before the change: nobody new joins them, and
        # what they bring is not kept.
        self._loading.clear()
        if change is None:
            self._entries.clear()
            return
        stale = [
            key
            for key, entry in self._entries.items()
            if entry.value is None or entry.organization_id == change.organization_id
        ]
        for key in stale:
            del self._entries[key]
