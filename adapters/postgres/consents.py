"""Who wants proactive messages: a record that is only added to, and what follows from it.

What counts is the newest event by the time at which the person said so. One that becomes known
late, or again, never undoes a newer one; of two of the same moment the opt-out counts.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from adapters.postgres import whatsapp_users
from adapters.postgres.database import Database
from adapters.postgres.rows import Page, new_id, newest_first, save
from adapters.postgres.tables import (
    Consent,
    ConsentSource,
    ConsentState,
    Erasure,
    Organization,
    WhatsAppUser,
)
from contracts.ids import ConsentId, OrganizationId, PersonId, erasure_id
from domain.organization_settings import requires_opt_in


class Consents:
    """Records what people say, for whoever has no session of the organisation's open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def preference(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        stopped: bool,
        at: datetime,
    ) -> None:
        """The person has set in WhatsApp whether they want marketing messages."""
        await self._record(
            organization_id,
            person_id,
            state="opted_out" if stopped else "opted_in",
            source="user_preferences",
            at=at,
        )

    async def opted_out(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        source: ConsentSource,
        at: datetime,
    ) -> None:
        """The person wants no more proactive messages."""
        await self._record(organization_id, person_id, state="opted_out", source=source, at=at)

    async def opted_in(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        source: ConsentSource,
        at: datetime,
        only_after_opt_out: bool = False,
    ) -> bool:
        """The person wants proactive messages; whether it was recorded, now or before.

        Args:
            only_after_opt_out: it means an opt-in only if the person had opted out before: "start"
                is how many a chat begins.
        """
        return await self._record(
            organization_id,
            person_id,
            state="opted_in",
            source=source,
            at=at,
            only_after_opt_out=only_after_opt_out,
        )

    async def may_send_proactively(
        self, organization_id: OrganizationId, person_id: PersonId
    ) -> bool:
        """Whether the person may get what is no answer to a message of theirs.

        Not after an opt-out; without any record unless the organisation's setting
        `require_opt_in` is true.
        """
        query = (
            select(Organization.settings, WhatsAppUser.opted_in_at, WhatsAppUser.opted_out_at)
            .select_from(Organization)
            .join(WhatsAppUser, col(WhatsAppUser.id) == person_id, isouter=True)
        )
        async with self._database.tenant(organization_id) as session:
            found = (await session.exec(query)).first()
        if found is None:
            return False
        settings, opted_in_at, opted_out_at = found
        if opted_out_at is not None or opted_in_at is not None:
            return opted_out_at is None
        return not requires_opt_in(settings)

    async def _record(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        state: ConsentState,
        source: ConsentSource,
        at: datetime,
        only_after_opt_out: bool = False,
    ) -> bool:
        """Record it for a person who may not have a row yet; False when nothing is recorded.

        Raises:
            LookupError: the person is not the organisation's.
        """
        async with self._database.tenant(organization_id) as session:
            if await session.get(Erasure, erasure_id(person_id)) is not None:
                return False  # What becomes known after an erasure must not bring them back.
            new = insert(WhatsAppUser).values(
                id=person_id, organization_id=organization_id, attributes={}
            )
            await session.exec(new.on_conflict_do_nothing())
            person = await whatsapp_users.get(session, person_id, lock=True)
            if person is None:
                raise LookupError("the organisation has no such person")
            if only_after_opt_out and not await _opted_out_before(session, person, at):
                return False
            await record(session, person, state=state, source=source, at=at)
            return True


def new_consent_id(seed: str | None = None) -> ConsentId:
    return ConsentId(new_id("cns", seed))


async def record(
    session: AsyncSession,
    person: WhatsAppUser,
    *,
    state: ConsentState,
    source: ConsentSource,
    at: datetime,
    detail: str | None = None,
    consent_id: ConsentId | None = None,
) -> Consent:
    """Add an event, and let the person's state follow; the same event again is the first one.

    Args:
        session: the organisation's.
        person: of it; the row is locked.
        at: when they said so.
        consent_id: by default a new one.
    """
    statement = insert(Consent).values(
        id=consent_id or new_consent_id(),
        organization_id=person.organization_id,
        whatsapp_user_id=person.id,
        category="marketing",
        state=state,
        source=source,
        detail=detail,
        occurred_at=at,
    )
    await session.exec(statement.on_conflict_do_nothing())
    query = select(Consent).where(
        _is_of(person),
        Consent.state == state,
        Consent.source == source,
        Consent.occurred_at == at,
    )
    consent = (await session.exec(query)).one()
    await _follow(session, person)
    return consent


async def record_now(
    session: AsyncSession, person: WhatsAppUser, *, state: ConsentState, source: ConsentSource
) -> Consent:
    """Add an event of whoever knows the person's state as it is: it is newer than all others."""
    newest = (await session.exec(_newest(person))).one()
    now = datetime.now(UTC)
    # Meta's clock may be ahead of ours.
    at = now if newest is None else max(now, newest + timedelta(microseconds=1))
    return await record(session, person, state=state, source=source, at=at)


async def get(session: AsyncSession, consent_id: str) -> Consent | None:
    return (await session.exec(select(Consent).where(Consent.id == consent_id))).first()


async def page(
    session: AsyncSession, person: WhatsAppUser, *, limit: int, cursor: str | None
) -> Page[Consent]:
    """The record of a person, what became known last first."""
    query = select(Consent).where(Consent.whatsapp_user_id == person.id)
    return await newest_first(session, query, table=Consent, limit=limit, cursor=cursor)


async def _follow(session: AsyncSession, person: WhatsAppUser) -> None:
    """Since when the person has been opted in, or out, by the whole record."""
    opted_in = (await session.exec(_newest(person, state="opted_in"))).one()
    opted_out = (await session.exec(_newest(person, state="opted_out"))).one()
    first = select(func.min(Consent.occurred_at)).where(_is_of(person))
    since_in = since_out = None
    if opted_out is not None and (opted_in is None or opted_in <= opted_out):
        first = first.where(Consent.state == "opted_out")
        if opted_in is not None:
            first = first.where(Consent.occurred_at >= opted_in)
        since_out = (await session.exec(first)).one()
    elif opted_in is not None:
        first = first.where(Consent.state == "opted_in")
        if opted_out is not None:
            first = first.where(Consent.occurred_at > opted_out)
        since_in = (await session.exec(first)).one()
    if (person.opted_in_at, person.opted_out_at) != (since_in, since_out):
        person.opted_in_at, person.opted_out_at = since_in, since_out
        await save(session, person)


async def _opted_out_before(session: AsyncSession, person: WhatsAppUser, at: datetime) -> bool:
    # "opted_out" sorts after "opted_in": it is the last of a moment.
    newest = (
        select(Consent.state)
        .where(_is_of(person), Consent.occurred_at < at)
        .order_by(col(Consent.occurred_at).desc(), col(Consent.state).desc())
        .limit(1)
    )
    return (await session.exec(newest)).first() == "opted_out"


def _is_of(person: WhatsAppUser) -> ColumnElement[bool]:
    return (col(Consent.whatsapp_user_id) == person.id) & (col(Consent.category) == "marketing")


def _newest(person: WhatsAppUser, *, state: ConsentState | None = None) -> SelectOfScalar[Any]:
    query = select(func.max(Consent.occurred_at)).where(_is_of(person))
    return query if state is None else query.where(Consent.state == state)
