"""Documents that their source has no more: which of them are gone for certain, and their removal.

What may go is noted on the run's items first, in one step; then it is removed in small ones.
"""

from typing import Final

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.database import Database
from adapters.postgres.sources import OwnedDocument
from adapters.postgres.syncs import SourceGone
from adapters.postgres.tables import Document, Source, SourceRun, SourceRunItem
from contracts.ids import DocumentId
from contracts.sources import SyncRef
from domain.vanishing import is_suspicious

_GONE: Final = ("gone", "skipped")
_NO_LONGER: Final = "The source has it no more."


class Vanished:
    """Reads and writes about what has vanished. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide(self, sync: SyncRef) -> None:
        """Note which documents are to go. Decided once, it stays so.

        Nothing that is merely not listed goes unless the list was complete; and of a crawl, a page
        that could not be read hides what it leads to.
        """
        async with self._database.tenant(sync.source.organization_id) as session:
            run = await session.get(SourceRun, sync.run_id, with_for_update=True)
            source = await session.get(Source, sync.source.source_id)
            if run is None or source is None:
                raise SourceGone
            if run.decided:
                return
            run.decided = True
            session.add(run)
            certain = run.complete and not (
                source.type == "crawl" and await _some_failed(session, sync)
            )
            missing = await _missing(session, sync, unlisted_too=certain)
            if not missing:
                return
            known = await session.scalar(
                select(func.count(col(Document.id))).where(
                    Document.source_id == sync.source.source_id
                )
            )
            if is_suspicious(kept=(known or 0) - len(missing), missing=len(missing)):
                missing = await self._believed(session, run, missing)
            await self._note(session, sync, missing)

    async def to_remove(self, sync: SyncRef, *, limit: int) -> list[OwnedDocument]:
        """The next documents that are to go."""
        async with self._database.tenant(sync.source.organization_id) as session:
            rows = await session.exec(
                select(Document.id, Document.content_sha256)
                .join(SourceRunItem, col(SourceRunItem.document_id) == Document.id)
                .where(SourceRunItem.run_id == sync.run_id, SourceRunItem.outcome == "gone")
                .limit(limit)
            )
            return [OwnedDocument(DocumentId(one), sha256) for one, sha256 in rows]

    async def remove(self, sync: SyncRef, document: OwnedDocument) -> set[str]:
        """Remove it with its passages, and note that; the hashes of the contents that it had."""
        async with self._database.tenant(sync.source.organization_id) as session:
            row = await session.get(Document, document.id, with_for_update=True)
            await session.exec(
                update(SourceRunItem)
                .where(
                    col(SourceRunItem.run_id) == sync.run_id,
                    col(SourceRunItem.document_id) == document.id,
                )
                .values(
                    outcome="removed",
                    replaced_sha256=row.content_sha256 if row else document.content_sha256,
                )
            )
            if row is None:
                return document.contents
            had = OwnedDocument(row.id, row.content_sha256, row.active_sha256)
            await session.delete(row)
            return had.contents

    async def _believed(
        self, session: AsyncSession, run: SourceRun, missing: list[Document]
    ) -> list[Document]:
        """Those that were missing before this run began, too. The others are looked for again."""
        began = run.started_at
        believed = [
            one
            for one in missing
            if one.source_missing_since and began and one.source_missing_since < began
        ]
        doubted = len(missing) - len(believed)
        if doubted:
            run.error = (
                f"{doubted} documents are missing at the source, which is too many to be believed "
                "at once: they are kept, and go if the next sync does not find them either."
            )
            session.add(run)
        await session.exec(
            update(Document)
            .where(
                col(Document.id).in_([one.id for one in missing]),
                col(Document.source_missing_since).is_(None),
            )
            .values(source_missing_since=func.now(), updated_at=col(Document.updated_at))
        )
        return believed

    async def _note(self, session: AsyncSession, sync: SyncRef, gone: list[Document]) -> None:
        items = await session.exec(select(SourceRunItem).where(SourceRunItem.run_id == sync.run_id))
        by_key = {item.key: item for item in items}
        position = len(by_key)
        for document in gone:
            key = document.source_key or document.id
            item = by_key.get(key)
            if item is None:
                item = SourceRunItem(
                    id=f"{sync.run_id}.{position}",
                    organization_id=sync.source.organization_id,
                    run_id=sync.run_id,
                    position=position,
                    key=key,
                    url=document.url,
                    reason=_NO_LONGER,
                )
                position += 1
            item.outcome, item.document_id, item.title = "gone", document.id, document.title
            session.add(item)


async def _missing(session: AsyncSession, sync: SyncRef, *, unlisted_too: bool) -> list[Document]:
    """Documents that are not to go yet, and whose item says that it is gone, or is not there."""
    of_item = (col(SourceRunItem.run_id) == sync.run_id) & (
        col(SourceRunItem.key) == col(Document.source_key)
    )
    gone: ColumnElement[bool] = col(SourceRunItem.outcome).in_(_GONE) & col(
        SourceRunItem.document_id
    ).is_(None)
    wanted = or_(gone, col(SourceRunItem.id).is_(None)) if unlisted_too else gone
    rows = await session.exec(
        select(Document)
        .outerjoin(SourceRunItem, of_item)
        .where(Document.source_id == sync.source.source_id, wanted)
        .order_by(col(Document.created_at))
    )
    return list(rows)


async def _some_failed(session: AsyncSession, sync: SyncRef) -> bool:
    query = select(SourceRunItem.id).where(
        SourceRunItem.run_id == sync.run_id,
        col(SourceRunItem.outcome).in_(["failed", "pending"]),
    )
    return (await session.exec(query.limit(1))).first() is not None
