"""A conversation with somebody on the simulator, and the activities that answer in it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.sending import SendingActivities
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.number_rates import NumberRates
from adapters.dynamodb.outbox import Draft, DraftPart, OutboundState, Outbox
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.statuses import AppliedStatus, Statuses, StatusUpdate
from adapters.dynamodb.table import Table
from adapters.keyring import KeyRing
from adapters.postgres import channels, organizations
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.channel_pauses import ChannelPause, ChannelPauses, pause_of
from adapters.postgres.database import Database
from adapters.postgres.tables import Channel, Organization
from adapters.send_failures import SendFailures
from adapters.temporal.metrics import WorkerMetrics
from adapters.whatsapp.client import GraphClient
from contracts.conversation import (
    ConversationRef,
    SendPart,
    SentPart,
    SettleUncertain,
    Turn,
    UncertainDecision,
)
from contracts.ids import MessageId, OrganizationId, PersonId, conversation_id
from domain.webhook.delivery import StatusReceived, read_delivery
from tests.adapters.dynamodb.builders import a_request, a_turn
from tests.simulator.stage import ACCESS_TOKEN, WABA_ID, Stage, eventually, staged

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])
REQUEST_SECONDS = 0.5
TEXT = "We open at *nine*."
MESSAGE = MessageId("msg_1")


@dataclass
class OptOuts:
    """Whoever keeps consents."""

    told: list[tuple[OrganizationId, PersonId, str]] = field(default_factory=list)

    async def opted_out(
        self,
        organization_id: OrganizationId,
        person_id: PersonId,
        *,
        source: str,
        at: datetime,  # noqa: ARG002 - of the protocol
    ) -> None:
        self.told.append((organization_id, person_id, source))


@dataclass(frozen=True)
class Tools:
    """What a worker has. `another()` makes a second process of it."""

    table: Table
    database: Database
    stage: Stage
    http: httpx.AsyncClient
    profiles: AssistantProfiles
    opt_outs: OptOuts = field(default_factory=OptOuts)

    def failures(self) -> SendFailures:
        return SendFailures(
            pauses=ChannelPauses(self.database),
            consents=self.opt_outs,  # type: ignore[arg-type] # duck-typed: it only notes what it is told
        )

    def activities(self, *, graph_url: str | None = None) -> SendingActivities:
        pauses = ChannelPauses(self.database)
        return SendingActivities(
            profiles=self.profiles,
            people=People(self.table),
            outbox=Outbox(self.table),
            graph=GraphClient(self.http, base_url=graph_url or self.stage.url, version="v24.0"),
            rates=NumberRates(self.table),
            pauses=pauses,
            failures=self.failures(),
            metrics=WorkerMetrics(),
            uncertain_seconds=7,
            uncertain_policy="resend",
        )


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("simulator")) as stage:
        yield stage


@pytest.fixture
async def tools(table: Table, database: Database, stage: Stage) -> AsyncIterator[Tools]:
    # Quick to give up, so that an answer that never comes does not hold up the test.
    transport = _Impatient(httpx.AsyncHTTPTransport())
    async with (
        httpx.AsyncClient(transport=transport, trust_env=False) as http,
        AssistantProfiles(database, KEY_RING) as profiles,
    ):
        yield Tools(table, database, stage, http, profiles)
        await stage.put_faults()


@pytest.fixture
async def desk(tools: Tools) -> "Desk":
    return await Desk.open(tools)


class _Impatient(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncHTTPTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"]["read"] = REQUEST_SECONDS
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Desk:
    def __init__(self, tools: Tools, *, channel: Channel, person: dict[str, Any]) -> None:
        self.tools, self.channel, self.person = tools, channel, person
        self.activities = tools.activities()
        self.outbox = Outbox(tools.table)
        self.statuses = Statuses(tools.table)
        self.ref: ConversationRef
        self.turn: Turn
        self.draft_id = ""

    @classmethod
    async def open(cls, tools: Tools, *, beside: "Desk | None" = None) -> "Desk":
        """Somebody has written to a number.

        Args:
            beside: another number of the same organisation and account.
        """
        stage, number = tools.stage, str(uuid4().int)[:15]
        await stage.put_number(number)
        organization = await _organization(tools) if beside is None else beside.organization
        async with tools.database.tenant(organization) as session:
            channel = await channels.create(
                session,
                keyring=KEY_RING,
                organization_id=organization,
                phone_number_id=number,
                waba_id=WABA_ID,
                display_phone_number="+1 555 078 3881",
                access_token=ACCESS_TOKEN,
            )
        person = await stage.person()
        await stage.write(person, phone_number_id=number)
        desk = cls(tools, channel=channel, person=person)
        person_id = await People(tools.table).resolve(
            organization, PersonIdentity(wa_id=person["wa_id"])
        )
        desk.ref = ConversationRef(
            organization_id=organization,
            channel_id=channel.id,
            person_id=person_id,
            conversation_id=conversation_id(channel.id, person_id),
        )
        await Conversations(tools.table).record_inbound(a_request(desk.ref))
        desk.turn = a_turn(desk.ref)
        desk.draft_id = await desk.outbox.save_draft(
            desk.turn, Draft(parts=(DraftPart(text=TEXT),), model="m", output_tokens=5)
        )
        return desk

    @property
    def table(self) -> Table:
        return self.tools.table

    @property
    def stage(self) -> Stage:
        return self.tools.stage

    @property
    def organization(self) -> OrganizationId:
        return self.channel.organization_id

    async def send(
        self,
        message_id: str = MESSAGE,
        *,
        resend: bool = False,
        attempt: int = 1,
        left: timedelta = timedelta(hours=24),
    ) -> SentPart:
        """
        Args:
            left: of the time for which Temporal tries the activity.
        """
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            attempt=attempt,
            scheduled_time=datetime.now(UTC),
            schedule_to_close_timeout=left,
        )
        request = SendPart(
            turn=self.turn,
            draft_id=self.draft_id,
            part=0,
            message_id=MessageId(message_id),
            resend=resend,
        )
        sent: SentPart = await environment.run(self.activities.send_part, request)
        return sent

    async def settle(self, message_id: str = MESSAGE) -> UncertainDecision:
        decided: UncertainDecision = await ActivityEnvironment().run(
            self.activities.settle_uncertain_send,
            SettleUncertain(conversation=self.ref, message_id=MessageId(message_id)),
        )
        return decided

    async def state(self, message_id: str = MESSAGE) -> OutboundState:
        state = await self.outbox.state(self.ref, message_id=MessageId(message_id))
        assert state is not None
        return state

    async def status(self, message_id: str = MESSAGE) -> str:
        return (await self.state(message_id)).status

    async def chat(self) -> list[dict[str, Any]]:
        response = await self.tools.stage.http.get(
            f"/simulator/conversations/{self.person['id']}/{self.channel.phone_number_id}"
        )
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def arrived(self) -> list[str]:
        """What the person's phone shows of the business."""
        return [
            item["content"]["body"]
            for item in await self.chat()
            if item["direction"] == "outbound" and item["status"] != "failed"
        ]

    async def meets(self, *rules: dict[str, Any]) -> None:
        """From now on these faults meet what is sent from this number, and no others anybody."""
        number = {"phone_number_id": self.channel.phone_number_id}
        await self.tools.stage.put_faults(*(number | rule for rule in rules))

    async def take_statuses(self) -> list[AppliedStatus]:
        """As the webhook does, with what the simulator has delivered of this number so far."""
        applied = []
        for body in self.tools.stage.receiver.bodies:
            for update in read_delivery(body, received_at=datetime.now(UTC)):
                if not isinstance(update, StatusReceived):
                    continue
                if update.phone_number_id == self.channel.phone_number_id:
                    status = StatusUpdate(**update.model_dump(exclude={"phone_number_id"}))
                    applied.append(await self.statuses.apply(self.organization, status))
        return applied

    async def has_statuses(self, *wanted: str) -> None:
        """Wait until the simulator has delivered statuses of these names for this person."""

        def delivered() -> bool:
            return set(wanted) <= {
                status["status"]
                for status in self.tools.stage.receiver.statuses()
                if status["recipient_id"] == self.person["wa_id"]
            }

        await self.tools.stage.receiver.until(delivered)

    async def pause(self) -> ChannelPause | None:
        async with self.tools.database.tenant(self.organization) as session:
            channel = await channels.get(session, self.channel.id)
        assert channel is not None
        return pause_of(channel)

    async def change_channel(self, **changes: Any) -> None:
        async with self.tools.database.tenant(self.organization) as session:
            channel = await channels.get(session, self.channel.id, lock=True)
            assert channel is not None
            await channels.update(session, channel, keyring=KEY_RING, changes=changes)

    async def until_known(self, condition: Callable[[AssistantProfile], bool]) -> None:
        """Wait until this process has heard of a change."""

        async def known() -> bool:
            return condition(
                await self.tools.profiles.for_channel(self.organization, self.channel.id)
            )

        await eventually(known)


async def _organization(tools: Tools) -> OrganizationId:
    identifier = organizations.new_organization_id()
    async with tools.database.platform() as session:
        await organizations.create(session, Organization(id=identifier, name="Blue Door Bakery"))
    return identifier
