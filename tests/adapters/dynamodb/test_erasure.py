"""What leads to what, so that an erasure finds it all; and what it need not find."""

import inspect
from collections import Counter
from typing import Any

import pytest

from adapters.dynamodb import bulk, keys
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.erasure import EXPIRING, INDEXES, REMOVED, ErasedItems
from adapters.dynamodb.keys import Key
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.table import Table
from contracts.conversation import ConversationRef
from contracts.ids import MessageId, OrganizationId, PersonId
from tests.adapters.dynamodb.builders import (
    a_conversation,
    a_record,
    a_request,
    a_turn,
    an_id,
    an_organization,
)


async def everything(table: Table, organization_id: OrganizationId) -> list[str]:
    found = []
    async for page in table.client.get_paginator("scan").paginate(TableName=table.name):
        found += [
            f"{item['pk']['S']} {item['sk']['S']}"
            for item in page["Items"]
            if organization_id in str(item)
        ]
    return sorted(found)


async def a_busy_conversation(table: Table, ref: ConversationRef, *, messages: int = 3) -> None:
    records = [a_record() for _ in range(messages)]
    await Conversations(table).record_inbound(a_request(ref, *records, opening=True))
    answer = MessageId(an_id("msg"))
    await Outbox(table).claim(a_turn(ref), message_id=answer, part=0, text="a")
    await Outbox(table).mark_sent(ref, message_id=answer, whatsapp_message_id=an_id("wamid"))


def test_every_kind_of_key_is_removed_or_expires() -> None:
    """A new kind of key must be put into one of them, and be removed if it is into the first."""
    kinds = {
        name
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if function.__module__ == keys.__name__ and not name.startswith("_")
    }
    known = [*REMOVED, *EXPIRING, *INDEXES, "foreign"]
    assert not [name for name, count in Counter(known).items() if count > 1]
    assert kinds == set(known)


async def test_an_organisation_of_many_pages_is_removed(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    organization, other = an_organization(), an_organization()
    for _ in range(5):
        await a_busy_conversation(table, a_conversation(organization))
        await People(table).resolve(organization, PersonIdentity(wa_id=an_id("3460")))
        await DeadLetters(table).park(organization, reason="r", raw=b"")
    await a_busy_conversation(table, a_conversation(other))
    of_other = await everything(table, other)

    removed: Counter[str] = Counter()
    async for counts in ErasedItems(table).of_organization(organization):
        removed += counts

    assert await everything(table, organization) == []
    assert await everything(table, other) == of_other
    assert {kind: removed[kind] for kind in ("conversations", "messages", "dead_letters")} == {
        "conversations": 5,
        "messages": 20,
        "dead_letters": 5,
    }
    async for counts in ErasedItems(table).of_organization(organization):
        assert counts.total() == 0


@pytest.mark.parametrize("dies_after", range(1, 12, 2))
async def test_wherever_it_is_cut_off_the_next_one_finds_the_rest(
    table: Table, dies_after: int
) -> None:
    organization = an_organization()
    for _ in range(2):
        person = await People(table).resolve(organization, PersonIdentity(wa_id=an_id("3460")))
        await a_busy_conversation(table, a_conversation(organization, person_id=person))
    left = dies_after

    def die(**_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionResetError

    events: Any = table.client.meta.events
    for operation in ("BatchWriteItem", "DeleteItem"):
        events.register(f"before-call.dynamodb.{operation}", die)
    try:
        with pytest.raises(ConnectionResetError):
            async for _ in ErasedItems(table).of_organization(organization):
                pass
    finally:
        for operation in ("BatchWriteItem", "DeleteItem"):
            events.unregister(f"before-call.dynamodb.{operation}", die)
    assert await everything(table, organization) != []
    async for _ in ErasedItems(table).of_organization(organization):
        pass
    assert await everything(table, organization) == []


async def test_a_message_sent_twice_leaves_no_pointer(table: Table) -> None:
    ref, message = a_conversation(), MessageId(an_id("msg"))
    await Conversations(table).record_inbound(a_request(ref, a_record(), opening=True))
    await Outbox(table).claim(a_turn(ref), message_id=message, part=0, text="a")
    for wamid in ("wamid.first", "wamid.second"):
        await Outbox(table).mark_sent(ref, message_id=message, whatsapp_message_id=wamid)
    assert await table.get(keys.outbound(ref.organization_id, "wamid.second"))
    async for _ in ErasedItems(table).of_organization(ref.organization_id):
        pass
    assert await everything(table, ref.organization_id) == []


async def test_people_of_earlier_versions_are_found_by_their_conversations(table: Table) -> None:
    organization, number = an_organization(), an_id("3460")
    person = PersonId(an_id("wau"))
    await table.put(
        keys.person(organization, person),
        {"person_id": person, "wa_id": number, "revision": 1, "created_at": "2026-01-01T00:00:00Z"},
    )
    await table.put(keys.alias(organization, "wa_id", number), {"person_id": person})
    await a_busy_conversation(table, a_conversation(organization, person_id=person))
    async for _ in ErasedItems(table).of_organization(organization):
        pass
    assert await everything(table, organization) == []


async def test_what_a_batch_leaves_unprocessed_is_asked_for_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = an_organization()
    items = [Key(keys.dead_letters(organization), f"{number:03}") for number in range(60)]
    for key in items:
        await table.put(key, {"reason": "r"})
    real, asked = table.client.batch_write_item, 0

    async def throttled(**request: Any) -> Any:
        nonlocal asked
        asked += 1
        requests = request["RequestItems"][table.name]
        assert len(requests) <= bulk.ITEMS_PER_BATCH
        kept = requests[1:] if asked % 2 else []
        await real(RequestItems={table.name: [one for one in requests if one not in kept]})
        return {"UnprocessedItems": {table.name: kept} if kept else {}}

    monkeypatch.setattr(table.client, "batch_write_item", throttled)
    await bulk.delete_all(table, items)
    assert asked == 6
    assert await everything(table, organization) == []


async def test_a_store_that_leaves_everything_is_not_believed(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(**request: Any) -> Any:
        return {"UnprocessedItems": request["RequestItems"]}

    monkeypatch.setattr(table.client, "batch_write_item", nothing)
    monkeypatch.setattr(bulk, "BATCH_ATTEMPTS", 2)
    with pytest.raises(TimeoutError):
        await bulk.delete_all(table, [Key("org_1/dead-letters", "1")])
