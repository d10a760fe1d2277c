"""Who a WhatsApp user is to an organisation, by whichever of their identifiers Meta sends."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from cachetools import TTLCache
from ulid import ULID

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.table import CONFLICT_ATTEMPTS, Table, TransactionRefused
from adapters.dynamodb.values import Plain, utc_now
from contracts.ids import OrganizationId, PersonId
from contracts.model import Contract

CACHED_PEOPLE: Final = 20_000
CACHE_SECONDS: Final = 60


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
        self, table: Table, *, new_person_id: Callable[[], PersonId] | None = None
    ) -> None:
        self._table = table
        self._new_person_id = new_person_id or _new_person_id
        self._by_id: TTLCache[tuple[str, str], Person] = TTLCache(CACHED_PEOPLE, CACHE_SECONDS)
        self._by_alias: TTLCache[Key, Person] = TTLCache(2 * CACHED_PEOPLE, CACHE_SECONDS)

    async def resolve(self, organization_id: OrganizationId, identity: PersonIdentity) -> PersonId:
        """The one person with these identifiers, made when nobody has them yet.

        The user id decides; the number does where there is none or it belongs to the same user. A
        number that comes with another user id has a new owner, who is another person.

        Raises:
            ValueError: the identity has neither a number nor a user id.
        """
        aliases = _aliases(organization_id, identity)
        if not aliases:
            raise ValueError("a person needs a wa_id or a user_id")
        cached = self._by_alias.get(aliases[0])
        if cached is not None and _tells_nothing_new(cached, identity):
            return cached.person_id
        for _ in range(CONFLICT_ATTEMPTS):
            try:
                person = await self._resolve_stored(organization_id, identity, aliases)
            except TransactionRefused:
                continue  # Somebody else wrote one of the aliases: look again.
            self._remember(organization_id, person)
            return person.person_id
        raise TimeoutError("the aliases of a person kept changing")

    async def get(self, organization_id: OrganizationId, person_id: PersonId) -> Person | None:
        """What is known of a person, at most a minute old; `None` when there is no such person."""
        cached = self._by_id.get((organization_id, person_id))
        if cached is not None:
            return cached
        item = await self._table.get(keys.person(organization_id, person_id))
        if item is None:
            return None
        person = Person.model_validate(item)
        self._remember(organization_id, person)
        return person

    async def _resolve_stored(
        self, organization_id: OrganizationId, identity: PersonIdentity, aliases: list[Key]
    ) -> Person:
        stored = await self._table.get_many(aliases)
        owner = _owner(identity, [stored.get(alias) for alias in aliases])
        known = await self._table.get(keys.person(organization_id, owner)) if owner else None
        person = _merged(known, identity, owner or self._new_person_id())
        writes = [
            write
            for alias in aliases
            for write in self._alias_writes(organization_id, alias, stored.get(alias), person)
        ]
        if known is None or Person.model_validate(known) != person:
            writes.append({"Put": self._person_write(organization_id, person, known)})
        if writes:
            await self._table.transact(writes)
        return person

    def _alias_writes(
        self, organization_id: OrganizationId, alias: Key, stored: Plain | None, person: Person
    ) -> list[dict[str, Any]]:
        """Let an alias lead to the person; whoever had a recycled number has it no more."""
        values = {"person_id": person.person_id, "user_id": person.user_id}
        if stored is None:
            put = self._table.put_request(alias, values, condition="attribute_not_exists(pk)")
            return [{"Put": put}]
        if (stored["person_id"], stored.get("user_id")) == (person.person_id, person.user_id):
            return []
        put = self._table.put_request(
            alias,
            values,
            condition="person_id = :was",
            condition_values={"was": stored["person_id"]},
        )
        writes = [{"Put": put}]
        if stored["person_id"] != person.person_id and stored.get("user_id") is not None:
            previous = keys.person(organization_id, PersonId(stored["person_id"]))
            removal = self._table.update_request(
                previous, "REMOVE wa_id ADD revision :one", {"one": 1}
            )
            writes.append({"Update": removal})
        return writes

    def _person_write(
        self, organization_id: OrganizationId, person: Person, known: Plain | None
    ) -> dict[str, Any]:
        key = keys.person(organization_id, person.person_id)
        revision = known["revision"] if known else 0
        values = {**person.model_dump(), "revision": revision + 1}
        if known is None:
            return self._table.put_request(key, values, condition="attribute_not_exists(pk)")
        return self._table.put_request(
            key, values, condition="revision = :read", condition_values={"read": revision}
        )

    def _remember(self, organization_id: OrganizationId, person: Person) -> None:
        self._by_id[organization_id, person.person_id] = person
        for alias in _aliases(organization_id, person):
            self._by_alias[alias] = person


def _owner(identity: PersonIdentity, stored: list[Plain | None]) -> PersonId | None:
    """Whose aliases these are; they are in the order of `_aliases`."""
    first = stored[0]
    if first is not None:
        return PersonId(first["person_id"])
    by_number = stored[-1]
    if by_number is None:
        return None
    same_user = by_number.get("user_id") in (None, identity.user_id)
    return PersonId(by_number["person_id"]) if same_user else None


def _aliases(organization_id: OrganizationId, identity: PersonIdentity) -> list[Key]:
    """Keys of the aliases of an identity, the deciding one first."""
    kinds = {"user_id": identity.user_id, "wa_id": identity.wa_id}
    return [keys.alias(organization_id, kind, value) for kind, value in kinds.items() if value]


def _merged(known: Plain | None, identity: PersonIdentity, person_id: PersonId) -> Person:
    """The person with what the identity tells; what it is silent about stays."""
    told = identity.model_dump(exclude_none=True)
    base = known or {"person_id": person_id, "created_at": utc_now()}
    return Person.model_validate({**base, **told})


def _tells_nothing_new(person: Person, identity: PersonIdentity) -> bool:
    return all(
        getattr(person, name) == value
        for name, value in identity.model_dump(exclude_none=True).items()
    )


def _new_person_id() -> PersonId:
    return PersonId(f"wau_{str(ULID()).lower()}")
