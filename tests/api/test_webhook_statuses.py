"""Statuses at the door: in any order, before the send's own answer, and of nobody's messages."""

import itertools
import json
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from ulid import ULID

from adapters.dynamodb.messages import StoredMessage
from adapters.dynamodb.outbox import Outbox
from api.services import Services
from contracts.conversation import ConversationRef, Turn
from contracts.ids import ChannelId, MessageId, TurnId
from domain.outbound import callback_data
from tests.api.conftest import Organization
from tests.api.test_conversations import write
from tests.api.test_webhooks import deliver, make_channel
from tests.fuzz import corpus

AT: Final = {
    name: str(corpus.SENT_AT + offset)
    for offset, name in enumerate(("sent", "delivered", "read", "played", "failed"))
}


class Sent:
    """A message that is on its way out of a conversation."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        services: Services,
        organization: Organization,
        channel: dict[str, Any],
        ref: ConversationRef,
    ) -> None:
        self._client, self._services, self._organization = client, services, organization
        self._channel, self.ref = channel, ref
        self._outbox = Outbox(services.table)
        self.message_id = MessageId(f"msg_{ULID()}")
        self.wamid = f"wamid.{ULID()}"

    async def claim(self) -> None:
        turn = Turn(conversation=self.ref, turn_id=TurnId(f"turn_{ULID()}"), message_ids=[])
        await self._outbox.claim(turn, message_id=self.message_id, part=0, text="Yes.")

    async def accepted(self) -> None:
        await self._outbox.mark_sent(
            self.ref, message_id=self.message_id, whatsapp_message_id=self.wamid
        )

    async def hears(self, *names: str, named: bool = False, **fields: Any) -> None:
        """Deliver these statuses of it; `named`: with the callback data of the send."""
        if named:
            data = callback_data(self.ref.conversation_id, self.message_id)
            fields["biz_opaque_callback_data"] = data
        statuses = [
            corpus.status(name, id=self.wamid, timestamp=AT[name], **fields) for name in names
        ]
        change = corpus.change("messages", {"statuses": statuses})
        change["value"]["metadata"]["phone_number_id"] = self._channel["phone_number_id"]
        body = json.dumps(corpus.delivery(change)).encode()
        assert (await deliver(self._client, body)).status_code == 200

    async def stored(self) -> StoredMessage:
        recent = await self._services.conversations.recent(self.ref, limit=10)
        (message,) = (each for each in recent if each.id == self.message_id)
        return message

    async def shown(self) -> dict[str, Any]:
        path = f"{self._organization.path}/conversations/{self.ref.conversation_id}/messages"
        items = (await self._organization.viewer.get(path)).json()["items"]
        (message,) = (each for each in items if each["id"] == self.message_id)
        found: dict[str, Any] = message
        return found


@pytest.fixture
async def channel(ours: Organization) -> dict[str, Any]:
    return await make_channel(ours)


@pytest.fixture
async def ref(app: FastAPI, ours: Organization, channel: dict[str, Any]) -> ConversationRef:
    number = f"346{str(ULID().timestamp)[-8:]}"
    return (
        await write(app, ours, "Are you open?", wa_id=number, channel=ChannelId(channel["id"]))
    ).ref


@pytest.fixture
def sent(
    app: FastAPI,
    stranger: httpx.AsyncClient,
    ours: Organization,
    channel: dict[str, Any],
    ref: ConversationRef,
) -> Sent:
    return Sent(stranger, app.state.services, ours, channel, ref)


@pytest.mark.parametrize("named", [True, False], ids=["with callback data", "by wamid"])
@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(["sent", "delivered", "read", "played"])),
    ids=" ".join,
)
async def test_every_order_ends_as_read_with_the_whole_history(
    sent: Sent, order: tuple[str, ...], *, named: bool
) -> None:
    await sent.claim()
    await sent.accepted()
    for name in order:
        await sent.hears(name, name, named=named)
    message = await sent.stored()
    assert message.status == "read"
    assert {name: str(int(at.timestamp())) for name, at in message.delivery.items()} == {
        name: AT[name] for name in order
    }


async def test_played_alone_is_read(sent: Sent) -> None:
    await sent.claim()
    await sent.accepted()
    await sent.hears("played")
    assert (await sent.shown())["status"] == "read"


@pytest.mark.parametrize(
    "order", [("sent", "failed"), ("failed", "sent")], ids=["in order", "reordered"]
)
async def test_failed_after_sent_keeps_that_it_was_sent(sent: Sent, order: tuple[str, ...]) -> None:
    await sent.claim()
    await sent.accepted()
    for name in order:
        await sent.hears(name)
    message, shown = await sent.stored(), await sent.shown()
    assert set(message.delivery) == {"sent", "failed"}
    assert (shown["status"], shown["error"]["code"]) == ("failed", 131047)


async def test_failed_after_delivered_was_delivered(sent: Sent) -> None:
    await sent.claim()
    await sent.accepted()
    await sent.hears("delivered", "failed")
    message = await sent.stored()
    assert message.status == "delivered"
    assert "failed" in message.delivery


@pytest.mark.parametrize("named", [True, False], ids=["with callback data", "by wamid"])
async def test_a_status_before_the_answer_to_the_send_counts(sent: Sent, *, named: bool) -> None:
    await sent.claim()
    await sent.hears("delivered", named=named)
    await sent.accepted()
    assert (await sent.shown())["status"] == "delivered"


async def test_a_status_of_nobodys_message_waits_for_its_message(sent: Sent) -> None:
    await sent.hears("sent", "read")
    await sent.claim()
    assert (await sent.shown())["status"] == "pending"
    await sent.accepted()
    assert (await sent.shown())["status"] == "read"


async def test_callback_data_of_another_organisation_moves_nothing(
    app: FastAPI,
    stranger: httpx.AsyncClient,
    ours: Organization,
    theirs: Organization,
    ref: ConversationRef,
    channel: dict[str, Any],
) -> None:
    mine = Sent(stranger, app.state.services, ours, channel, ref)
    await mine.claim()
    await mine.accepted()
    foreign = Sent(stranger, app.state.services, theirs, await make_channel(theirs), ref)
    foreign.message_id, foreign.wamid = mine.message_id, mine.wamid
    await foreign.hears("read", named=True)
    assert (await mine.shown())["status"] == "sent"


async def test_a_status_of_a_group_moves_nothing(sent: Sent) -> None:
    await sent.claim()
    await sent.accepted()
    await sent.hears("read", recipient_type="group", recipient_id="group-1")
    assert (await sent.shown())["status"] == "sent"


@pytest.mark.parametrize(
    "data", ["out_1", "conv_.msg", ".", "conv_a.msg_b", "\x00", "ü" * 600], ids=repr
)
async def test_callback_data_that_is_not_ours_is_a_status_by_wamid(sent: Sent, data: str) -> None:
    await sent.claim()
    await sent.accepted()
    await sent.hears("delivered", biz_opaque_callback_data=data)
    assert (await sent.shown())["status"] == "delivered"
