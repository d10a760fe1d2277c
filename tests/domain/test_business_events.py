"""An event is the same whoever tells of it again, and another one wherever anything differs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.conversation import ChangeStatus, ConversationRef, Handoff, Operator
from contracts.ids import ChannelId, ConversationId, MessageId, OrganizationId, PersonId
from domain.business_events import (
    conversation_event,
    event_id,
    limit_reached,
    message_received,
    message_sent,
    message_status,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
REF = ConversationRef(
    organization_id=OrganizationId("org_1"),
    channel_id=ChannelId("chn_1"),
    person_id=PersonId("wau_1"),
    conversation_id=ConversationId("conv_1"),
)
IDS = (REF.organization_id, REF.conversation_id, MessageId("msg_1"))
OPERATOR = Operator(api_key_id="key_1", name="Eva")


def test_telling_again_later_is_the_same_event() -> None:
    assert message_received(REF, IDS[2], at=NOON).id == message_received(REF, IDS[2], at=LATER).id
    assert message_sent(*IDS, at=NOON).id == message_sent(*IDS, at=LATER).id


def test_every_difference_makes_another_event() -> None:
    ids = [
        message_received(REF, MessageId("msg_1"), at=NOON).id,
        message_received(REF, MessageId("msg_2"), at=NOON).id,
        message_sent(*IDS, at=NOON).id,
        message_status(*IDS, status="delivered", at=NOON).id,
        message_status(*IDS, status="read", at=NOON).id,
        event_id(OrganizationId("org_2"), "message.sent", *IDS[1:]),
        event_id(OrganizationId("org_1"), "message.sent", "conv", "_1msg_1"),
    ]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == len("evt_") + 26 for one in ids)


HANDOFF = Handoff(reason="person", since=NOON)


@pytest.mark.parametrize(
    ("status", "handoff", "event_type"),
    [
        ("human", HANDOFF, "conversation.handoff"),
        ("human", HANDOFF.model_copy(update={"operator": OPERATOR}), "conversation.taken_over"),
        ("bot", None, "conversation.released"),
        ("closed", None, "conversation.closed"),
    ],
)
def test_a_change_of_who_has_the_conversation_is_told_by_its_name(
    status: Any, handoff: Handoff | None, event_type: str
) -> None:
    change = ChangeStatus(conversation=REF, status=status, handoff=handoff)
    event = conversation_event(change, occurrence="run/1", at=NOON)
    assert event.type == event_type
    assert event.data["status"] == status
    assert event.id != conversation_event(change, occurrence="run/2", at=NOON).id


def test_a_handoff_says_why_and_who_without_names() -> None:
    handoff = HANDOFF.model_copy(update={"operator": OPERATOR, "returns_at": LATER})
    change = ChangeStatus(conversation=REF, status="human", handoff=handoff)
    event = conversation_event(change, occurrence="1", at=NOON)
    assert event.data == {
        "status": "human",
        "reason": "person",
        "since": NOON.isoformat(),
        "returns_at": LATER.isoformat(),
        "operator_api_key_id": "key_1",
    }


def test_a_limit_is_told_once_in_its_window() -> None:
    def reached(quota: Any, window: str, ref: ConversationRef = REF) -> Any:
        return limit_reached(ref, quota=quota, limit="soft", window=window, until=LATER, at=NOON)

    another = REF.model_copy(update={"conversation_id": ConversationId("conv_2")})
    monthly = reached("messages_per_month", "month/2026-03")
    assert monthly.conversation_id is None
    assert monthly.id == reached("messages_per_month", "month/2026-03", another).id
    assert monthly.id != reached("messages_per_month", "month/2026-04").id
    person = reached("messages_per_person_per_minute", "minute/1")
    assert person.conversation_id == REF.conversation_id
    assert person.id != reached("messages_per_person_per_minute", "minute/1", another).id
