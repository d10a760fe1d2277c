import asyncio
from datetime import timedelta

import pytest

from adapters.dynamodb import keys
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.pages import InvalidCursor
from adapters.dynamodb.table import Table
from contracts.conversation import ConversationRef, InboundMessage, MediaReference
from contracts.ids import ChannelId, PersonId, TurnId
from tests.adapters.dynamodb.builders import (
    NOON,
    a_conversation,
    a_record,
    a_request,
    an_id,
    an_organization,
)


@pytest.fixture
def conversations(table: Table) -> Conversations:
    return Conversations(table)


async def test_the_first_message_ever_opens_the_conversation(conversations: Conversations) -> None:
    ref = a_conversation()
    record = a_record("Do you deliver?")

    recorded = await conversations.record_inbound(a_request(ref, record, opening=True))

    assert recorded.fresh == [record.message_id]
    assert recorded.first_contact
    stored = await conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert (stored.status, stored.inbound_count, stored.last_inbound_at) == ("bot", 1, NOON)
    (message,) = await conversations.recent(ref, limit=10)
    assert (message.id, message.text, message.status) == (
        record.message_id,
        "Do you deliver?",
        "received",
    )


async def test_repeating_a_record_answers_the_same_and_counts_once(
    conversations: Conversations,
) -> None:
    ref = a_conversation()
    request = a_request(ref, a_record("a"), a_record("b"), opening=True)

    first = await conversations.record_inbound(request)
    again = await conversations.record_inbound(request)

    assert (again.fresh, again.first_contact) == (first.fresh, first.first_contact)
    assert (first.written, again.written) == (2, 0)
    stored = await conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert stored.inbound_count == 2
    assert [m.text for m in await conversations.recent(ref, limit=10)] == ["a", "b"]


async def test_what_an_earlier_turn_has_had_is_not_fresh(conversations: Conversations) -> None:
    ref = a_conversation()
    await conversations.record_inbound(a_request(ref, a_record("a", wamid="w1"), opening=True))
    old, new = a_record("a", wamid="w1"), a_record("b", wamid="w2")

    recorded = await conversations.record_inbound(a_request(ref, old, new, opening=True))

    assert recorded.fresh == [new.message_id]
    assert not recorded.first_contact
    assert [m.text for m in await conversations.recent(ref, limit=10)] == ["a", "b"]


async def test_a_turn_that_is_recorded_again_in_another_order_keeps_every_message_once(
    conversations: Conversations,
) -> None:
    """A worker died after its write; the next one finds a message that was sent before."""
    ref, turn_id = a_conversation(), TurnId("turn_1")
    late = a_record("late")
    await conversations.record_inbound(a_request(ref, late, opening=True, turn_id=turn_id))
    early, again = a_record("early"), late.model_copy(update={"message_id": "msg_other"})
    repeated = a_request(ref, early, again, opening=True, turn_id=turn_id)
    for _ in range(2):
        recorded = await conversations.record_inbound(repeated)
        assert recorded.fresh == [early.message_id, late.message_id]
        assert recorded.renamed == {"msg_other": late.message_id}
        assert recorded.first_contact
    stored = await conversations.recent(ref, limit=10)
    assert {message.id: message.text for message in stored} == {
        early.message_id: "early",
        late.message_id: "late",
    }


async def test_a_message_twice_in_one_request_is_one_message(conversations: Conversations) -> None:
    ref = a_conversation()
    first, second = a_record("a", wamid="w1"), a_record("a", wamid="w1")

    recorded = await conversations.record_inbound(a_request(ref, first, second, opening=True))

    assert recorded.fresh == [first.message_id]
    assert len(await conversations.recent(ref, limit=10)) == 1


async def test_many_messages_at_once_are_all_kept_in_order(conversations: Conversations) -> None:
    ref = a_conversation()
    records = [a_record(f"{n}") for n in range(90)]

    recorded = await conversations.record_inbound(a_request(ref, *records, opening=True))

    assert recorded.fresh == [record.message_id for record in records]
    assert recorded.first_contact
    assert [m.text for m in await conversations.recent(ref, limit=90)] == [
        f"{n}" for n in range(90)
    ]


