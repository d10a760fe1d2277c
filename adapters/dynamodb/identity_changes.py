"""People who change their number or user id stay who they are, in the conversation that they have.

What Meta tells of a change may come before or after messages from the new identity, late ones from
the old, and again. Whatever the order, it ends the same:

- The new identifiers lead to the person, and replies go there.
- The old ones still lead to the person for messages sent before the change. A number may get
  another owner: who writes from it after the change is somebody else.
- If the new identity wrote first, it was taken for somebody new: two people are one. The older
  stays, with their conversation; all identifiers lead there from now on. What was said to the other
  stays in that conversation, which ends by itself; their record says `merged_into`.
- If somebody had the number before the change, it has changed hands: they are another person, and
  lose it. Only numbers do that, user ids never.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.people import (
    LEFT,
    TAKEN,
    People,
    Person,
    PersonIdentity,
    aliases_of,
    make_person_id,
    merged,
    person_put,
)
from adapters.dynamodb.table import CONFLICT_ATTEMPTS, Table, TransactionRefused
from adapters.dynamodb.values import Plain, timestamp
from contracts.ids import OrganizationId, PersonId

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By so much Meta's clock may be ahead of ours."""

NOWHERE: Final = Key("", "")
"""No item has this key."""

Write = dict[str, Any]


class IdentityChanges:
    def __init__(self, table: Table, people: People) -> None:
        self._table = table
        self._people = people

    async def apply(
        self,
        organization_id: OrganizationId,
        previous: PersonIdentity,
        current: PersonIdentity,
        *,
        at: datetime,
    ) -> PersonId:
        """Let the identifiers of `current` lead to whoever had those of `previous`; the person.

        Safe to repeat, also after later changes. Who was never heard of is made.

        Raises:
            ValueError: one of them has neither a number nor a user id.
        """
        if not aliases_of(organization_id, previous) or not aliases_of(organization_id, current):
            raise ValueError("a change of identity has identifiers before and after")
        for _ in range(CONFLICT_ATTEMPTS):
            change = await self._look(organization_id, previous, current, at)
            writes = change.writes(self._table)
            try:
                if writes:
                    await self._table.transact(writes)
            except TransactionRefused:
                continue  # Somebody else wrote one of the aliases: look again.
            self._people.forget()
            return change.person.person_id
        raise TimeoutError("the aliases of a person kept changing")

    async def _look(
        self,
        organization_id: OrganizationId,
        previous: PersonIdentity,
        current: PersonIdentity,
        at: datetime,
    ) -> "_Change":
        moment = timestamp(at)
        new, old = aliases_of(organization_id, current), aliases_of(organization_id, previous)
        stored = await self._table.get_many(list({*new.values(), *old.values()}))
        mover, newcomer = await asyncio.gather(
            self._person(organization_id, _mover(old, previous, stored, moment)),
            self._person(organization_id, _newcomer(new, current, stored, moment)),
        )
        known, other = mover or newcomer, None
        if (
            mover
            and newcomer
            and mover["person_id"] != newcomer["person_id"]
            and _is_the_same(newcomer, stored.get(new.get("user_id", NOWHERE)), at)
        ):
            known, other = sorted((mover, newcomer), key=lambda found: str(found["created_at"]))
            # All that leads to the one who goes leads to the one who stays.
            if other is newcomer:
                new = {**aliases_of(organization_id, _identity(newcomer)), **new}
                current = _identity({**newcomer, **current.model_dump(exclude_none=True)})
            else:
                old = {**aliases_of(organization_id, _identity(mover)), **old}
            stored |= await self._table.get_many(list({*new.values(), *old.values()}))
        number = stored.get(new.get("wa_id", NOWHERE))
        return _Change(
            organization_id=organization_id,
            known=known,
            other=other,
            loser=await self._person(organization_id, number["person_id"] if number else None),
            new=new,
            old={kind: alias for kind, alias in old.items() if alias not in new.values()},
            current=current,
            stored=stored,
            at=moment,
        )

    async def _person(
        self, organization_id: OrganizationId, person_id: PersonId | None
    ) -> Plain | None:
        if person_id is None:
            return None
        return await self._table.get(keys.person(organization_id, person_id))


