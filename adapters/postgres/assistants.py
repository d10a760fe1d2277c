"""Assistants of an organisation."""

from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import Assistant
from contracts.ids import AssistantId


def new_assistant_id(seed: str | None = None) -> AssistantId:
    return AssistantId(new_id("asst", seed))


async def create(session: AsyncSession, assistant: Assistant) -> Assistant:
    return await save(session, assistant)


async def get(session: AsyncSession, assistant_id: str, *, lock: bool = False) -> Assistant | None:
    return await find(session, select(Assistant).where(Assistant.id == assistant_id), lock=lock)


async def page(
    session: AsyncSession,
    *,
    name: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Assistant]:
    query = narrowed(
        select(Assistant),
        (Assistant.name, name),
    )
    return await newest_first(session, query, table=Assistant, limit=limit, cursor=cursor)


async def update(
    session: AsyncSession, assistant: Assistant, *, changes: dict[str, Any]
) -> Assistant:
    return await save(session, assistant.sqlmodel_update(changes))


async def delete(session: AsyncSession, assistant: Assistant) -> None:
    """Remove it; its channels stay, without an assistant."""
    await session.delete(assistant)
    await session.flush()