async def test_two_processes_that_record_the_same_message_let_one_turn_have_it(
    conversations: Conversations,
) -> None:
    ref = a_conversation()
    requests = [a_request(ref, a_record("a", wamid="w1"), opening=True) for _ in range(6)]

    recorded = await asyncio.gather(*(conversations.record_inbound(r) for r in requests))

    assert sum(len(one.fresh) for one in recorded) == 1
    assert sum(one.first_contact for one in recorded) == 1
    assert len(await conversations.recent(ref, limit=10)) == 1


@pytest.mark.parametrize("text", ["before\x00after", "", "x" * 100_000, "👩‍👩‍👧 ضيف \u202e"])
async def test_any_text_is_stored(conversations: Conversations, text: str) -> None:
    ref = a_conversation()

    await conversations.record_inbound(a_request(ref, a_record(text), opening=True))

    (message,) = await conversations.recent(ref, limit=1)
    assert message.text == text[:16_384]


async def test_a_lone_surrogate_becomes_a_replacement_character(
    conversations: Conversations,
) -> None:
    ref = a_conversation()
    record = a_record(wamid="w\ud800")
    hostile = record.model_copy(
        update={"message": record.message.model_copy(update={"text": "a\ud83d b \ud83d\ude00"})}
    )
    request = a_request(ref, opening=True).model_copy(update={"messages": [hostile]})

    recorded = await conversations.record_inbound(request)

    assert recorded.fresh == [record.message_id]
    (message,) = await conversations.recent(ref, limit=1)
    assert message.text == "a\ufffd b 😀"


@pytest.mark.parametrize("wamid", ["", "w" * 5_000, "wamid/with/slashes"])
async def test_any_wamid_is_told_apart(conversations: Conversations, wamid: str) -> None:
    ref = a_conversation()
    record = a_record()
    record = record.model_copy(
        update={"message": record.message.model_copy(update={"whatsapp_message_id": wamid})}
    )

    first = await conversations.record_inbound(a_request(ref, record, opening=True))
    again = await conversations.record_inbound(a_request(ref, record, opening=True))

    assert (first.fresh, again.fresh) == ([record.message_id], [])


async def test_media_and_quotes_come_back(conversations: Conversations) -> None:
    ref = a_conversation()
    media = MediaReference(media_id="1", mime_type="image/jpeg", sha256="abc")
    message = InboundMessage(
        whatsapp_message_id="w1",
        type="image",
        reply="answer",
        media=media,
        in_reply_to="w0",
        sent_at=NOON,
    )
    record = a_record().model_copy(update={"message": message})

    await conversations.record_inbound(a_request(ref, record, opening=True))

    (stored,) = await conversations.recent(ref, limit=1)
    assert (stored.media, stored.in_reply_to, stored.text) == (media, "w0", None)


async def test_a_late_message_does_not_turn_the_service_window_back(
    conversations: Conversations,
) -> None:
    ref = a_conversation()
    late = a_record("late", sent_at=NOON - timedelta(hours=3))
    for opening in (True, False):
        await conversations.record_inbound(a_request(ref, a_record(), opening=opening))
        await conversations.record_inbound(
            a_request(ref, late.model_copy(update={"message_id": an_id("msg")}), opening=opening)
        )

    stored = await conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert stored.last_inbound_at == NOON


async def test_a_closed_conversation_reopens_for_the_bot(conversations: Conversations) -> None:
    ref = a_conversation()
    await conversations.record_inbound(a_request(ref, a_record(), opening=True))
    await conversations.close(ref)
    assert await _status(conversations, ref) == "closed"

    recorded = await conversations.record_inbound(a_request(ref, a_record(), opening=True))

    assert not recorded.first_contact
    assert await _status(conversations, ref) == "bot"


async def test_a_conversation_that_a_human_has_stays_with_them(
    conversations: Conversations, table: Table
) -> None:
    ref = a_conversation()
    await conversations.record_inbound(a_request(ref, a_record(), opening=True))
    await table.update(
        keys.conversation(ref.organization_id, ref.conversation_id),
        "SET #status = :human",
        {"human": "human"},
        names={"#status": "status"},
    )

    for opening in (True, False):
        await conversations.record_inbound(a_request(ref, a_record(), opening=opening))

    assert await _status(conversations, ref) == "human"
    stored = await conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    assert stored.inbound_count == 3


