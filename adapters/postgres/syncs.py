"""What syncs of sources write. Each method is one transaction of one organisation.

The items of a run are its list of what is still to do: whatever dies in between, an item is settled
once, together with the document that comes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import documents, sources
from adapters.postgres.database import Database
from adapters.postgres.tables import Document, Source, SourceRun, SourceRunItem
from adapters.sources.items import Fetched, Known, Listed, Listing, NotFetched
from contracts.ids import DocumentId, SourceRunId
from contracts.sources import BeginSync, FinishedSync, ItemOutcome, SourceRef, SyncRef

RUNS_KEPT: Final = 50
ITEMS_KEPT: Final = 1_000
"""Of each run."""
_INTERRUPTED: Final = "It was ended before it had come to its end."
_WORTH_KEEPING: Final[tuple[ItemOutcome, ...]] = ("failed", "added", "changed", "removed")


class SourceGone(Exception):
    """The source was deleted, or the run is not there any more."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the content of an item is kept."""

    sha256: str
    size_bytes: int


class Syncs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, request: BeginSync) -> tuple[SourceRunId, Source]:
        """The run that was asked for, or a new one; the same when the workflow asks again."""
        ref = request.source
        async with self._database.tenant(ref.organization_id) as session:
            source = await self._source(session, ref, lock=True)
            ours = select(SourceRun).where(
                SourceRun.source_id == ref.source_id,
                SourceRun.workflow_id == request.workflow_id,
                # Two syncs that begin in the same second have the same id, one after the other.
                col(SourceRun.ended_at).is_(None),
            )
            if (run := (await session.exec(ours)).first()) is not None:
                return run.id, source
            # There is one sync of a source at a time: what else seems to run was cut off.
            await session.exec(
                update(SourceRun)
                .where(
                    col(SourceRun.source_id) == ref.source_id, col(SourceRun.status) == "running"
                )
                .values(status="failed", error=_INTERRUPTED, ended_at=func.now())
            )
            run = await sources.open_run(session, source_id=ref.source_id) or SourceRun(
                id=sources.new_run_id(),
                organization_id=ref.organization_id,
                source_id=ref.source_id,
            )
            run.workflow_id, run.status = request.workflow_id, "running"
            session.add(run)
            await session.flush()
            began = {"started_at": func.now()}
            await session.exec(update(SourceRun).where(col(SourceRun.id) == run.id).values(**began))
            await session.exec(
                update(Source)
                .where(col(Source.id) == ref.source_id)
                .values(last_run_at=func.now(), updated_at=col(Source.updated_at))
            )
            await self._forget_old_runs(session, ref)
            return run.id, source

    async def source(self, ref: SourceRef) -> Source:
        async with self._database.tenant(ref.organization_id) as session:
            return await self._source(session, ref)

    async def write_list(self, sync: SyncRef, listing: Listing) -> int:
        """Note what the source has; how much that is. What was noted before stays as it is."""
        async with self._database.tenant(sync.source.organization_id) as session:
            run = await self._run(session, sync)
            if total := await self._total(session, sync):
                return total
            run.complete, run.error = listing.complete, listing.note
            session.add(run)
            await self._append(session, sync, listing.items, start=0)
            return await self._total(session, sync)

    async def total(self, sync: SyncRef) -> int:
        """Items that the run knows of."""
        async with self._database.tenant(sync.source.organization_id) as session:
            return await self._total(session, sync)

    async def items(self, sync: SyncRef, *, start: int, end: int) -> list[SourceRunItem]:
        """Those of the positions `start <= position < end`."""
        async with self._database.tenant(sync.source.organization_id) as session:
            rows = await session.exec(
                select(SourceRunItem)
                .where(
                    SourceRunItem.run_id == sync.run_id,
                    SourceRunItem.position >= start,
                    SourceRunItem.position < end,
                )
                .order_by(col(SourceRunItem.position))
            )
            return list(rows)

    async def known(self, sync: SyncRef, key: str) -> tuple[Known, str] | None:
        """What was fetched last of an item, and the hash of what is kept of it."""
        async with self._database.tenant(sync.source.organization_id) as session:
            document = await _document(session, sync, key)
        if document is None:
            return None
        known = Known(document.source_etag, document.source_last_modified, document.source_digest)
        return known, document.content_sha256

    async def settle(
        self,
        sync: SyncRef,
        item: SourceRunItem,
        found: Fetched | NotFetched,
        *,
        stored: Stored | None,
        most_items: int,
    ) -> None:
        """Note what became of an item, and what it leads to; its document is made or changed.

        Args:
            stored: of a `Fetched` one whose content is not what there was.

        Raises:
            SourceGone: the source was deleted meanwhile; nothing is written.
        """
        try:
            async with self._database.tenant(sync.source.organization_id) as session:
                current = await session.get(SourceRunItem, item.id, with_for_update=True)
                if current is None:
                    raise SourceGone
                if current.outcome != "pending":
                    return
                if isinstance(found, Fetched):
                    await _keep(session, sync, current, found, stored)
                else:
                    await _keep_nothing(session, sync, current, found)
                session.add(current)
                if found.found:
                    await self._add_found(session, sync, found.found, most_items=most_items)
        except IntegrityError:
            # A document's source, or an item's run, must be there.
            raise SourceGone from None

    async def fail_item(self, sync: SyncRef, item: SourceRunItem, reason: str) -> None:
        """Note why it could not be had. Its document stays as it is."""
        async with self._database.tenant(sync.source.organization_id) as session:
            await session.exec(
                update(SourceRunItem)
                .where(col(SourceRunItem.id) == item.id, col(SourceRunItem.outcome) == "pending")
                .values(outcome="failed", reason=reason)
            )

    async def to_ingest(self, sync: SyncRef, *, start: int, end: int) -> list[DocumentId]:
        """Documents of those items that searches do not find as they are now."""
        async with self._database.tenant(sync.source.organization_id) as session:
            rows = await session.exec(
                select(Document.id)
                .join(SourceRunItem, col(SourceRunItem.document_id) == Document.id)
                .where(
                    SourceRunItem.run_id == sync.run_id,
                    SourceRunItem.position >= start,
                    SourceRunItem.position < end,
                    col(SourceRunItem.outcome).in_(["added", "changed", "unchanged"]),
                    (col(Document.status) != "ready")
                    | col(Document.active_sha256).is_distinct_from(col(Document.content_sha256)),
                )
                .order_by(col(SourceRunItem.position))
            )
            return [DocumentId(one) for one in rows]

    async def replaced_contents(self, sync: SyncRef) -> set[str]:
        """Hashes of contents that documents had before this run."""
        async with self._database.tenant(sync.source.organization_id) as session:
            rows = await session.exec(
                select(SourceRunItem.replaced_sha256).where(
                    SourceRunItem.run_id == sync.run_id,
                    col(SourceRunItem.replaced_sha256).is_not(None),
                )
            )
            return {sha256 for sha256 in rows if sha256 is not None}

    async def finish(
        self, sync: SyncRef, *, error: str | None, next_run_at: datetime | None
    ) -> FinishedSync:
        """Note how the run ended, once. Of its items, those that say something are kept."""
        async with self._database.tenant(sync.source.organization_id) as session:
            run = await self._run(session, sync)
            if run.ended_at is None:
                await self._count_failed_documents(session, sync)
                await self._end(session, run, error)
                await self._forget_items(session, run.id)
                await sources.note_next_run(session, run.source_id, next_run_at)
            return FinishedSync.model_validate(run, from_attributes=True)

    async def _end(self, session: AsyncSession, run: SourceRun, error: str | None) -> None:
        rows = await session.exec(
            select(SourceRunItem.outcome, func.count())
            .where(SourceRunItem.run_id == run.id)
            .group_by(col(SourceRunItem.outcome))
        )
        counts: dict[str, int] = dict(list(rows))
        for outcome in ("added", "changed", "unchanged", "removed", "failed"):
            setattr(run, outcome, counts.get(outcome, 0))
        worked = run.added + run.changed + run.unchanged + run.removed
        if error is not None:
            run.status, run.error = "failed", error
        elif run.failed and not worked:
            first = await session.scalar(
                select(SourceRunItem.reason)
                .where(SourceRunItem.run_id == run.id, SourceRunItem.outcome == "failed")
                .order_by(col(SourceRunItem.position))
                .limit(1)
            )
            run.status, run.error = "failed", run.error or first
        else:
            run.status = "partly" if run.failed or run.error else "succeeded"
        session.add(run)
        await session.flush()
        await session.exec(
            update(SourceRun).where(col(SourceRun.id) == run.id).values(ended_at=func.now())
        )

    async def _count_failed_documents(self, session: AsyncSession, sync: SyncRef) -> None:
        """An item that was fetched and cannot be read has failed, too."""
        failed = select(Document.id, Document.error).where(
            Document.source_id == sync.source.source_id, Document.status == "failed"
        )
        reasons = dict(list(await session.exec(failed)))
        for document_id, reason in reasons.items():
            await session.exec(
                update(SourceRunItem)
                .where(
                    col(SourceRunItem.run_id) == sync.run_id,
                    col(SourceRunItem.document_id) == document_id,
                    col(SourceRunItem.outcome).in_(["added", "changed", "unchanged"]),
                )
                .values(outcome="failed", reason=reason)
            )

    async def _forget_items(self, session: AsyncSession, run_id: SourceRunId) -> None:
        kept = (
            select(SourceRunItem.id)
            .where(SourceRunItem.run_id == run_id, col(SourceRunItem.outcome).in_(_WORTH_KEEPING))
            .order_by(col(SourceRunItem.outcome) != "failed", col(SourceRunItem.position))
            .limit(ITEMS_KEPT)
        )
        await session.exec(
            delete(SourceRunItem).where(
                col(SourceRunItem.run_id) == run_id, col(SourceRunItem.id).not_in(kept)
            )
        )

    async def _forget_old_runs(self, session: AsyncSession, ref: SourceRef) -> None:
        newest = (
            select(SourceRun.id)
            .where(SourceRun.source_id == ref.source_id)
            .order_by(col(SourceRun.created_at).desc(), col(SourceRun.id).desc())
            .limit(RUNS_KEPT)
        )
        await session.exec(
            delete(SourceRun).where(
                col(SourceRun.source_id) == ref.source_id, col(SourceRun.id).not_in(newest)
            )
        )

    async def _add_found(
        self, session: AsyncSession, sync: SyncRef, found: Sequence[Listed], *, most_items: int
    ) -> None:
        run = await self._run(session, sync)
        there = select(SourceRunItem.key).where(SourceRunItem.run_id == sync.run_id)
        known = set((await session.exec(there)).all())
        fresh = list({one.key: one for one in found if one.key not in known}.values())
        if len(known) + len(fresh) > most_items:
            fresh = fresh[: most_items - len(known)]
            run.complete, run.error = False, f"Only {most_items:,} pages were read, the most."
            session.add(run)
        await self._append(session, sync, fresh, start=len(known))

    async def _append(
        self, session: AsyncSession, sync: SyncRef, items: Sequence[Listed], *, start: int
    ) -> None:
        rows = [
            {
                "id": f"{sync.run_id}.{position}",
                "organization_id": sync.source.organization_id,
                "run_id": sync.run_id,
                "position": position,
                "key": item.key,
                "title": item.title,
                "url": item.url,
                "depth": item.depth,
                "etag": item.etag,
                "outcome": "pending",
            }
            for position, item in enumerate(items, start=start)
        ]
        if rows:
            await (await session.connection()).execute(insert(SourceRunItem), rows)

    async def _total(self, session: AsyncSession, sync: SyncRef) -> int:
        query = select(func.count()).select_from(SourceRunItem)
        return (await session.exec(query.where(SourceRunItem.run_id == sync.run_id))).one()

    async def _run(self, session: AsyncSession, sync: SyncRef) -> SourceRun:
        run = await session.get(SourceRun, sync.run_id, with_for_update=True)
        if run is None:
            raise SourceGone
        return run

    async def _source(self, session: AsyncSession, ref: SourceRef, *, lock: bool = False) -> Source:
        source = await sources.get(
            session, ref.source_id, knowledge_base_id=ref.knowledge_base_id, lock=lock
        )
        if source is None:
            raise SourceGone
        return source


