"""Knowledge bases of an organisation."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func
from sqlalchemy import update as update_rows
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import Assistant, KnowledgeBase
from contracts.ids import KnowledgeBaseId


def new_knowledge_base_id(seed: str | None = None) -> KnowledgeBaseId:
    return KnowledgeBaseId(new_id("kb", seed))


async def create(session: AsyncSession, knowledge_base: KnowledgeBase) -> KnowledgeBase:
    return await save(session, knowledge_base)


async def get(
    session: AsyncSession, knowledge_base_id: str, *, lock: bool = False
) -> KnowledgeBase | None:
    query = select(KnowledgeBase).where(KnowledgeBase.id == knowledge_base_id)
    return await find(session, query, lock=lock)


async def missing(session: AsyncSession, knowledge_base_ids: Iterable[str]) -> set[str]:
    """Those of the ids that are no knowledge base of the organisation."""
    wanted = set(knowledge_base_ids)
    query = select(KnowledgeBase.id).where(col(KnowledgeBase.id).in_(wanted))
    return wanted - set((await session.exec(query)).all())


async def page(
    session: AsyncSession,
    *,
    name: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[KnowledgeBase]:
    query = narrowed(
        select(KnowledgeBase),
        (KnowledgeBase.name, name),
    )
    return await newest_first(session, query, table=KnowledgeBase, limit=limit, cursor=cursor)


async def update(
    session: AsyncSession, knowledge_base: KnowledgeBase, *, changes: dict[str, Any]
) -> KnowledgeBase:
    return await save(session, knowledge_base.sqlmodel_update(changes))


async def delete(session: AsyncSession, knowledge_base: KnowledgeBase) -> None:
    """Remove it with its documents and passages, and from the assistants that read it."""
    ids = col(Assistant.knowledge_base_ids)
    statement = (
        update_rows(Assistant)
        .where(ids.contains([knowledge_base.id]))
        .values(knowledge_base_ids=func.array_remove(ids, knowledge_base.id))
    )
    await session.exec(statement)
    await session.delete(knowledge_base)
    await session.flush()