async def test_closing_what_was_never_opened_does_nothing(conversations: Conversations) -> None:
    ref = a_conversation()

    await conversations.close(ref)

    assert await conversations.get(ref.organization_id, ref.conversation_id) is None


async def test_messages_come_in_pages_newest_first(conversations: Conversations) -> None:
    ref = a_conversation()
    records = [a_record(f"{n}") for n in range(7)]
    await conversations.record_inbound(a_request(ref, *records, opening=True))

    texts, cursor = [], None
    while True:
        page = await conversations.messages(
            ref.organization_id, ref.conversation_id, limit=3, cursor=cursor
        )
        texts += [message.text for message in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert texts == ["6", "5", "4", "3", "2", "1", "0"]


async def test_conversations_are_listed_by_newest_activity(conversations: Conversations) -> None:
    organization = an_organization()
    refs = [a_conversation(organization) for _ in range(5)]
    for ref in [*refs, refs[1]]:
        await conversations.record_inbound(a_request(ref, a_record(), opening=True))

    expected = [refs[n].conversation_id for n in (1, 4, 3, 2, 0)]
    assert await _listed(conversations, organization, limit=2) == expected
    assert await _listed(conversations, an_organization(), limit=2) == []


async def test_lists_are_filtered_by_status_channel_and_person(
    conversations: Conversations,
) -> None:
    organization = an_organization()
    channel, person = ChannelId(an_id("chn")), PersonId(an_id("wau"))
    both = a_conversation(organization, channel_id=channel, person_id=person)
    same_channel = a_conversation(organization, channel_id=channel)
    same_person = a_conversation(organization, person_id=person)
    others = [a_conversation(organization) for _ in range(6)]
    for ref in [both, *others[:3], same_channel, *others[3:], same_person]:
        await conversations.record_inbound(a_request(ref, a_record(), opening=True))
    await conversations.close(both)

    async def listed(**filters: object) -> list[str]:
        return await _listed(conversations, organization, limit=2, **filters)

    assert await listed(channel_id=channel) == [same_channel.conversation_id, both.conversation_id]
    assert await listed(person_id=person) == [same_person.conversation_id, both.conversation_id]
    assert await listed(status="closed") == [both.conversation_id]
    assert await listed(status="bot", channel_id=channel) == [same_channel.conversation_id]
    assert await listed(status="bot", person_id=person) == [same_person.conversation_id]
    assert len(await listed(status="bot")) == 8
    assert await listed(status="human") == []


@pytest.mark.parametrize("cursor", ["", "x", "W10", "e30", "WyJhIiwiYiIsImMiXQ", "\u2603", "WzFd"])
async def test_a_made_up_cursor_is_refused(conversations: Conversations, cursor: str) -> None:
    ref = a_conversation()
    with pytest.raises(InvalidCursor):
        await conversations.messages(
            ref.organization_id, ref.conversation_id, limit=2, cursor=cursor
        )
    with pytest.raises(InvalidCursor):
        await conversations.list(ref.organization_id, limit=2, cursor=cursor)


async def test_another_organisation_sees_nothing(conversations: Conversations) -> None:
    ref = a_conversation()
    for _ in range(3):
        await conversations.record_inbound(a_request(ref, a_record(), opening=True))
    stranger = an_organization()
    mine = await conversations.messages(ref.organization_id, ref.conversation_id, limit=1)

    assert await conversations.get(stranger, ref.conversation_id) is None
    assert (await conversations.messages(stranger, ref.conversation_id, limit=9)).items == []
    foreign = await conversations.messages(
        stranger, ref.conversation_id, limit=9, cursor=mine.next_cursor
    )
    assert foreign.items == []


async def _status(conversations: Conversations, ref: ConversationRef) -> str:
    stored = await conversations.get(ref.organization_id, ref.conversation_id)
    assert stored is not None
    return stored.status


async def _listed(
    conversations: Conversations, organization: str, *, limit: int, **filters: object
) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await conversations.list(
            organization,  # type: ignore[arg-type]
            limit=limit,
            cursor=cursor,
            **filters,  # type: ignore[arg-type]
        )
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
