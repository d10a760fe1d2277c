"""Sending through the real outbox to a Graph API that behaves as badly as it is told to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sending import SendingActivities
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.dynamodb.table import Table
from adapters.postgres.assistant_profiles import AssistantProfile
from adapters.whatsapp.client import GraphClient
from contracts.conversation import (
    ConversationRef,
    MarkRead,
    SendPart,
    SentPart,
    SettleUncertain,
    Turn,
)
from contracts.ids import ChannelId, MessageId, OrganizationId, conversation_id
from domain.webhook.delivery import StatusReceived, read_delivery
from tests.adapters.dynamodb.builders import NOON, a_request, a_turn, an_id
from tests.simulator.stage import ACCESS_TOKEN, PHONE_NUMBER_ID, Stage, staged

REQUEST_SECONDS = 0.5


class OneProfile:
    """The profile of the only channel. What it looks up is tested with PostgreSQL elsewhere."""

    def __init__(self, access_token: str) -> None:
        self.access_token = access_token

    async def for_channel(
        self, organization_id: OrganizationId, channel_id: ChannelId
    ) -> AssistantProfile:
        return AssistantProfile(
            organization_id=organization_id,
            organization_name="Blue Door Bakery",
            channel_id=channel_id,
            phone_number_id=PHONE_NUMBER_ID,
            access_token=self.access_token,
        )


class Desk:
    """A conversation with somebody on the simulator, and the activities that answer in it."""

    def __init__(self, table: Table, stage: Stage, http: httpx.AsyncClient) -> None:
        self.table, self.stage = table, stage
        self.outbox, self.statuses = Outbox(table), Statuses(table)
        self.profile = OneProfile(ACCESS_TOKEN)
        self.activities = SendingActivities(
            profiles=self.profile,  # type: ignore[arg-type] # duck-typed: see its docstring
            people=People(table),
            outbox=self.outbox,
            graph=GraphClient(http, base_url=stage.url, version="v24.0"),
            uncertain_seconds=7,
            uncertain_policy="resend",
        )
        self.person: dict[str, Any] = {}
        self.ref: ConversationRef
        self.turn: Turn
        self.draft_id = ""

    async def open(self, text: str = "We open at *nine*.") -> None:
        self.person = await self.stage.acquainted()
        organization = OrganizationId(an_id("org"))
        identity = PersonIdentity(wa_id=self.person["wa_id"])
        person_id = await People(self.table).resolve(organization, identity)
        channel = ChannelId(f"chn_{an_id('x')[-26:]}")
        self.ref = ConversationRef(
            organization_id=organization,
            channel_id=channel,
            person_id=person_id,
            conversation_id=conversation_id(channel, person_id),
        )
        await Conversations(self.table).record_inbound(a_request(self.ref))
        self.turn = a_turn(self.ref)
        self.draft_id = await self.outbox.save_draft(
            self.turn, Draft(parts=(DraftPart(text=text),), model="m", output_tokens=5)
        )

    async def send(
        self,
        message_id: str,
        *,
        resend: bool = False,
        environment: ActivityEnvironment | None = None,
    ) -> SentPart:
        request = SendPart(
            turn=self.turn,
            draft_id=self.draft_id,
            part=0,
            message_id=MessageId(message_id),
            resend=resend,
        )
        sent: SentPart = await (environment or ActivityEnvironment()).run(
            self.activities.send_part, request
        )
        return sent

    async def status(self, message_id: str) -> str:
        state = await self.outbox.state(self.ref, message_id=MessageId(message_id))
        assert state is not None
        return state.status

    async def arrived(self) -> list[str]:
        """What the person's phone shows of the business."""
        return [
            item["content"]["body"]
            for item in await self.stage.chat(self.person)
            if item["direction"] == "outbound"
        ]

    async def take_statuses(self) -> None:
        """As the webhook does, with what the simulator has delivered so far."""
        for body in self.stage.receiver.bodies:
            for update in read_delivery(body, received_at=NOON):
                if isinstance(update, StatusReceived):
                    await self.statuses.apply(
                        self.ref.organization_id,
                        StatusUpdate(**update.model_dump(exclude={"phone_number_id"})),
                    )


@pytest.fixture
async def desk(table: Table, tmp_path: Path) -> AsyncIterator[Desk]:
    # Quick to give up, so that an answer that never comes does not hold up the test.
    transport = httpx.AsyncHTTPTransport()
    async with (
        staged(tmp_path) as stage,
        httpx.AsyncClient(transport=_Impatient(transport), trust_env=False) as http,
    ):
        desk = Desk(table, stage, http)
        await desk.open()
        yield desk


