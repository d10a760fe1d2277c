"""Organisations with systems of their own: receivers over HTTP, and all that tells them."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.worker import Worker

from activities.webhooks import WebhookActivities
from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.table import Table
from adapters.dynamodb.webhooks import BuriedEvents, Deliveries, DeliveryAttempt, EventLog
from adapters.event_payloads import EventPayloads
from adapters.events import EventPublisher
from adapters.guarded_http import GuardedHttp
from adapters.keyring import KeyRing
from adapters.postgres import organizations, webhook_endpoints
from adapters.postgres.database import Database
from adapters.postgres.tables import Organization, WebhookEndpoint
from adapters.postgres.webhook_subscriptions import WebhookSubscriptions
from adapters.webhook_posts import WebhookPosts
from contracts.conversation import ConversationRef
from contracts.events import BusinessEvent
from contracts.ids import (
    ChannelId,
    ConversationId,
    OrganizationId,
    PersonId,
    WebhookEndpointId,
    conversation_id,
    webhook_deliveries_workflow_id,
)
from contracts.names import WEBHOOKS_QUEUE
from domain.business_events import message_received
from tests.adapters.dynamodb.builders import NOON, a_record, a_request, an_id
from tests.http_server import serving
from workflows.deliver_webhooks import WebhookDeliveriesWorkflow
from workflows.replay_webhooks import ReplayWebhooksWorkflow

KEY_RING = KeyRing(["a key ring for tests, long enough to be one"])
DEADLINE_SECONDS = 60.0


@dataclass
class Taken:
    """A post that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def text(self) -> str:
        text: str = self.event["data"]["message"]["text"]
        return text


@dataclass
class Receiver:
    """An organisation's own system. `answers` are used up first, then it is 200."""

    url: str = ""
    posts: list[Taken] = field(default_factory=list)
    answers: deque[int | Response] = field(default_factory=deque)
    answer_to: Callable[[Taken], int] | None = None
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: Request) -> Response:
        taken = Taken(request.url.path, dict(request.headers), await request.body(), 200)
        answer: int | Response = self.answers.popleft() if self.answers else 200
        if self.answer_to is not None:
            answer = self.answer_to(taken)
        response = answer if isinstance(answer, Response) else Response(status_code=answer)
        taken.status = response.status_code
        self.posts.append(taken)
        async with self._came:
            self._came.notify_all()
        return response

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), self._came:
            await self._came.wait_for(condition)

    def accepted(self, path: str = "/hook") -> list[Taken]:
        return [one for one in self.posts if one.status == 200 and one.path == path]

    async def until_accepted(self, count: int, path: str = "/hook") -> list[Taken]:
        await self.until(lambda: len(self.accepted(path)) >= count)
        return self.accepted(path)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST"])])
    async with serving(application) as url:
        receiver.url = url
        yield receiver


@dataclass
class Desk:
    """Everything that takes part, on the real servers."""

    client: Client
    database: Database
    table: Table
    receiver: Receiver
    subscriptions: WebhookSubscriptions
    http: GuardedHttp

    def __post_init__(self) -> None:
        self.log, self.buried = EventLog(self.table), BuriedEvents(self.table)
        self.deliveries = Deliveries(self.table)
        self.publisher = EventPublisher(self.client, subscriptions=self.subscriptions, log=self.log)
        self.activities = WebhookActivities(
            database=self.database,
            posts=WebhookPosts(self.http, KEY_RING),
            payloads=EventPayloads(self.table),
            deliveries=self.deliveries,
            buried=self.buried,
            log=self.log,
            publisher=self.publisher,
        )

    @asynccontextmanager
    async def working(self, *, cached: int = 100) -> AsyncIterator[None]:
        """A worker that lets tries under way come to their end, as those of the product do."""
        async with Worker(
            self.client,
            task_queue=WEBHOOKS_QUEUE,
            workflows=[WebhookDeliveriesWorkflow, ReplayWebhooksWorkflow],
            activities=[
                self.activities.deliver_webhook,
                self.activities.bury_event,
                self.activities.replay_webhooks_page,
            ],
            max_cached_workflows=cached,
            graceful_shutdown_timeout=timedelta(seconds=5),
        ):
            yield

    async def organization(self) -> OrganizationId:
        organization_id = organizations.new_organization_id()
        async with self.database.platform() as session:
            await organizations.create(session, Organization(id=organization_id, name="Shop"))
        return organization_id

    async def endpoint(
        self,
        organization_id: OrganizationId,
        *,
        path: str = "/hook",
        event_types: Sequence[str] = (),
        enabled: bool = True,
    ) -> tuple[WebhookEndpointId, str]:
        """Its id, and its secret."""
        endpoint_id = webhook_endpoints.new_webhook_endpoint_id()
        secret = webhook_endpoints.new_signing_secret()
        async with self.database.tenant(organization_id) as session:
            await webhook_endpoints.create(
                session,
                keyring=KEY_RING,
                organization_id=organization_id,
                endpoint_id=endpoint_id,
                url=self.receiver.url + path,
                secret=secret,
                event_types=list(event_types),
                enabled=enabled,
            )
        # Whoever publishes next has heard of it.
        await eventually_knows(self, organization_id, endpoint_id)
        return endpoint_id, secret

    async def stored(
        self, organization_id: OrganizationId, endpoint_id: WebhookEndpointId
    ) -> WebhookEndpoint:
        async with self.database.tenant(organization_id) as session:
            endpoint = await webhook_endpoints.get(session, endpoint_id)
        assert endpoint is not None
        return endpoint

    async def write(self, ref: ConversationRef, text: str) -> BusinessEvent:
        """A person writes; the event that tells of it, which nobody has published yet."""
        record = a_record(text)
        await Conversations(self.table).record_inbound(a_request(ref, record, opening=True))
        return message_received(ref, record.message_id, at=NOON)

    async def attempts(
        self, organization_id: OrganizationId, endpoint_id: WebhookEndpointId
    ) -> list[DeliveryAttempt]:
        """Oldest first."""
        page = await self.deliveries.page(organization_id, endpoint_id, limit=100, cursor=None)
        return page.items[::-1]

    async def dead(
        self, organization_id: OrganizationId, endpoint_id: WebhookEndpointId, *, count: int
    ) -> list[str]:
        """Reasons of the dead letters, once there are so many, oldest first."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                page = await self.buried.page(organization_id, endpoint_id, limit=100, cursor=None)
                if len(page.items) >= count:
                    return [one.reason for one in page.items[::-1]]
                await asyncio.sleep(0.05)

    async def end(self, endpoint_id: WebhookEndpointId, ref: ConversationRef) -> None:
        workflow_id = webhook_deliveries_workflow_id(endpoint_id, ref.conversation_id)
        await self.client.get_workflow_handle(workflow_id).terminate()


def a_conversation(organization_id: OrganizationId) -> ConversationRef:
    channel_id, person_id = ChannelId(_like("chn")), PersonId(_like("wau"))
    return ConversationRef(
        organization_id=organization_id,
        channel_id=channel_id,
        person_id=person_id,
        conversation_id=ConversationId(conversation_id(channel_id, person_id)),
    )


async def eventually_knows(
    desk: Desk, organization_id: OrganizationId, endpoint_id: WebhookEndpointId
) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while endpoint_id not in {  # noqa: ASYNC110 - a cache is asked
            one.endpoint_id for one in await desk.subscriptions.of(organization_id)
        }:
            await asyncio.sleep(0.01)


def _like(prefix: str) -> str:
    """As long as a real id, of which a conversation's is made."""
    return f"{prefix}_{an_id('x').partition('_')[2]}"
