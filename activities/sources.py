"""The steps of a source's sync. Each may be repeated, and goes on where it had come to."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Final

from anyio import SpooledTemporaryFile
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.failures import final, retry_as_told
from activities.heartbeats import heartbeating
from adapters.objects.objects import Objects
from adapters.postgres import documents
from adapters.postgres.database import Database
from adapters.postgres.sources import OwnedDocument
from adapters.postgres.syncs import SourceGone, Stored, Syncs
from adapters.postgres.tables import Source, SourceRunItem
from adapters.postgres.vanished import Vanished
from adapters.sources.items import (
    Fetched,
    ItemFailed,
    Listed,
    NotFetched,
    SourceFailed,
    SourceReader,
)
from adapters.sources.opening import MOST_PAGES, Readers
from adapters.sources.pages import digest_of
from adapters.temporal.executions import Executions
from adapters.temporal.source_schedules import SourceSchedules
from adapters.vectors.index import VectorIndex, VectorIndexError
from contracts.ids import ingestion_workflow_id
from contracts.sources import (
    BeginSync,
    FinishedSync,
    FinishSync,
    RemovedVanished,
    SyncBatch,
    SyncedBatch,
    SyncProgress,
    SyncRef,
)

PARALLEL: Final[Mapping[str, int]] = {"sitemap": 3, "s3": 3}
"""Batches at a time, of sources whose items are known beforehand. A crawl takes one page after the
other, as robots do."""
TRIES: Final = 3
"""Of an item, in one sync; the next sync tries again."""
PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE: Final = 60.0
REMOVED_AT_ONCE: Final = 50
IN_MEMORY: Final = 1024 * 1024
"""Bytes of an item; what is larger is kept on disk on its way."""


class SourceActivities:
    """Implements the activities of `SyncSource`."""

    def __init__(
        self,
        database: Database,
        *,
        readers: Readers,
        objects: Objects,
        index: VectorIndex,
        schedules: SourceSchedules,
        executions: Executions,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """
        Args:
            pause_seconds: before an item that could not be had is tried a second time.
        """
        self._database = database
        self._syncs = Syncs(database)
        self._vanished = Vanished(database)
        self._readers = readers
        self._objects = objects
        self._index = index
        self._schedules = schedules
        self._executions = executions
        self._pause_seconds = pause_seconds

    @activity.defn(name="begin_sync")
    async def begin_sync(self, request: BeginSync) -> SyncProgress:
        """Open the run that somebody has asked for, or another one.

        Raises:
            ApplicationError: `SourceGone`, final.
        """
        try:
            run_id, source = await self._syncs.begin(request)
        except SourceGone as error:
            raise _gone(error) from error
        return SyncProgress(run_id=run_id, parallel=PARALLEL.get(source.type, 1))

    @activity.defn(name="list_source")
    async def list_source(self, sync: SyncRef) -> SyncProgress:
        """Write down what the source has now, without fetching it.

        Raises:
            ApplicationError: `SourceFailed`, to be tried again, with a sentence for the source's
                owner; `SourceGone`, final.
        """
        try:
            async with heartbeating():
                source = await self._syncs.source(sync.source)
                total = await self._syncs.total(sync)
                if not total:
                    reader = await self._readers.open(source)
                    total = await self._syncs.write_list(sync, await reader.list())
        except SourceFailed as error:
            raise _failed(error) from error
        except SourceGone as error:
            raise _gone(error) from error
        return SyncProgress(run_id=sync.run_id, total=total, parallel=PARALLEL.get(source.type, 1))

    @activity.defn(name="sync_batch")
    async def sync_batch(self, request: SyncBatch) -> SyncedBatch:
        """Fetch some of the items and keep what is new; one that fails stops no other.

        Raises:
            ApplicationError: `SourceFailed` when none of them can be had now; `SourceGone`, final.
        """
        sync = request.sync
        try:
            async with heartbeating():
                source = await self._syncs.source(sync.source)
                reader = await self._readers.open(source)
                items = await self._syncs.items(sync, start=request.start, end=request.end)
                for item in items:
                    if item.outcome == "pending":
                        await self._sync_item(sync, item, reader, source)
                return SyncedBatch(
                    total=await self._syncs.total(sync),
                    documents=tuple(
                        await self._syncs.to_ingest(sync, start=request.start, end=request.end)
                    ),
                )
        except SourceFailed as error:
            raise _failed(error) from error
        except SourceGone as error:
            raise _gone(error) from error

    @activity.defn(name="remove_vanished")
    async def remove_vanished(self, sync: SyncRef) -> RemovedVanished:
        """Remove some of the documents that the source has no more, if that is certain."""
        try:
            async with heartbeating():
                await self._vanished.decide(sync)
                going = await self._vanished.to_remove(sync, limit=REMOVED_AT_ONCE)
                for document in going:
                    await self._remove(sync, document)
        except VectorIndexError as error:
            raise retry_as_told(error) from error
        except SourceGone as error:
            raise _gone(error) from error
        return RemovedVanished(removed=len(going), more=len(going) == REMOVED_AT_ONCE)

    @activity.defn(name="finish_sync")
    async def finish_sync(self, request: FinishSync) -> FinishedSync:
        """Write down how the run ended; doing it again changes nothing."""
        sync = request.sync
        try:
            next_run_at = await self._schedules.next_run_at(sync.source.source_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            next_run_at = None
        try:
            await self._forget_contents(sync, await self._syncs.replaced_contents(sync))
            return await self._syncs.finish(sync, error=request.error, next_run_at=next_run_at)
        except SourceGone as error:
            raise _gone(error) from error

    async def _sync_item(
        self, sync: SyncRef, item: SourceRunItem, reader: SourceReader, source: Source
    ) -> None:
        pause = self._pause_seconds
        for attempt in range(1, TRIES + 1):
            try:
                await self._fetch(sync, item, reader, source)
            except ItemFailed as error:
                if not error.retryable or attempt == TRIES:
                    await self._syncs.fail_item(sync, item, str(error))
                    return
                await asyncio.sleep(min(max(error.retry_after, pause), LONGEST_PAUSE))
                pause *= 2
            else:
                return

    async def _fetch(
        self, sync: SyncRef, item: SourceRunItem, reader: SourceReader, source: Source
    ) -> None:
        known = await self._syncs.known(sync, item.key)
        async with SpooledTemporaryFile[bytes](max_size=IN_MEMORY) as file:
            found = await reader.fetch(_listed(item), None if known is None else known[0], file)
            if not isinstance(found, Fetched) or (known and known[0].digest == found.digest):
                await self._settle(sync, item, found, None, source)
                return
            size = await file.seek(0, 2)
            stored = Stored(await digest_of(file), size)
            try:
                await self._objects.put_file(
                    sync.source.organization_id,
                    file,
                    sha256=stored.sha256,
                    media_type=found.media_type,
                )
                await self._settle(sync, item, found, stored, source)
            except BaseException:
                # Also when it is cancelled, as a source's deletion does: nobody else knows of it.
                await _to_its_end(self._forget_contents(sync, {stored.sha256}))
                raise

    async def _settle(
        self,
        sync: SyncRef,
        item: SourceRunItem,
        found: Fetched | NotFetched,
        stored: Stored | None,
        source: Source,
    ) -> None:
        await self._syncs.settle(sync, item, found, stored=stored, most_items=_most_items(source))

    async def _remove(self, sync: SyncRef, document: OwnedDocument) -> None:
        """From the index first: as long as the row is there, the removal is tried again."""
        await self._executions.cancel([ingestion_workflow_id(document.id)])
        await self._index.delete_document(sync.source.organization_id, document_id=document.id)
        await self._forget_contents(sync, await self._vanished.remove(sync, document))

    async def _forget_contents(self, sync: SyncRef, hashes: Iterable[str]) -> None:
        """Remove the files that no document of the organisation has any more."""
        owner = sync.source.organization_id
        async with self._database.tenant(owner) as session:
            unused = await documents.unused_contents(session, sorted(hashes))
        for sha256 in unused:
            await self._objects.delete(owner, sha256)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """A cancellation that comes meanwhile waits for it: a source is deleted and its sync cancelled
    in one moment, so that the first of the two is often noticed just before the second."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _listed(item: SourceRunItem) -> Listed:
    return Listed(item.key, title=item.title, url=item.url, depth=item.depth, etag=item.etag)


def _most_items(source: Source) -> int:
    most: int = source.settings.get("max_pages", MOST_PAGES)
    return most


def _failed(error: SourceFailed) -> ApplicationError:
    return ApplicationError(str(error), type="SourceFailed", non_retryable=not error.retryable)


def _gone(error: Exception) -> ApplicationError:
    return final(error, sentence="The source was deleted.")
