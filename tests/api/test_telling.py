"""What a status changes is told to the organisation's own systems, or Meta delivers again."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from temporalio.service import RPCError, RPCStatusCode

from adapters.dynamodb.outbox import Outbox
from api.services import Services
from contracts.conversation import ConversationRef, Turn
from contracts.events import BusinessEvent
from contracts.ids import ChannelId, MessageId, OrganizationId, PersonId, TurnId, conversation_id
from domain.outbound import callback_data
from tests.adapters.dynamodb.builders import an_id
from tests.api.conftest import Organization, check_problem
from tests.api.test_webhooks import channel, deliver, to

__all__ = ["channel"]


class Told:
    """What the API has told; it fails as often as it is said."""

    def __init__(self) -> None:
        self.events: list[BusinessEvent] = []
        self.failures = 0

    async def __call__(self, *events: BusinessEvent) -> None:
        if events and self.failures:
            self.failures -= 1
            raise RPCError("down", RPCStatusCode.UNAVAILABLE, b"")
        self.events += events

    @property
    def said(self) -> list[tuple[str, Any]]:
        return [(event.type, event.data.get("status")) for event in self.events]


@pytest.fixture
def told(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    services: Services = app.state.services
    monkeypatch.setattr(services.inbound, "_tell", told)
    return told


@pytest.fixture
async def sending(ours: Organization, app: FastAPI, channel: dict[str, Any]) -> ConversationRef:
    """A message of ours that was claimed, and whose answer has not come yet."""
    person = PersonId(f"wau_{an_id('x')[-26:]}")
    ref = ConversationRef(
        organization_id=OrganizationId(ours.id),
        channel_id=ChannelId(channel["id"]),
        person_id=person,
        conversation_id=conversation_id(ChannelId(channel["id"]), person),
    )
    services: Services = app.state.services
    turn = Turn(conversation=ref, turn_id=TurnId("turn_1"), message_ids=[])
    await Outbox(services.table).claim(turn, message_id=MessageId("msg_1"), part=0, text="Hi")
    return ref


def status(ref: ConversationRef, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"wamid.of.{ref.person_id}",
        "status": name,
        "timestamp": "1772366400",
        "biz_opaque_callback_data": callback_data(ref.conversation_id, MessageId("msg_1")),
        **fields,
    }


async def test_a_status_that_is_faster_than_the_send_tells_of_both_in_order(
    stranger: httpx.AsyncClient, channel: dict[str, Any], sending: ConversationRef, told: Told
) -> None:
    for name in ("delivered", "read", "read"):
        body = to(channel, statuses=[status(sending, name)])
        assert (await deliver(stranger, body)).status_code == 200
    assert told.said == [
        ("message.sent", None),
        ("message.status", "delivered"),
        ("message.status", "read"),
        ("message.status", "read"),
    ]
    assert told.events[2].id == told.events[3].id
    assert {event.message_id for event in told.events} == {"msg_1"}


async def test_what_could_not_be_told_is_told_when_meta_delivers_again(
    stranger: httpx.AsyncClient, channel: dict[str, Any], sending: ConversationRef, told: Told
) -> None:
    body = to(channel, statuses=[status(sending, "delivered")])
    told.failures = 1
    check_problem(await deliver(stranger, body), 503)
    assert told.events == []
    assert (await deliver(stranger, body)).status_code == 200
    assert told.said == [("message.status", "delivered")]


async def test_a_failure_is_told_with_its_code(
    stranger: httpx.AsyncClient, channel: dict[str, Any], sending: ConversationRef, told: Told
) -> None:
    failed = status(sending, "failed", errors=[{"code": 131026, "title": "Undeliverable"}])
    assert (await deliver(stranger, to(channel, statuses=[failed]))).status_code == 200
    (event,) = told.events
    assert event.data == {"status": "failed", "error_code": 131026}


async def test_a_status_of_a_message_that_nobody_knows_tells_nobody(
    stranger: httpx.AsyncClient, channel: dict[str, Any], told: Told
) -> None:
    unknown = {"id": "wamid.unknown", "status": "delivered", "timestamp": "1772366400"}
    assert (await deliver(stranger, to(channel, statuses=[unknown]))).status_code == 200
    assert told.events == []
