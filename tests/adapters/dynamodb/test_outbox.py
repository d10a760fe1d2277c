import asyncio
from datetime import UTC
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.dynamodb import keys
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import Citation, MessageError
from adapters.dynamodb.outbox import Claim, Draft, DraftPart, Outbox
from adapters.dynamodb.table import ConditionFailed, Table
from contracts.conversation import Operator, Turn
from contracts.ids import DocumentId, MessageId, PassageId
from contracts.outbound import ButtonsContent, ReactionContent, ReplyButton, TextContent
from tests.adapters.dynamodb.builders import a_conversation, a_record, a_request, a_turn, an_id

CITATION = Citation(passage_id=PassageId("psg_1"), document_id=DocumentId("doc_1"), title="Menu")


@pytest.fixture
def outbox(table: Table) -> Outbox:
    return Outbox(table)


@pytest.fixture
def turn() -> Turn:
    return a_turn(a_conversation())


@pytest.fixture
def message_id() -> MessageId:
    return MessageId(an_id("msg"))


async def claim(outbox: Outbox, turn: Turn, message_id: MessageId) -> Claim:
    return await outbox.claim(turn, message_id=message_id, part=0, text="We open at nine.")


async def test_each_generation_of_a_turn_has_a_draft_of_its_own(
    outbox: Outbox, turn: Turn, table: Table
) -> None:
    assert await outbox.draft(turn, "none") is None
    draft = Draft(
        parts=(DraftPart(text="a", citations=(CITATION,)), DraftPart(text="b\x00")),
        model="m",
        input_tokens=10,
        cached_tokens=3,
        output_tokens=5,
    )
    draft_id = await outbox.save_draft(turn, draft)
    await outbox.save_draft(turn, Draft(parts=(DraftPart(text="superseded, but written late"),)))

    assert await outbox.draft(turn, draft_id) == draft
    assert await Outbox(table).draft(turn, draft_id) == draft


