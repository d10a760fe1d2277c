"""What is known about a person: by what they said, or by what a colleague wrote down.

A fact that an operator removes or corrects leaves its digest behind, so that no model brings it
back. All changes of one person's facts are made one after the other: each locks the person's row.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, new_id, newest_first, save
from adapters.postgres.tables import PersonFact, WhatsAppUser
from contracts.ids import ConversationId, FactId, MessageId, OrganizationId, PersonId
from domain.memory import MAX_FACTS, KnownFact, LearnedFact, digest_of


class FactKnown(Exception):
    """The person has this fact already."""


class TooManyFacts(Exception):
    """The person has as many facts as there may be."""


def new_fact_id(seed: str | None = None) -> FactId:
    return FactId(new_id("fact", seed))


async def known(session: AsyncSession, person_id: PersonId) -> list[KnownFact]:
    """All facts, those first that a colleague wrote, then the newest."""
    query = (
        select(PersonFact)
        .where(PersonFact.person_id == person_id, col(PersonFact.statement).is_not(None))
        .order_by(col(PersonFact.source).desc(), col(PersonFact.created_at).desc())
        .limit(MAX_FACTS)
    )
    return [
        KnownFact(id=fact.id, statement=fact.statement or "", fixed=fact.source == "operator")
        for fact in await session.exec(query)
    ]


async def get(
    session: AsyncSession, person_id: PersonId, fact_id: str, *, lock: bool = False
) -> PersonFact | None:
    """The fact, unless it was removed."""
    if lock:
        await _lock(session, person_id)
    query = select(PersonFact).where(
        PersonFact.id == fact_id,
        PersonFact.person_id == person_id,
        col(PersonFact.statement).is_not(None),
    )
    return await find(session, query, lock=lock)


async def page(
    session: AsyncSession, person_id: PersonId, *, limit: int, cursor: str | None
) -> Page[PersonFact]:
    query = select(PersonFact).where(
        PersonFact.person_id == person_id, col(PersonFact.statement).is_not(None)
    )
    return await newest_first(session, query, table=PersonFact, limit=limit, cursor=cursor)


async def add(session: AsyncSession, fact: PersonFact) -> tuple[PersonFact, bool]:
    """Write down what an operator knows, also what another one has removed before.

    Returns:
        The fact, and whether anything has changed: who says what is known already, confirms it, and
        no model changes it from then on.

    Raises:
        TooManyFacts
    """
    await _lock(session, fact.person_id)
    facts = await _all(session, fact.person_id)
    known = next((one for one in facts if one.digest == fact.digest and one.statement), None)
    if known is not None:
        if known.source == "operator":
            return known, False
        return await save(session, known.sqlmodel_update({"source": "operator"})), True
    if sum(one.statement is not None for one in facts) >= MAX_FACTS:
        raise TooManyFacts
    await _make_room(session, facts, digest=fact.digest)
    return await save(session, fact), True


async def correct(session: AsyncSession, fact: PersonFact, *, statement: str) -> PersonFact:
    """Put an operator's words in place of the fact, which no model brings back from then on.

    Args:
        fact: got with its lock.

    Raises:
        FactKnown
    """
    was, digest = fact.digest, digest_of(fact.person_id, statement)
    if digest != was:
        await _make_room(session, await _all(session, fact.person_id), digest=digest)
    corrected = await save(
        session,
        fact.sqlmodel_update({"statement": statement, "digest": digest, "source": "operator"}),
    )
    if digest != was:
        session.add(_trace(corrected, digest=was))
    return corrected


async def remove(session: AsyncSession, fact: PersonFact) -> None:
    """Forget the fact, and let no model bring it back.

    Args:
        fact: got with its lock.
    """
    session.add(fact.sqlmodel_update({"statement": None, "source_message_id": None}))
    await session.flush()


async def learn(
    session: AsyncSession,
    facts: Iterable[LearnedFact],
    *,
    organization_id: OrganizationId,
    person_id: PersonId,
    conversation_id: ConversationId,
) -> int:
    """Add what a model has found; how many facts are new or changed.

    What is known, or was removed, is left as it is, and so is whatever a colleague wrote. Doing it
    again changes nothing.
    """
    if not await _lock(session, person_id):
        return 0  # Erased meanwhile.
    stored = {fact.id: fact for fact in await _all(session, person_id)}
    digests = {fact.digest for fact in stored.values()}
    live = sum(fact.statement is not None for fact in stored.values())
    learned = 0
    for found in facts:
        digest = digest_of(person_id, found.statement)
        if digest in digests:
            continue
        outdated = stored.get(FactId(found.replaces or ""))
        if outdated is not None and outdated.source == "model" and outdated.statement is not None:
            fact = outdated
        elif live < MAX_FACTS:
            live += 1
            fact = PersonFact(
                id=new_fact_id(),
                organization_id=organization_id,
                person_id=person_id,
                digest=digest,
                source="model",
            )
        else:
            continue
        digests = digests - {fact.digest} | {digest}
        fact.statement, fact.digest = found.statement, digest
        fact.conversation_id, fact.source_message_id = conversation_id, found.message_id
        session.add(fact)
        learned += 1
    await session.flush()
    return learned


async def forget_messages(
    session: AsyncSession,
    messages: Collection[MessageId],
    *,
    person_id: PersonId,
    conversation_id: ConversationId,
) -> None:
    """Remove what a model has learned from these messages: they were deleted, or say otherwise."""
    await session.exec(
        delete(PersonFact).where(
            col(PersonFact.person_id) == person_id,
            col(PersonFact.conversation_id) == conversation_id,
            col(PersonFact.source_message_id).in_(messages),
            col(PersonFact.source) == "model",
        )
    )


async def _lock(session: AsyncSession, person_id: PersonId) -> bool:
    """Whether there is such a person."""
    query = select(WhatsAppUser.id).where(WhatsAppUser.id == person_id).with_for_update()
    return (await session.exec(query)).first() is not None


async def _all(session: AsyncSession, person_id: PersonId) -> list[PersonFact]:
    """Also the traces of those that were removed."""
    return list(await session.exec(select(PersonFact).where(PersonFact.person_id == person_id)))


async def _make_room(session: AsyncSession, facts: Iterable[PersonFact], *, digest: str) -> None:
    """For a fact that an operator writes: a trace of it gives way, the fact itself does not."""
    for fact in facts:
        if fact.digest != digest:
            continue
        if fact.statement is not None:
            raise FactKnown
        await session.delete(fact)
        await session.flush()


def _trace(fact: PersonFact, *, digest: str) -> PersonFact:
    return PersonFact(
        id=new_fact_id(),
        organization_id=fact.organization_id,
        person_id=fact.person_id,
        digest=digest,
        source=fact.source,
    )