class _Impatient(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncHTTPTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"]["read"] = REQUEST_SECONDS
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_part_is_sent_once_however_often_it_is_tried(desk: Desk) -> None:
    for _ in range(3):
        assert await desk.send("msg_1") == SentPart(outcome="sent")
    assert await desk.arrived() == ["We open at *nine*."]
    assert await desk.status("msg_1") == "sent"


async def test_the_status_of_a_message_finds_it(desk: Desk) -> None:
    await desk.send("msg_1")
    await desk.stage.receiver.until(
        lambda: {item["status"] for item in desk.stage.receiver.statuses()} >= {"delivered"}
    )
    await desk.take_statuses()
    assert await desk.status("msg_1") == "delivered"


async def test_an_answer_that_never_comes_leaves_the_send_uncertain(desk: Desk) -> None:
    await desk.stage.put_faults(
        {"effect": "lost_answer", "seconds": 5}, {"effect": "drop_statuses"}
    )
    assert await desk.send("msg_1") == SentPart(outcome="uncertain", settle_seconds=7)
    assert await desk.send("msg_1") == SentPart(outcome="uncertain", settle_seconds=7)
    assert await desk.arrived() == ["We open at *nine*."]
    assert await desk.status("msg_1") == "uncertain"


async def test_the_status_webhook_settles_an_uncertain_send(desk: Desk) -> None:
    await desk.stage.put_faults({"effect": "lost_answer", "seconds": 5, "count": 1})
    sent = await desk.send("msg_1")
    await desk.stage.receiver.until(lambda: len(desk.stage.receiver.statuses()) >= 2)
    await desk.take_statuses()
    decided = await ActivityEnvironment().run(
        desk.activities.settle_uncertain_send,
        SettleUncertain(conversation=desk.ref, message_id=MessageId("msg_1")),
    )
    assert sent.outcome in ("sent", "uncertain")
    assert decided.decision == "settled"
    assert await desk.status("msg_1") in ("sent", "delivered")
    assert await desk.arrived() == ["We open at *nine*."]


async def test_an_uncertain_send_is_repeated_once_by_policy(desk: Desk) -> None:
    await desk.stage.put_faults({"effect": "reset", "count": 1})
    assert (await desk.send("msg_1")).outcome == "uncertain"
    decided = await ActivityEnvironment().run(
        desk.activities.settle_uncertain_send,
        SettleUncertain(conversation=desk.ref, message_id=MessageId("msg_1")),
    )
    assert decided.decision == "resend"
    assert (await desk.send("msg_1", resend=True)).outcome == "sent"
    assert (await desk.send("msg_1", resend=True)).outcome == "sent"
    assert await desk.arrived() == ["We open at *nine*."]


@pytest.mark.parametrize("code", [130429, 131056, 80007, 4])
async def test_a_throttled_send_is_tried_again_later(desk: Desk, code: int) -> None:
    await desk.stage.put_faults({"effect": "error", "code": code, "count": 1})
    with pytest.raises(ApplicationError) as raised:
        await desk.send("msg_1")
    assert not raised.value.non_retryable
    assert raised.value.next_retry_delay
    assert await desk.send("msg_1") == SentPart(outcome="sent")
    assert await desk.arrived() == ["We open at *nine*."]


@pytest.mark.parametrize("code", [100, 131026, 131047, 190, 368, 131042])
async def test_a_refused_send_is_not_tried_again(desk: Desk, code: int) -> None:
    await desk.stage.put_faults({"effect": "error", "code": code, "count": 1})
    assert await desk.send("msg_1") == SentPart(outcome="rejected", error_code=code)
    assert (await desk.send("msg_1")).outcome == "rejected"
    assert await desk.status("msg_1") == "failed"
    assert await desk.arrived() == []


async def test_a_fault_at_metas_side_is_uncertain(desk: Desk) -> None:
    await desk.stage.put_faults({"effect": "http_500", "accept": True, "count": 1})
    assert (await desk.send("msg_1")).outcome in ("uncertain", "sent")
    assert (await desk.send("msg_1")).outcome in ("uncertain", "sent")
    assert len(await desk.arrived()) == 1


async def test_a_wrong_token_is_told_and_nothing_goes_out(desk: Desk) -> None:
    desk.profile.access_token = "expired"
    assert await desk.send("msg_1") == SentPart(outcome="rejected", error_code=190)
    assert await desk.arrived() == []


async def test_nobody_at_the_other_end_is_no_uncertainty(table: Table, desk: Desk) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        away = SendingActivities(
            profiles=desk.profile,  # type: ignore[arg-type] # as above
            people=People(table),
            outbox=desk.outbox,
            graph=GraphClient(http, base_url="http://127.0.0.1:1", version="v24.0"),
            uncertain_seconds=7,
            uncertain_policy="leave",
        )
        here, desk.activities = desk.activities, away
        with pytest.raises(ApplicationError, match="cannot be reached"):
            await desk.send("msg_1")
    desk.activities = here
    assert await desk.send("msg_1") == SentPart(outcome="sent")


async def test_the_person_sees_that_it_was_read(desk: Desk) -> None:
    inbound = next(
        item for item in await desk.stage.chat(desk.person) if item["direction"] == "inbound"
    )
    await ActivityEnvironment().run(
        desk.activities.mark_read, MarkRead(turn=desk.turn, whatsapp_message_id=inbound["id"])
    )
    assert await desk.stage.status_of(desk.person, inbound["id"]) == "read"