async def test_of_many_that_claim_a_message_one_may_send_it(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    claims = await asyncio.gather(*(claim(outbox, turn, message_id) for _ in range(8)))

    assert sorted(one.state for one in claims) == ["ambiguous"] * 7 + ["claimed"]


async def test_a_claimed_message_is_pending_in_the_transcript(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    await outbox.claim(
        turn,
        message_id=message_id,
        part=1,
        text="At nine.",
        citations=[CITATION],
        model="m",
        input_tokens=10,
        cached_tokens=3,
        output_tokens=5,
    )

    (message,) = await Conversations(table).recent(turn.conversation, limit=5)
    assert (message.id, message.direction, message.sender, message.status) == (
        message_id,
        "outbound",
        "assistant",
        "pending",
    )
    assert (message.text, message.part, message.citations) == ("At nine.", 1, (CITATION,))
    assert (message.model, message.input_tokens, message.cached_tokens, message.output_tokens) == (
        "m",
        10,
        3,
        5,
    )


async def test_what_was_sent_is_not_sent_again(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    await claim(outbox, turn, message_id)
    await outbox.mark_sent(turn.conversation, message_id=message_id, whatsapp_message_id="w1")

    again = await claim(outbox, turn, message_id)

    assert (again.state, again.whatsapp_message_id) == ("already_sent", "w1")


async def test_a_send_whose_end_nobody_noted_is_ambiguous(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    await claim(outbox, turn, message_id)

    assert (await claim(outbox, turn, message_id)).state == "ambiguous"
    state = await outbox.mark_uncertain(turn.conversation, message_id=message_id)
    assert (state.status, state.send_state) == ("uncertain", "uncertain")
    assert (await claim(outbox, turn, message_id)).state == "ambiguous"


async def test_after_a_rejection_it_may_be_sent_again(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    await claim(outbox, turn, message_id)
    await outbox.release(turn.conversation, message_id=message_id)

    claims = [(await claim(outbox, turn, message_id)).state for _ in range(2)]

    assert claims == ["claimed", "ambiguous"]


async def test_what_failed_for_good_stays_failed(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    await claim(outbox, turn, message_id)
    await outbox.mark_failed(
        turn.conversation, message_id=message_id, code=131047, detail="Re-engagement message"
    )

    again = await claim(outbox, turn, message_id)

    error = MessageError(code=131047, detail="Re-engagement message")
    assert (again.state, again.error) == ("failed", error)
    (message,) = await Conversations(table).recent(turn.conversation, limit=5)
    assert (message.status, message.error) == ("failed", error)


async def test_an_uncertain_send_is_repeated_once_only(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    await claim(outbox, turn, message_id)
    await outbox.mark_uncertain(turn.conversation, message_id=message_id)

    claims = await asyncio.gather(
        *(outbox.reclaim_uncertain(turn.conversation, message_id=message_id) for _ in range(4))
    )
    await outbox.mark_uncertain(turn.conversation, message_id=message_id)
    later = await outbox.reclaim_uncertain(turn.conversation, message_id=message_id)

    assert sorted(one.state for one in claims) == ["ambiguous"] * 3 + ["claimed"]
    assert later.state == "ambiguous"
    state = await outbox.state(turn.conversation, message_id=message_id)
    assert state is not None
    assert state.resent


async def test_what_is_not_uncertain_is_not_reclaimed(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    await claim(outbox, turn, message_id)
    requested = await outbox.reclaim_uncertain(turn.conversation, message_id=message_id)
    await outbox.mark_sent(turn.conversation, message_id=message_id, whatsapp_message_id="w1")
    sent = await outbox.reclaim_uncertain(turn.conversation, message_id=message_id)

    assert (requested.state, sent.state) == ("ambiguous", "already_sent")


async def test_what_was_never_claimed_cannot_be_settled(
    outbox: Outbox, turn: Turn, message_id: MessageId
) -> None:
    conversation = turn.conversation
    with pytest.raises(ConditionFailed):
        await outbox.mark_sent(conversation, message_id=message_id, whatsapp_message_id="w1")
    with pytest.raises(ConditionFailed):
        await outbox.mark_failed(conversation, message_id=message_id, code=1, detail=None)
    with pytest.raises(LookupError):
        await outbox.mark_uncertain(conversation, message_id=message_id)
    with pytest.raises(LookupError):
        await outbox.reclaim_uncertain(conversation, message_id=message_id)
    await outbox.release(conversation, message_id=message_id)
    assert await outbox.state(conversation, message_id=message_id) is None


async def test_a_sent_message_counts_in_its_conversation(outbox: Outbox, table: Table) -> None:
    conversations, ref = Conversations(table), a_conversation()
    await conversations.record_inbound(a_request(ref, a_record(), opening=True))
    before = await conversations.get(ref.organization_id, ref.conversation_id)
    message_id = MessageId(an_id("msg"))
    await claim(outbox, a_turn(ref), message_id)

    await outbox.mark_sent(
        ref, message_id=message_id, whatsapp_message_id="w1", input_tokens=100, output_tokens=20
    )

    after = await conversations.get(ref.organization_id, ref.conversation_id)
    assert before is not None
    assert after is not None
    assert (after.outbound_count, after.input_tokens, after.output_tokens) == (1, 100, 20)
    assert after.last_message_at > before.last_message_at


async def test_a_claim_whose_answer_was_lost_is_still_ours(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    """The SDK repeats a write when the connection breaks after the server has applied it."""
    attempts: list[str] = []

    def note_attempt(**_: object) -> None:
        attempts.append("sent")

    def lose_first_answer(**_: object) -> Any:
        # A handler that answers a delay has the SDK send the request again.
        return 0 if len(attempts) == 1 else None

    events = table.client.meta.events
    events.register("before-send.dynamodb.UpdateItem", note_attempt)
    events.register_last("needs-retry.dynamodb.UpdateItem", lose_first_answer)
    try:
        claimed = await claim(outbox, turn, message_id)
    finally:
        events.unregister("before-send.dynamodb.UpdateItem", note_attempt)
        events.unregister("needs-retry.dynamodb.UpdateItem", lose_first_answer)

    assert attempts == ["sent", "sent"]
    assert claimed.state == "claimed"


async def test_the_way_to_meta_costs_one_round_trip(
    outbox: Outbox, turn: Turn, message_id: MessageId, counted: list[str]
) -> None:
    await claim(outbox, turn, message_id)
    assert counted == ["UpdateItem"]
    counted.clear()
    await outbox.mark_sent(turn.conversation, message_id=message_id, whatsapp_message_id="w1")
    assert counted == ["UpdateItem"] * 3


BUTTONS = ButtonsContent(body="Which size?", options=(ReplyButton(id="choice:1", title="Small"),))
ANA = Operator(api_key_id="key_1", name="Ana")


async def test_what_went_out_stands_in_the_transcript(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    part = DraftPart.of(BUTTONS, reply_to="wamid.1")
    await outbox.claim(
        turn,
        message_id=message_id,
        part=0,
        text=part.text,
        content=part.content,
        in_reply_to=part.reply_to,
    )

    (message,) = await Conversations(table).recent(turn.conversation, limit=5)
    assert (message.type, message.content, message.in_reply_to) == (
        "interactive",
        BUTTONS,
        "wamid.1",
    )
    assert message.text == "Which size?\n[choice: Small]"


async def test_a_draft_of_an_earlier_version_is_read(
    outbox: Outbox, turn: Turn, table: Table
) -> None:
    draft_id = await outbox.save_draft(turn, Draft(parts=()))
    ref = turn.conversation
    await table.update(
        keys.draft(ref.organization_id, ref.conversation_id, draft_id),
        "SET draft = :draft",
        {"draft": '{"parts": [{"text": "At nine.", "citations": []}], "model": "m"}'},
    )

    draft = await Outbox(table).draft(turn, draft_id)

    assert draft == Draft(parts=(DraftPart(text="At nine."),), model="m")
    assert draft.parts[0].to_send == TextContent(body="At nine.")


async def test_a_content_beyond_the_limits_of_today_does_not_hide_its_message(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    await claim(outbox, turn, message_id)
    ref = turn.conversation
    await table.update(
        keys.message(ref.organization_id, ref.conversation_id, message_id),
        "SET content = :content",
        {"content": '{"type": "buttons", "body": "", "options": []}'},
    )

    (message,) = await Conversations(table).recent(ref, limit=5)

    assert (message.text, message.content) == ("We open at nine.", None)


async def test_an_operators_message_is_shown_before_it_is_claimed_once(
    outbox: Outbox, turn: Turn, message_id: MessageId, table: Table
) -> None:
    draft = Draft(parts=(DraftPart.of(BUTTONS),), sender="operator", operator=ANA)
    for _ in range(2):
        await outbox.enqueue(turn, message_id=message_id, draft=draft)

    (message,) = await Conversations(table).recent(turn.conversation, limit=5)
    assert (message.status, message.sender, message.operator) == ("pending", "operator", ANA)
    assert (message.content, message.created_at.tzinfo) == (BUTTONS, UTC)

    claims = [await claim(outbox, turn, message_id) for _ in range(2)]
    await outbox.enqueue(turn, message_id=message_id, draft=draft)

    assert [one.state for one in claims] == ["claimed", "ambiguous"]
    (claimed,) = await Conversations(table).recent(turn.conversation, limit=5)
    assert claimed.created_at == message.created_at
    state = await outbox.state(turn.conversation, message_id=message_id)
    assert state is not None
    assert state.send_state == "requested"


def test_a_reaction_quotes_nothing() -> None:
    reaction = ReactionContent(whatsapp_message_id="wamid.1", emoji="👍")
    with pytest.raises(ValidationError, match="reply_to"):
        DraftPart.of(reaction, reply_to="wamid.2")
