"""What has been erased, and what that removes from PostgreSQL.

An erasure's own row outlives its subject. It holds ids and counts, and only the platform writes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.configuration_listener import CONFIGURATION_CHANNEL, ConfigurationChange
from adapters.postgres.database import Database
from adapters.postgres.rows import Page, newest_first
from adapters.postgres.tables import (
    ApiKey,
    Assistant,
    Channel,
    Document,
    Erasure,
    KeptEmbedding,
    KnowledgeBase,
    Organization,
    Passage,
    PassageEmbedding,
    PersonFact,
    Source,
    SourceRun,
    SourceRunItem,
    UnansweredQuestion,
    UsageMetric,
    WebhookEndpoint,
    WhatsAppUser,
)
from contracts.erasure import Erase
from contracts.ids import ChannelId, ErasureId, OrganizationId, PersonId

CHUNK: Final = 1000
"""Rows of a transaction: a large organisation must not hold its locks for minutes."""

_LARGE: Final[Sequence[type[SQLModel]]] = (
    PassageEmbedding, Passage, KeptEmbedding, Document, SourceRunItem, SourceRun, PersonFact,
    UnansweredQuestion, WhatsAppUser, UsageMetric,
)  # fmt: skip
_SMALL: Final[Sequence[type[SQLModel]]] = (
    ApiKey, Channel, WebhookEndpoint, Assistant, Source, KnowledgeBase,
)  # fmt: skip
"""What there is besides, such as the audit log, goes with the organisation's row."""


async def get(session: AsyncSession, erasure_id: str) -> Erasure | None:
    return (await session.exec(select(Erasure).where(Erasure.id == erasure_id))).first()


async def page(session: AsyncSession, *, limit: int, cursor: str | None) -> Page[Erasure]:
    return await newest_first(session, select(Erasure), table=Erasure, limit=limit, cursor=cursor)


async def begin(session: AsyncSession, request: Erase) -> Erasure:
    """Record it, and make PostgreSQL deny its subject from the commit on. Safe to repeat.

    Args:
        session: the platform's.
    """
    await session.exec(
        insert(Erasure)
        .values(
            id=request.erasure_id,
            organization_id=request.organization_id,
            kind=request.kind,
            subject_id=request.subject_id,
            status="running",
            removed={},
            requested_by=request.requested_by,
        )
        .on_conflict_do_nothing()
    )
    owner = request.organization_id
    if request.kind == "organization":
        await session.exec(
            update(Organization)
            .where(col(Organization.id) == owner, col(Organization.deleting_at).is_(None))
            .values(deleting_at=func.now())
        )
        removed = {
            "api_keys": await _delete(session, ApiKey, col(ApiKey.organization_id) == owner),
            "channels": await _delete(session, Channel, col(Channel.organization_id) == owner),
            "webhook_endpoints": await _delete(
                session, WebhookEndpoint, col(WebhookEndpoint.organization_id) == owner
            ),
        }
    else:
        removed = await _delete_person(session, owner, PersonId(request.subject_id))
    return await add_removed(session, request.erasure_id, removed)


async def add_removed(
    session: AsyncSession, erasure_id: ErasureId, counts: Mapping[str, int]
) -> Erasure:
    """Add to what has been removed, by kind. `LookupError` when there is no such erasure."""
    query = select(Erasure).where(Erasure.id == erasure_id).with_for_update()
    erasure = (await session.exec(query)).first()
    if erasure is None:
        raise LookupError("there is no such erasure")
    removed = dict(erasure.removed)
    for kind, count in counts.items():
        if count:
            removed[kind] = removed.get(kind, 0) + count
    erasure.removed = removed
    session.add(erasure)
    await session.flush()
    return erasure


async def reopen(session: AsyncSession, erasure_id: ErasureId) -> None:
    """It is being worked on, whatever was said before."""
    await session.exec(
        update(Erasure)
        .where(col(Erasure.id) == erasure_id)
        .values(status="running", finished_at=None)
    )


async def finish(session: AsyncSession, erasure_id: ErasureId) -> None:
    """Nothing is left."""
    await session.exec(
        update(Erasure)
        .where(col(Erasure.id) == erasure_id)
        .values(status="finished", finished_at=func.coalesce(Erasure.finished_at, func.now()))
    )


async def channels_of(session: AsyncSession) -> list[ChannelId]:
    """Of the tenant whose session it is."""
    return [channel.id for channel in await session.exec(select(Channel))]


async def remove_organization(database: Database, request: Erase) -> int:
    """Remove every row of the organisation, at last its own; how many were counted.

    Each transaction also counts what it removed, so that no repetition counts twice.
    """
    total = 0
    for table in (*_LARGE, *_SMALL):
        while removed := await _remove_chunk(database, table, request):
            total += removed
    async with database.platform() as session:
        own = col(Organization.id) == request.organization_id
        total += await _delete(session, Organization, own)
    return total


async def remove_person(database: Database, request: Erase) -> int:
    """Remove the person's row, which a message under way may have written anew; how many."""
    person_id = PersonId(request.subject_id)
    async with database.platform() as session:
        removed = await _delete_person(session, request.organization_id, person_id)
        await add_removed(session, request.erasure_id, removed)
    return sum(removed.values())


async def _remove_chunk(database: Database, table: type[SQLModel], request: Erase) -> int:
    columns = table.__table__.columns  # type: ignore[attr-defined]
    key = tuple(table.__table__.primary_key)  # type: ignore[attr-defined]
    chunk = select(*key).where(columns["organization_id"] == request.organization_id).limit(CHUNK)
    async with database.platform() as session:
        removed = await _delete(session, table, tuple_(*key).in_(chunk))
        await add_removed(session, request.erasure_id, {table.__tablename__: removed})  # type: ignore[dict-item]
    return removed


async def _delete_person(
    session: AsyncSession, organization_id: OrganizationId, person_id: PersonId
) -> dict[str, int]:
    """What is known about the person goes with their row. Also tells every process to forget whom
    it remembers under the person's identifiers."""
    removed = await _delete(
        session,
        WhatsAppUser,
        (col(WhatsAppUser.organization_id) == organization_id)
        & (col(WhatsAppUser.id) == person_id),
    )
    change = ConfigurationChange(
        table=str(WhatsAppUser.__tablename__), id=person_id, organization_id=organization_id
    )
    await (await session.connection()).execute(
        text("SELECT pg_notify(:channel, :change)"),
        {"channel": CONFIGURATION_CHANNEL, "change": change.model_dump_json()},
    )
    return {"whatsapp_users": removed}


async def _delete(
    session: AsyncSession, table: type[SQLModel], which: ColumnElement[bool] | Any
) -> int:
    return (await session.exec(delete(table).where(which))).rowcount
