"""Who a WhatsApp user is to an organisation, by whichever of their identifiers Meta sends."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from cachetools import TTLCache
from ulid import ULID

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.table import CONFLICT_ATTEMPTS, Table, TransactionRefused
from adapters.dynamodb.values import Plain, timestamp, utc_now
from contracts.ids import OrganizationId, PersonId
from contracts.model import Contract

CACHED_PEOPLE: Final = 20_000
CACHE_SECONDS: Final = 60

LEFT: Final = "left_at"
"""On an alias: since when its person has another number or user id instead."""
TAKEN: Final = "taken_at"
"""On an alias that had been somebody else's, or left: since when it is its person's."""


class PersonIdentity(Contract):
    """What one webhook says about its sender. Any part may be missing, the number too."""

    wa_id: str | None = None
    """The phone number in digits."""
    user_id: str | None = None
    """Meta's business-scoped user id."""
    parent_user_id: str | None = None
    username: str | None = None
    profile_name: str | None = None


class Person(PersonIdentity):
    """All that is known of a person."""

    person_id: PersonId
    created_at: datetime


class People:
    """Resolves identifiers to people; a person that this process knows costs no call."""

    def __init__(
        self,
        table: Table,
        *,
        new_person_id: Callable[[], PersonId] | None = None,
        may_remember: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Args:
            new_person_id: makes the id of a new person.
            may_remember: whether `forget` would be called if a person were erased now.
        """
        self._table = table
        self._new_person_id = new_person_id or make_person_id
        self._by_id: TTLCache[tuple[str, str], Person] = TTLCache(CACHED_PEOPLE, CACHE_SECONDS)
        self._by_alias: TTLCache[Key, Person] = TTLCache(2 * CACHED_PEOPLE, CACHE_SECONDS)
        self._may_remember = may_remember
        self._forgotten = 0

    async def resolve(
        self,
        organization_id: OrganizationId,
        identity: PersonIdentity,
        *,
        at: datetime | None = None,
    ) -> PersonId:
        """The one person with these identifiers, made when nobody has them yet.

        The user id decides; the number does where there is none or it belongs to the same user. A
        number that comes with another user id has a new owner, who is another person; so does one
        that its owner had left by then (`identity_changes.py`).

        Args:
            at: when the person had these identifiers; now, unless told. What was sent before they
                left one of them is theirs, and does not give it back to them.

        Raises:
            ValueError: the identity has neither a number nor a user id.
        """
        aliases = aliases_of(organization_id, identity)
        if not aliases:
            raise ValueError("a person needs a wa_id or a user_id")
        cached = self._by_alias.get(next(iter(aliases.values())))
        if cached is not None and _tells_nothing_new(cached, identity) and self._may_remember():
            return cached.person_id
        for _ in range(CONFLICT_ATTEMPTS):
            forgotten = self._forgotten
            try:
                person = await self._resolve_stored(
                    organization_id, identity, aliases, timestamp(at or utc_now())
                )
            except TransactionRefused:
                continue  # Somebody else wrote one of the aliases: look again.
            self._remember(organization_id, person, unless_forgotten_since=forgotten)
            return person.person_id
        raise TimeoutError("the aliases of a person kept changing")

    async def get(self, organization_id: OrganizationId, person_id: PersonId) -> Person | None:
        """What is known of a person, at most a minute old; `None` when there is no such person."""
        cached = self._by_id.get((organization_id, person_id))
        if cached is not None:
            return cached
        forgotten = self._forgotten
        item = await self._table.get(keys.person(organization_id, person_id))
        if item is None:
            return None
        person = Person.model_validate(item)
        self._remember(organization_id, person, unless_forgotten_since=forgotten)
        return person

    def forget(self) -> None:
        """Remember nobody: a person was erased, or may have been. Look-ups under way count."""
        self._forgotten += 1
        self._by_id.clear()
        self._by_alias.clear()

    async def retire(self, organization_id: OrganizationId, person_id: PersonId) -> None:
        """Make the identifiers of a person lead to nobody, so that whoever writes next is new.

        What is beside the person stays for `erasure.py`, their aliases too. Safe to repeat.
        """
        key = keys.person(organization_id, person_id)
        item = await self._table.get(key)
        if item is None:
            return
        person = Person.model_validate(item)
        for alias in aliases_of(organization_id, person).values():
            # People of earlier versions have no note of their aliases.
            await self._table.put(
                keys.alias_of(organization_id, person_id, alias), {"alias": alias.partition}
            )
        # From here on an alias that leads to them leads to nobody.
        await self._table.delete(key)

    async def _resolve_stored(
        self,
        organization_id: OrganizationId,
        identity: PersonIdentity,
        aliases: dict[str, Key],
        at: str,
    ) -> Person:
        found = await self._table.get_many(list(aliases.values()))
        stored = {kind: found.get(alias) for kind, alias in aliases.items()}
        known = await self._known(
            organization_id,
            identity,
            [_unless_given_up(kind, item, at) for kind, item in stored.items()],
        )
        late = {kind for kind, item in stored.items() if known and _left(kind, item, at)}
        person = merged(known, identity.model_copy(update=dict.fromkeys(late)), self._new_person_id)
        writes = [
            write
            for kind, alias in aliases.items()
            if kind not in late
            for write in await self._alias_writes(organization_id, alias, stored[kind], person, at)
        ]
        if known is None or Person.model_validate(known) != person:
            writes.append({"Put": person_put(self._table, organization_id, person, known)})
        elif writes:
            # No alias may come to lead to a person who has been erased meanwhile.
            key = keys.person(organization_id, person.person_id)
            check = self._table.check_request(key, "attribute_exists(pk)")
            writes.append({"ConditionCheck": check})
        if writes:
            await self._table.transact(writes)
        return person

    async def _known(
        self, organization_id: OrganizationId, identity: PersonIdentity, aliases: list[Plain | None]
    ) -> Plain | None:
        """Whom the aliases lead to. One that leads to nobody is of somebody who was erased."""
        while owner := _owner(identity, aliases):
            known = await self._table.get(keys.person(organization_id, owner))
            if known is not None:
                return known
            aliases = [
                None if alias is None or alias["person_id"] == owner else alias for alias in aliases
            ]
        return None

    async def _alias_writes(
        self,
        organization_id: OrganizationId,
        alias: Key,
        stored: Plain | None,
        person: Person,
        at: str,
    ) -> list[dict[str, Any]]:
        """Let an alias lead to the person; whoever had a recycled number has it no more."""
        values: Plain = {"person_id": person.person_id, "user_id": person.user_id}
        note = self._table.put_request(
            keys.alias_of(organization_id, person.person_id, alias), {"alias": alias.partition}
        )
        if stored is None:
            put = self._table.put_request(alias, values, condition="attribute_not_exists(pk)")
            return [{"Put": put}, {"Put": note}]
        if (stored["person_id"], stored.get("user_id")) == (person.person_id, person.user_id) and (
            LEFT not in stored
        ):
            return []
        if stored["person_id"] != person.person_id or LEFT in stored:
            values[TAKEN] = at
        put = self._table.put_request(
            alias,
            values,
            condition="person_id = :was",
            condition_values={"was": stored["person_id"]},
        )
        writes = [{"Put": put}, {"Put": note}]
        if stored["person_id"] != person.person_id:
            previous = PersonId(stored["person_id"])
            writes += await self._loss_of_alias(organization_id, alias, previous, stored)
        return writes

    async def _loss_of_alias(
        self, organization_id: OrganizationId, alias: Key, previous: PersonId, stored: Plain
    ) -> list[dict[str, Any]]:
        """What becomes of somebody whose alias leads to somebody else now."""
        note = keys.alias_of(organization_id, previous, alias)
        writes: list[dict[str, Any]] = [{"Delete": self._table.delete_request(note)}]
        key = keys.person(organization_id, previous)
        still_theirs = LEFT not in stored and stored.get("user_id") is not None
        if still_theirs and await self._table.get(key) is not None:
            removal = self._table.update_request(
                key,
                "REMOVE wa_id ADD revision :one",
                {"one": 1},
                condition="attribute_exists(pk)",
            )
            writes.append({"Update": removal})
        return writes

    def _remember(
        self, organization_id: OrganizationId, person: Person, *, unless_forgotten_since: int
    ) -> None:
        if self._forgotten != unless_forgotten_since or not self._may_remember():
            return
        self._by_id[organization_id, person.person_id] = person
        for alias in aliases_of(organization_id, person).values():
            self._by_alias[alias] = person


def _owner(identity: PersonIdentity, stored: list[Plain | None]) -> PersonId | None:
    """Whose aliases these are; they are in the order of `aliases_of`."""
    first = stored[0]
    if first is not None:
        return PersonId(first["person_id"])
    by_number = stored[-1]
    if by_number is None:
        return None
    same_user = by_number.get("user_id") in (None, identity.user_id)
    return PersonId(by_number["person_id"]) if same_user else None


def _unless_given_up(kind: str, item: Plain | None, at: str) -> Plain | None:
    """The alias, unless it is of a number that its owner had left by then: that is free."""
    given_up = item is not None and LEFT in item and not _left(kind, item, at)
    return None if given_up else item


def _left(kind: str, item: Plain | None, at: str) -> bool:
    """Whether the alias still leads to whoever left it: a number until then, a user id for ever."""
    return item is not None and LEFT in item and (kind == "user_id" or at <= item[LEFT])


def aliases_of(organization_id: OrganizationId, identity: PersonIdentity) -> dict[str, Key]:
    """Keys of the aliases of an identity by kind, the deciding one first."""
    kinds = {"user_id": identity.user_id, "wa_id": identity.wa_id}
    return {
        kind: keys.alias(organization_id, kind, value) for kind, value in kinds.items() if value
    }


def merged(
    known: Plain | None, identity: PersonIdentity, new_person_id: Callable[[], PersonId]
) -> Person:
    """The person with what the identity tells; what it is silent about stays."""
    told = identity.model_dump(exclude_none=True)
    base = known or {"person_id": new_person_id(), "created_at": utc_now()}
    return Person.model_validate({**base, **told})


def person_put(
    table: Table, organization_id: OrganizationId, person: Person, known: Plain | None
) -> dict[str, Any]:
    """The write of a person, as a part of a transaction, over what was known of them."""
    key = keys.person(organization_id, person.person_id)
    revision = known["revision"] if known else 0
    values = {
        **person.model_dump(),
        "revision": revision + 1,
        "status_key": keys.people_index(organization_id),
        "active_at": person.created_at,
    }
    if known is None:
        return table.put_request(key, values, condition="attribute_not_exists(pk)")
    return table.put_request(
        key, values, condition="revision = :read", condition_values={"read": revision}
    )


def _tells_nothing_new(person: Person, identity: PersonIdentity) -> bool:
    return all(
        getattr(person, name) == value
        for name, value in identity.model_dump(exclude_none=True).items()
    )


def make_person_id() -> PersonId:
    return PersonId(f"wau_{str(ULID()).lower()}")