@dataclass(frozen=True)
class _Change:
    """What is stored, and what it is to become."""

    organization_id: OrganizationId
    known: Plain | None
    """Who stays."""
    other: Plain | None
    """Who turned out to be the same person."""
    loser: Plain | None
    """Who has the new number, as far as is stored."""
    new: dict[str, Key]
    old: dict[str, Key]
    current: PersonIdentity
    stored: Mapping[Key, Plain]
    at: str

    @cached_property
    def person(self) -> Person:
        """The one who stays, as they are after the change. What they have left since stays left."""
        passed = {kind: None for kind, alias in self.new.items() if self._is_passed(alias)}
        current = self.current.model_copy(update=passed)
        known = self.known
        if known and current.wa_id not in (None, known.get("wa_id")) and current.user_id is None:
            # Meta gives another user id with another number; it is not told here.
            known = {**known, "user_id": None, "parent_user_id": None}
        return merged(known, current, make_person_id)

    def writes(self, table: Table) -> list[Write]:
        """All of it as one transaction; nothing when it is so already."""
        person = self.person
        writes = [
            write
            for alias in self.new.values()
            if not self._is_passed(alias)
            for write in self._lead(table, alias, person, {"user_id": person.user_id})
        ]
        for alias in self.old.values():
            item = self.stored.get(alias)
            if item is None or self._is_old_of_theirs(item):
                writes += self._lead(
                    table, alias, person, {"user_id": (item or {}).get("user_id"), LEFT: self.at}
                )
        if self.known is None or Person.model_validate(self.known) != person:
            writes.append({"Put": person_put(table, self.organization_id, person, self.known)})
        elif writes:
            check = table.check_request(self._key(person.person_id), "attribute_exists(pk)")
            writes.append({"ConditionCheck": check})
        writes += self._loss(table, person)
        if self.other is not None and self.other.get("merged_into") != person.person_id:
            writes.append(self._merge(table, self.other, person))
        return writes

    def _is_passed(self, alias: Key) -> bool:
        """The person went on from there later than this change says."""
        item = self.stored.get(alias)
        return item is not None and item.get(LEFT, "") >= self.at

    def _is_old_of_theirs(self, item: Plain) -> bool:
        theirs = {found["person_id"] for found in (self.known, self.other) if found}
        left_already = LEFT in item and item["person_id"] == (self.known or {}).get("person_id")
        return item["person_id"] in theirs and not left_already and item.get(TAKEN, "") <= self.at

    def _lead(self, table: Table, alias: Key, person: Person, values: Plain) -> list[Write]:
        """Let the alias lead to the person; whoever had it has it no more."""
        item = self.stored.get(alias)
        values = {"person_id": person.person_id, **values}
        note = table.put_request(
            keys.alias_of(self.organization_id, person.person_id, alias), {"alias": alias.partition}
        )
        if item is None:
            put = table.put_request(alias, values, condition="attribute_not_exists(pk)")
            return [{"Put": put}, {"Put": note}]
        now = {name: item.get(name) for name in ("person_id", "user_id", LEFT)}
        if now == {name: values.get(name) for name in now}:
            return []
        previous = PersonId(item["person_id"])
        changes_hands = previous != person.person_id or LEFT in item
        put = table.put_request(
            alias,
            {TAKEN: self.at if changes_hands else item.get(TAKEN), **values},
            condition="person_id = :was",
            condition_values={"was": previous},
        )
        writes: list[Write] = [{"Put": put}, {"Put": note}]
        if previous != person.person_id:
            lost = keys.alias_of(self.organization_id, previous, alias)
            writes.append({"Delete": table.delete_request(lost)})
        return writes

    def _loss(self, table: Table, person: Person) -> list[Write]:
        """A number that changes hands is no way to reach who had it."""
        if self.loser is None or self._is_passed(self.new["wa_id"]):
            return []
        others = {person.person_id, (self.other or {}).get("person_id")}
        if self.loser["person_id"] in others or self.loser.get("wa_id") != self.current.wa_id:
            return []
        removal = table.update_request(
            self._key(PersonId(self.loser["person_id"])),
            "REMOVE wa_id ADD revision :one",
            {"one": 1},
            condition="attribute_exists(pk)",
        )
        return [{"Update": removal}]

    def _merge(self, table: Table, other: Plain, person: Person) -> Write:
        """What is still to be said in the other's conversation goes to where the person is."""
        values = {
            "wa_id": person.wa_id,
            "user_id": person.user_id,
            "merged_into": person.person_id,
        }
        told = {name: value for name, value in values.items() if value is not None}
        sets = ", ".join(f"{name} = :{name}" for name in told)
        update = table.update_request(
            self._key(PersonId(other["person_id"])),
            f"SET {sets} ADD revision :one",
            {**told, "one": 1},
            condition="attribute_exists(pk)",
        )
        return {"Update": update}

    def _key(self, person_id: PersonId) -> Key:
        return keys.person(self.organization_id, person_id)


def _mover(
    old: dict[str, Key], previous: PersonIdentity, stored: Mapping[Key, Plain], at: str
) -> PersonId | None:
    """Who had the previous identifiers at the time of the change."""
    for kind, alias in old.items():
        item = stored.get(alias)
        if item is None or item.get(TAKEN, "") > at:
            continue
        if kind == "user_id" or not (_is_free(item, at) or _is_of_another(item, previous)):
            return PersonId(item["person_id"])
    return None


def _newcomer(
    new: dict[str, Key], current: PersonIdentity, stored: Mapping[Key, Plain], at: str
) -> PersonId | None:
    """Whom the new identifiers lead to already."""
    for kind, alias in new.items():
        item = stored.get(alias)
        if item is None:
            continue
        if kind == "user_id" or not (_is_free(item, at) or _is_of_another(item, current)):
            return PersonId(item["person_id"])
    return None


def _is_free(item: Plain, at: str) -> bool:
    """Its owner had left the number by then."""
    return LEFT in item and str(item[LEFT]) < at


def _is_of_another(item: Plain, identity: PersonIdentity) -> bool:
    return identity.user_id is not None and item.get("user_id") not in (None, identity.user_id)


def _is_the_same(newcomer: Plain, by_user_id: Plain | None, at: datetime) -> bool:
    """Whether whom the new identifiers lead to is the person who changed, and not somebody who had
    the number before."""
    if by_user_id is not None and by_user_id["person_id"] == newcomer["person_id"]:
        return True
    return str(newcomer["created_at"]) >= timestamp(at - CLOCKS_DIFFER)


def _identity(person: Plain) -> PersonIdentity:
    return PersonIdentity.model_validate(person)
