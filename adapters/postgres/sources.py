"""Sources of a knowledge base as their owner handles them. What syncs write is in `syncs.py`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import Document, Source, SourceRun, SourceRunItem
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, SourceId, SourceRunId
from contracts.sources import ItemOutcome, SourceType, SyncStatus


class OwnedDocument(NamedTuple):
    """What other engines hold of a document."""

    id: DocumentId
    content_sha256: str
    active_sha256: str | None = None
    """What it is searched with, while another content is on its way."""

    @property
    def contents(self) -> set[str]:
        return {one for one in (self.content_sha256, self.active_sha256) if one is not None}


def new_source_id(seed: str | None = None) -> SourceId:
    return SourceId(new_id("src", seed))


def new_run_id(seed: str | None = None) -> SourceRunId:
    return SourceRunId(new_id("run", seed))


async def create(session: AsyncSession, source: Source) -> Source:
    return await save(session, source)


async def get(
    session: AsyncSession, source_id: str, *, knowledge_base_id: str, lock: bool = False
) -> Source | None:
    query = select(Source).where(
        Source.id == source_id, Source.knowledge_base_id == knowledge_base_id
    )
    return await find(session, query, lock=lock)


async def count(session: AsyncSession, *, knowledge_base_id: str) -> int:
    query = select(func.count(col(Source.id))).where(Source.knowledge_base_id == knowledge_base_id)
    return (await session.exec(query)).one()


async def page(
    session: AsyncSession,
    *,
    knowledge_base_id: KnowledgeBaseId,
    type: SourceType | None = None,
    name: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Source]:
    query = narrowed(
        select(Source).where(Source.knowledge_base_id == knowledge_base_id),
        (Source.type, type),
        (Source.name, name),
    )
    return await newest_first(session, query, table=Source, limit=limit, cursor=cursor)


async def ids(session: AsyncSession, *, knowledge_base_id: str | None = None) -> list[SourceId]:
    """Of the knowledge base, or of all that the session sees."""
    query = narrowed(select(Source.id), (Source.knowledge_base_id, knowledge_base_id))  # type: ignore[type-var]
    return [SourceId(one) for one in await session.exec(query)]


async def after(session: AsyncSession, source_id: str, *, limit: int) -> list[SourceId]:
    """The next ids in their order."""
    query = select(Source.id).where(col(Source.id) > source_id).order_by(col(Source.id))
    return [SourceId(one) for one in await session.exec(query.limit(limit))]


async def lock(session: AsyncSession, source_id: SourceId) -> Source | None:
    """The source, which nobody changes before the transaction ends."""
    return await session.get(Source, source_id, with_for_update=True)


async def existing(session: AsyncSession, source_ids: Sequence[SourceId]) -> set[SourceId]:
    """Those of the ids that there are."""
    # One parameter: of single ones PostgreSQL takes no more than 65,535.
    wanted = any_(literal(list(source_ids), ARRAY(Text)))
    query = select(Source.id).where(col(Source.id) == wanted)
    return {SourceId(one) for one in await session.exec(query)}


async def change(session: AsyncSession, source: Source, *, changes: dict[str, Any]) -> Source:
    return await save(session, source.sqlmodel_update(changes))


async def note_next_run(session: AsyncSession, source_id: SourceId, at: datetime | None) -> None:
    """What no administrator has changed: `updated_at` stays."""
    await session.exec(
        update(Source)
        .where(col(Source.id) == source_id)
        .values(next_run_at=at, updated_at=col(Source.updated_at))
    )


async def documents_of(session: AsyncSession, *, source_id: str) -> list[OwnedDocument]:
    query = select(Document.id, Document.content_sha256, Document.active_sha256).where(
        Document.source_id == source_id
    )
    return [OwnedDocument(DocumentId(one), *hashes) for one, *hashes in await session.exec(query)]


async def delete(session: AsyncSession, source: Source) -> None:
    """Remove it with its runs and documents."""
    await session.delete(source)
    await session.flush()


async def open_run(session: AsyncSession, *, source_id: str) -> SourceRun | None:
    """The run that has been asked for or is going on, the newest first."""
    query = (
        select(SourceRun)
        .where(SourceRun.source_id == source_id, col(SourceRun.ended_at).is_(None))
        .order_by(col(SourceRun.created_at).desc())
    )
    return (await session.exec(query)).first()


async def get_run(session: AsyncSession, run_id: str, *, source_id: str) -> SourceRun | None:
    query = select(SourceRun).where(SourceRun.id == run_id, SourceRun.source_id == source_id)
    return (await session.exec(query)).first()


async def ask_for_run(
    session: AsyncSession, *, run_id: SourceRunId, source_id: SourceId, owner: OrganizationId
) -> SourceRun:
    """What the next sync of the source takes as its own."""
    run = SourceRun(id=run_id, organization_id=owner, source_id=source_id, trigger="manual")
    return await save(session, run)


async def runs(
    session: AsyncSession,
    *,
    source_id: SourceId,
    status: SyncStatus | None = None,
    limit: int,
    cursor: str | None,
) -> Page[SourceRun]:
    query = narrowed(
        select(SourceRun).where(SourceRun.source_id == source_id), (SourceRun.status, status)
    )
    return await newest_first(session, query, table=SourceRun, limit=limit, cursor=cursor)


async def items_of(
    session: AsyncSession, *, run_id: SourceRunId, limit: int
) -> list[SourceRunItem]:
    """What was changed or has failed, the failures first."""
    shown: list[ItemOutcome] = ["failed", "added", "changed", "removed"]
    query = (
        select(SourceRunItem)
        .where(SourceRunItem.run_id == run_id, col(SourceRunItem.outcome).in_(shown))
        .order_by(col(SourceRunItem.outcome) != "failed", col(SourceRunItem.position))
        .limit(limit)
    )
    return list((await session.exec(query)).all())