async def _keep(
    session: AsyncSession,
    sync: SyncRef,
    item: SourceRunItem,
    found: Fetched,
    stored: Stored | None,
) -> None:
    document = await _document(session, sync, item.key, lock=True)
    if document is None:
        if stored is None:
            # Deleted by hand since it was looked at: the next sync fetches it anew.
            item.outcome, item.reason = "failed", "Its document was deleted during the sync."
            return
        document = Document(
            id=documents.new_document_id(),
            organization_id=sync.source.organization_id,
            knowledge_base_id=sync.source.knowledge_base_id,
            source_id=sync.source.source_id,
            source_key=item.key,
            title=found.title,
            media_type=found.media_type,
            size_bytes=stored.size_bytes,
            content_sha256=stored.sha256,
        )
        item.outcome = "added"
    elif stored is None:
        item.outcome = "unchanged"
    else:
        item.outcome = "changed"
        item.replaced_sha256 = document.content_sha256
        document.title = found.title
        document.media_type = found.media_type
        document.size_bytes = stored.size_bytes
        document.content_sha256 = stored.sha256
        document.status, document.stage, document.error = "pending", None, None
        document.progress = 0
    document.filename = found.filename
    document.url = found.url or item.url
    document.source_etag = found.etag
    document.source_last_modified = found.last_modified
    document.source_digest = found.digest
    document.source_missing_since = None
    session.add(document)
    await session.flush()
    item.document_id, item.title = document.id, document.title


async def _keep_nothing(
    session: AsyncSession, sync: SyncRef, item: SourceRunItem, found: NotFetched
) -> None:
    item.outcome, item.reason = found.outcome, found.reason
    document = await _document(session, sync, item.key, lock=True)
    if document is not None and found.outcome == "unchanged":
        document.source_missing_since = None
        session.add(document)
        item.document_id, item.title = document.id, document.title


async def _document(
    session: AsyncSession, sync: SyncRef, key: str, *, lock: bool = False
) -> Document | None:
    query = select(Document).where(
        Document.source_id == sync.source.source_id, Document.source_key == key
    )
    return (await session.exec(query.with_for_update() if lock else query)).first()
