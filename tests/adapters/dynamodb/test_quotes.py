"""What a message is about is kept with it, and what was done to a message is found with it."""

from typing import Any

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.inbound import MAX_REFERRAL_FIELD, MAX_TEXT, MESSAGES_PER_WRITE
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.table import Table
from contracts.conversation import InboundRecord, Referral
from contracts.ids import MessageId
from tests.adapters.dynamodb.builders import a_conversation, a_record, a_request, a_turn, an_id


def with_more(record: InboundRecord, **more: Any) -> InboundRecord:
    return record.model_copy(update={"message": record.message.model_copy(update=more)})


def an_effect(kind: str, *, on: InboundRecord, text: str = "") -> InboundRecord:
    return with_more(
        a_record(text), type=kind, reply="none", refers_to=on.message.whatsapp_message_id
    )


async def test_messages_keep_what_they_are_about(table: Table) -> None:
    ref = a_conversation()
    ad = Referral(source_url="https://example.com", headline="S" * 5_000, ctwa_clid="c")
    details = {"items": [{"price": 1.5, "name": "é💬"}], "note": None}
    record = with_more(
        a_record(), referral=ad, details=details, forwarded=True, choice_id="yes",
        in_reply_to="wamid.1", refers_to="wamid.2",
    )  # fmt: skip
    await Conversations(table).record_inbound(a_request(ref, record, a_record(), opening=True))
    stored, plain = await Conversations(table).recent(ref, limit=5)
    assert stored.referral == ad.model_copy(update={"headline": "S" * MAX_REFERRAL_FIELD})
    assert (stored.details, stored.forwarded, stored.choice_id) == (details, True, "yes")
    assert (stored.in_reply_to, stored.refers_to) == ("wamid.1", "wamid.2")
    assert (plain.referral, plain.details, plain.forwarded) == (None, None, False)


async def test_old_messages_are_found_as_they_stand_whoever_wrote_them(table: Table) -> None:
    ref, conversations = a_conversation(), Conversations(table)
    same, changed, gone = (a_record(text) for text in ("same", "before", "secret"))
    await conversations.record_inbound(a_request(ref, same, changed, gone, opening=True))
    ours = MessageId(an_id("msg"))
    await Outbox(table).claim(a_turn(ref), message_id=ours, part=0, text="answer")
    await Outbox(table).mark_sent(ref, message_id=ours, whatsapp_message_id="wamid.ours")
    effects = [
        an_effect("edit", on=changed, text="[edited: between]"),
        an_effect("edit", on=changed, text="[edited: after]"),
        an_effect("revoke", on=gone),
    ]
    await conversations.record_inbound(a_request(ref, *effects))
    wamids = [one.message.whatsapp_message_id for one in (same, changed, gone)]
    found = await conversations.quoted(ref, [*wamids, "wamid.ours", "wamid.unknown", wamids[0]])
    assert [(one.sender, one.text) for one in found] == [
        ("user", "same"), ("user", "after"), ("user", None), ("assistant", "answer"),
    ]  # fmt: skip
    elsewhere = a_conversation(ref.organization_id)
    assert await conversations.quoted(elsewhere, [*wamids, "wamid.ours"]) == []
    assert await conversations.quoted(ref, []) == []


async def test_a_deletion_may_come_before_what_it_deletes(table: Table) -> None:
    ref, conversations, record = a_conversation(), Conversations(table), a_record("secret")
    await conversations.record_inbound(a_request(ref, an_effect("revoke", on=record), opening=True))
    await conversations.record_inbound(a_request(ref, record))
    (found,) = await conversations.quoted(ref, [record.message.whatsapp_message_id])
    assert found.text is None


async def test_a_batch_of_the_largest_edits_is_written(table: Table) -> None:
    ref, conversations = a_conversation(), Conversations(table)
    ad = Referral(**dict.fromkeys(Referral.model_fields, "💬" * 3_000))
    edits = [
        with_more(
            an_effect("edit", on=a_record(), text="💬" * (MAX_TEXT + 1)),
            referral=ad, details={"note": "💬" * 2_000},
        )
        for _ in range(MESSAGES_PER_WRITE + 1)
    ]  # fmt: skip
    written = await conversations.record_inbound(a_request(ref, *edits, opening=True))
    assert len(written.fresh) == len(edits)


async def test_messages_after_one_are_read_in_order(table: Table) -> None:
    ref, conversations = a_conversation(), Conversations(table)
    records = [a_record(f"{number}") for number in range(6)]
    await conversations.record_inbound(a_request(ref, *records, opening=True))

    async def texts(after: MessageId | None) -> list[str | None]:
        pages = conversations.after_message(ref, after=after)
        return [one.text for page in [page async for page in pages] for one in page]

    assert await texts(None) == ["0", "1", "2", "3", "4", "5"]
    assert await texts(records[3].message_id) == ["4", "5"]
    assert await texts(records[5].message_id) == []
