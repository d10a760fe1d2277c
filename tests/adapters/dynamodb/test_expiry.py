"""What may be forgotten says when, so that DynamoDB removes it."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.dynamodb import keys
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.dynamodb.rate_limits import RateLimits
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.dynamodb.table import Table
from contracts.ids import MessageId
from tests.adapters.dynamodb.builders import NOON, a_conversation, a_record, a_request, a_turn


async def kept_for(table: Table, key: keys.Key, *, since: datetime | None = None) -> timedelta:
    item = await table.get(key)
    assert item is not None
    until = datetime.fromtimestamp(item["expires_at"], UTC)
    return until - (since or datetime.now(UTC))


async def test_each_thing_is_kept_as_long_as_it_is_needed(table: Table) -> None:
    ref = a_conversation()
    organization, conversation = ref.organization_id, ref.conversation_id
    turn, minute = a_turn(ref), timedelta(minutes=1)
    message = MessageId("msg_1")
    await Conversations(table).record_inbound(a_request(ref, a_record(wamid="in"), opening=True))
    outbox = Outbox(table)
    draft_id = await outbox.save_draft(turn, Draft(parts=(DraftPart(text="a"),)))
    await outbox.claim(turn, message_id=message, part=0, text="a")
    await outbox.mark_sent(ref, message_id=message, whatsapp_message_id="out")
    parked = StatusUpdate(whatsapp_message_id="unknown", status="sent", timestamp=NOON)
    await Statuses(table).apply(organization, parked)
    letter = await DeadLetters(table).park(organization, reason="r", raw=b"")
    await RateLimits(table).hit(
        organization, scope="s", key="k", limit=1, window_seconds=60, now=NOON
    )

    days = {
        "received": await kept_for(table, keys.received(organization, conversation, "in")),
        "draft": await kept_for(table, keys.draft(organization, conversation, draft_id)),
        "sent": await kept_for(table, keys.outbound(organization, "out")),
        "parked": await kept_for(table, keys.outbound(organization, "unknown")),
        "letter": await kept_for(table, keys.Key(keys.dead_letters(organization), letter)),
    }
    window = keys.rate_limit(organization, "s", "k", int(NOON.timestamp()))

    assert {name: (kept + minute).days for name, kept in days.items()} == {
        "received": 35,
        "draft": 8,
        "sent": 40,
        "parked": 8,
        "letter": 30,
    }
    assert await kept_for(table, window, since=NOON) == timedelta(minutes=2)


@pytest.mark.parametrize("kind", ["conversation", "message"])
async def test_what_was_said_is_kept(table: Table, kind: str) -> None:
    ref, record = a_conversation(), a_record()
    await Conversations(table).record_inbound(a_request(ref, record, opening=True))
    key = {
        "conversation": keys.conversation(ref.organization_id, ref.conversation_id),
        "message": keys.message(ref.organization_id, ref.conversation_id, record.message_id),
    }[kind]

    item = await table.get(key)

    assert item is not None
    assert "expires_at" not in item
