"""Removes what DynamoDB holds of an organisation or a person, without a scan.

Each thing is found through what leads to it, and what leads there is removed last: an erasure that
was cut off finds the rest when it is repeated.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from string import hexdigits
from typing import Final

from adapters.dynamodb import bulk, keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.schema import BY_ACTIVITY, BY_STATUS
from adapters.dynamodb.table import ConditionFailed, Table
from adapters.dynamodb.values import Plain, utc_now
from adapters.dynamodb.webhooks import EVENTS_KEPT
from contracts.ids import (
    ConversationId,
    DocumentId,
    EventId,
    MessageId,
    OrganizationId,
    PersonId,
    WebhookEndpointId,
)

REMOVED: Final = frozenset(
    {
        "conversation", "message", "messages", "received", "effect", "summary", "draft",
        "transcription", "outbound", "alias", "alias_of", "person", "conversation_of",
        "quota_of_person", "told_of_limit", "dead_letters", "quota", "query_embedding", "embedding",
        "reembedding", "event_log", "event_log_day", "webhook_delivery", "webhook_dead_letter",
    }
)  # fmt: skip
"""Functions of `keys` whose items an erasure removes."""

EXPIRING: Final[Mapping[str, timedelta]] = {
    "rate_limit": timedelta(days=2),
    "number_rate": timedelta(hours=1),
    "embedding_line": timedelta(days=1),
    "embedding_turn": timedelta(days=1),
    "idempotency": timedelta(days=1),
}
"""Functions of `keys` whose items nothing leads to: how long they may outlive the erasure. They
hold counts, and answers to requests that may be asked again. DynamoDB removes what has expired
within days more.

