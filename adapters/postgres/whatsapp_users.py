"""The people who have written to an organisation."""

from typing import Any

from sqlalchemy import func, inspect
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, newest_first, save
from adapters.postgres.tables import WhatsAppUser
from contracts.ids import OrganizationId, PersonId


async def remember(
    session: AsyncSession,
    person_id: PersonId,
    *,
    organization_id: OrganizationId,
    wa_id: str | None = None,
    user_id: str | None = None,
    parent_user_id: str | None = None,
    username: str | None = None,
    profile_name: str | None = None,
) -> None:
    """Keep what a message told about its sender. What it did not tell stays as it was known."""
    told = {
        "wa_id": wa_id,
        "user_id": user_id,
        "parent_user_id": parent_user_id,
        "username": username,
        "profile_name": profile_name,
    }
    statement = insert(WhatsAppUser).values(
        id=person_id, organization_id=organization_id, attributes={}, **told
    )
    known = inspect(WhatsAppUser).columns
    news = {name: func.coalesce(statement.excluded[name], known[name]) for name in told}
    await session.exec(
        statement.on_conflict_do_update(
            index_elements=["id"], set_=news | {"updated_at": func.now()}
        )
    )


async def follow(
    session: AsyncSession,
    person_id: PersonId,
    *,
    wa_id: str | None,
    user_id: str | None,
    parent_user_id: str | None,
) -> None:
    """By what a person is found from now on, if the organisation's list has them."""
    now = {"wa_id": wa_id, "user_id": user_id, "parent_user_id": parent_user_id}
    await session.exec(
        update_rows(WhatsAppUser)
        .where(col(WhatsAppUser.id) == person_id)
        .values(**now, updated_at=func.now())
    )


async def get(session: AsyncSession, person_id: str, *, lock: bool = False) -> WhatsAppUser | None:
    return await find(session, select(WhatsAppUser).where(WhatsAppUser.id == person_id), lock=lock)


async def page(
    session: AsyncSession,
    *,
    wa_id: str | None = None,
    user_id: str | None = None,
    username: str | None = None,
    opted_out: bool | None = None,
    limit: int,
    cursor: str | None,
) -> Page[WhatsAppUser]:
    query = narrowed(
        select(WhatsAppUser),
        (WhatsAppUser.wa_id, wa_id),
        (WhatsAppUser.user_id, user_id),
        (WhatsAppUser.username, username),
        (col(WhatsAppUser.opted_out_at).is_not(None), opted_out),
    )
    return await newest_first(session, query, table=WhatsAppUser, limit=limit, cursor=cursor)


async def update(
    session: AsyncSession, person: WhatsAppUser, *, changes: dict[str, Any]
) -> WhatsAppUser:
    return await save(session, person.sqlmodel_update(changes))