Of the items that are removed, a few may stay for as long as they would have lived: a status whose
message nobody knows (8 days), and a pointer whose process died before the message had it (40)."""

INDEXES: Final = frozenset(
    {
        "activity_index", "status_index", "people_index", "uncertain_index", "usage_index",
        "webhook_dead_letters_index",
    }
)  # fmt: skip
"""Functions of `keys` that name a partition of an index."""

CONCURRENCY: Final = 8
LOGGED_DAYS: Final = EVENTS_KEPT.days + 10
"""Days whose events may be left: DynamoDB removes what has expired within days more."""
_WAMIDS: Final = ("whatsapp_message_id", "pointed_at_by")


class ErasedItems:
    """Every method yields what it has removed, by kind, as it goes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def of_organization(self, organization_id: OrganizationId) -> AsyncIterator[Counter[str]]:
        """Remove everything of the organisation but what is `EXPIRING`."""
        listed = bulk.index(
            self._table, BY_ACTIVITY, partition=keys.activity_index(organization_id)
        )
        async for page in listed:
            conversations = [ConversationId(item["conversation_id"]) for item in page]
            yield await self._conversations(organization_id, conversations)
            # Those whom earlier versions wrote are in no index but the conversations'.
            people = {PersonId(item["person_id"]) for item in page}
            yield await self._people(organization_id, people)
        listed = bulk.index(self._table, BY_STATUS, partition=keys.people_index(organization_id))
        async for page in listed:
            people = {PersonId(item["person_id"]) for item in page}
            yield await self._people(organization_id, people)
        for kind, partition in _partitions(organization_id):
            async for page in bulk.partition(self._table, partition, attributes=["expires_at"]):
                yield await self._delete(kind, page)

    async def of_person(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        conversations: Collection[ConversationId],
    ) -> AsyncIterator[Counter[str]]:
        """Remove everything of the person, and the dead letters that name them.

        Args:
            conversations: that they may have; those that are known need not be named.
        """
        known = await self.conversations_of(organization_id, person_id)
        theirs = {*conversations, *known}
        # A person has nothing else that tells which events were theirs.
        for partition in _partitions_of_events(organization_id):
            async for page in bulk.partition(
                self._table, partition, attributes=["conversation_id"]
            ):
                events = [item for item in page if item.get("conversation_id") in theirs]
                yield await self._delete("other_items", events)
        yield await self._conversations(organization_id, theirs)
        names = await self._names(organization_id, person_id)
        letters = keys.dead_letters(organization_id)
        async for page in bulk.partition(self._table, letters, attributes=["raw"]):
            yield await self._delete(
                "dead_letters", [item for item in page if _mentions(item["raw"], names)]
            )
        yield await self._people(organization_id, {person_id})

    async def conversations_of(
        self, organization_id: OrganizationId, person_id: PersonId
    ) -> set[ConversationId]:
        return {
            ConversationId(item["conversation_id"])
            async for item in self._beside(organization_id, person_id, "conversation/")
        }

    async def open_conversations(
        self, organization_id: OrganizationId
    ) -> AsyncIterator[list[ConversationId]]:
        """Those that have not been closed, page by page."""
        for status in ("bot", "human"):
            partition = keys.status_index(organization_id, status)
            async for page in bulk.index(self._table, BY_STATUS, partition=partition):
                yield [ConversationId(item["conversation_id"]) for item in page]

    async def _conversations(
        self, organization_id: OrganizationId, conversations: Collection[ConversationId]
    ) -> Counter[str]:
        at_once = asyncio.Semaphore(CONCURRENCY)

        async def remove(conversation: ConversationId) -> Counter[str]:
            async with at_once:
                return await self._conversation(organization_id, conversation)

        return _sum(await asyncio.gather(*map(remove, conversations)))

    async def _conversation(
        self, organization_id: OrganizationId, conversation: ConversationId
    ) -> Counter[str]:
        removed: Counter[str] = Counter()
        messages = keys.messages(organization_id, conversation)
        async for page in bulk.partition(self._table, messages, attributes=_WAMIDS):
            wamids = {wamid for item in page for wamid in _wamids(item)}
            pointers = [keys.outbound(organization_id, wamid) for wamid in wamids]
            await bulk.delete_all(self._table, pointers)
            removed += await self._delete("messages", page)
        for beside in (
            keys.received(organization_id, conversation, "").partition,
            keys.effect(organization_id, conversation, "").partition,
            keys.draft(organization_id, conversation, "").partition,
            keys.transcription(organization_id, conversation, MessageId("")).partition,
        ):
            async for page in bulk.partition(self._table, beside, attributes=["expires_at"]):
                removed += await self._delete("other_items", page)
        removed["other_items"] += await self._take(keys.summary(organization_id, conversation))
        removed["conversations"] += await self._take(
            keys.conversation(organization_id, conversation)
        )
        return removed

    async def _people(
        self, organization_id: OrganizationId, people: Collection[PersonId]
    ) -> Counter[str]:
        at_once = asyncio.Semaphore(CONCURRENCY)

        async def remove(person_id: PersonId) -> Counter[str]:
            async with at_once:
                return await self._person(organization_id, person_id)

        return _sum(await asyncio.gather(*map(remove, people)))

    async def _person(self, organization_id: OrganizationId, person_id: PersonId) -> Counter[str]:
        key = keys.person(organization_id, person_id)
        person = await self._table.get(key)
        aliases = {
            Key(note["alias"], "alias")
            async for note in self._beside(organization_id, person_id, "alias/")
        }
        for kind in ("user_id", "wa_id"):
            # People of earlier versions have no note of their aliases.
            if person is not None and person.get(kind):
                aliases.add(keys.alias(organization_id, kind, person[kind]))
        for alias in aliases:
            await self._remove_alias(alias, person_id)
        removed: Counter[str] = Counter()
        async for page in bulk.partition(self._table, key.partition, attributes=["person_id"]):
            beside = [item for item in page if item["sk"] != key.sort]
            removed += await self._delete("other_items", beside)
        removed["other_items"] += await self._take(key)
        return removed

    async def _remove_alias(self, alias: Key, person_id: PersonId) -> None:
        """It may lead to somebody else by now, whose it is then."""
        with suppress(ConditionFailed):
            await self._table.delete(
                alias, condition="person_id = :person", condition_values={"person": person_id}
            )

    async def _names(self, organization_id: OrganizationId, person_id: PersonId) -> set[str]:
        """Numbers and user ids by which letters may call the person."""
        return {
            note["sk"].split("/", 2)[-1]
            async for note in self._beside(organization_id, person_id, "alias/")
        }

    async def _beside(
        self, organization_id: OrganizationId, person_id: PersonId, prefix: str
    ) -> AsyncIterator[Plain]:
        partition = keys.person(organization_id, person_id).partition
        async for page in bulk.partition(self._table, partition, prefix=prefix):
            for item in page:
                yield item

    async def _take(self, key: Key) -> int:
        """Remove one item; whether it was there."""
        try:
            await self._table.delete(key, condition="attribute_exists(pk)")
        except ConditionFailed:
            return 0
        return 1

    async def _delete(self, kind: str, items: Collection[Plain]) -> Counter[str]:
        await bulk.delete_all(self._table, [Key(item["pk"], item["sk"]) for item in items])
        return Counter({kind: len(items)})


def _partitions(organization_id: OrganizationId) -> Iterator[tuple[str, str]]:
    """Those whose names need no look-up, with what their items count as."""
    yield "dead_letters", keys.dead_letters(organization_id)
    yield "other_items", keys.quota(organization_id, "").partition
    document = DocumentId("")
    yield "other_items", keys.embedding(organization_id, document, version=0, start=0).partition
    no_endpoint = WebhookEndpointId("")
    yield "other_items", keys.webhook_delivery(organization_id, no_endpoint, "").partition
    for partition in _partitions_of_events(organization_id):
        yield "other_items", partition
    for digit in hexdigits.lower()[:16]:
        yield "other_items", keys.query_embedding(organization_id, "", digit).partition


def _partitions_of_events(organization_id: OrganizationId) -> Iterator[str]:
    """Those of events, which say whose conversation they were in."""
    nothing = WebhookEndpointId(""), EventId("")
    yield keys.webhook_dead_letter(organization_id, *nothing).partition
    # Clocks of other processes may be ahead, and it may be another day before this ends.
    tomorrow = utc_now() + timedelta(days=1)
    for days in range(LOGGED_DAYS):
        yield keys.event_log_day(organization_id, tomorrow - timedelta(days=days))


def _wamids(message: Plain) -> set[str]:
    """The ids at Meta's side that lead to a message."""
    first = message.get("whatsapp_message_id")
    return {*message.get("pointed_at_by", ()), *([first] if first else ())}


def _mentions(raw: bytes, names: Iterable[str]) -> bool:
    return any(f'"{name}"'.encode() in raw for name in names)


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total += count
    return total
