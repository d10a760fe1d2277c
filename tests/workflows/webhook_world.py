"""An endpoint for the workflow of deliveries that answers as it is told."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from ulid import ULID

from contracts.events import BusinessEvent
from contracts.ids import ConversationId, EventId, MessageId, OrganizationId, WebhookEndpointId
from contracts.webhooks import (
    BuryEvent,
    DeliveredWebhook,
    DeliverWebhook,
    ReplayedPage,
    ReplayPage,
    ToldEvents,
    WebhookDeliveriesInput,
    WebhookStream,
)
from domain.webhook_retries import delay_after
from workflows.deliver_webhooks import WebhookDeliveriesWorkflow
from workflows.replay_webhooks import ReplayWebhooksWorkflow

STREAM = WebhookStream(
    organization_id=OrganizationId("org_1"),
    endpoint_id=WebhookEndpointId("whe_1"),
    conversation_id=ConversationId("conv_1"),
)


def event(number: int) -> BusinessEvent:
    return BusinessEvent(
        id=EventId(f"evt_{number}"),
        type="message.received",
        organization_id=STREAM.organization_id,
        conversation_id=STREAM.conversation_id,
        message_id=MessageId(f"msg_{number}"),
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
        data={},
    )


@dataclass
class Endpoint:
    """What it was told, and what it answers: everything is taken, unless it is said otherwise."""

    told: list[EventId] = field(default_factory=list)
    tries: list[tuple[EventId, int, timedelta]] = field(default_factory=list)
    """Event, attempt, and how long after the first one it was made, by Temporal's clock."""
    failing: set[str] = field(default_factory=set)
    """Events that are not taken, however often it is tried."""
    refused: dict[str, str] = field(default_factory=dict)
    buried: list[tuple[EventId, str]] = field(default_factory=list)
    pages: list[ReplayedPage] = field(default_factory=list)
    asked: list[ReplayPage] = field(default_factory=list)
    _first: datetime | None = None

    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, request: DeliverWebhook) -> DeliveredWebhook:
        info, event_id = activity.info(), request.event.id
        self._first = self._first or info.started_time
        since = info.started_time - self._first
        self.tries.append((event_id, info.attempt, since))
        if event_id in self.failing:
            raise ApplicationError(
                "It answered 500.",
                type="NotTaken",
                next_retry_delay=delay_after(info.attempt, jitter=0.5),
            )
        if event_id in self.refused:
            return DeliveredWebhook(outcome="refused", reason=self.refused[event_id])
        self.told.append(event_id)
        return DeliveredWebhook(outcome="delivered")

    @activity.defn(name="bury_event")
    async def bury_event(self, request: BuryEvent) -> None:
        self.buried.append((request.event.id, request.reason))

    @activity.defn(name="replay_webhooks_page")
    async def replay_webhooks_page(self, page: ReplayPage) -> ReplayedPage:
        self.asked.append(page)
        return self.pages.pop(0) if self.pages else ReplayedPage(replayed=0, next_after=None)

    def activities(self) -> Sequence[Callable[..., Any]]:
        return [self.deliver_webhook, self.bury_event, self.replay_webhooks_page]


@asynccontextmanager
async def delivering(client: Client, endpoint: Endpoint) -> AsyncIterator[str]:
    """A running worker on a task queue of its own."""
    queue = f"webhooks-{ULID()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[WebhookDeliveriesWorkflow, ReplayWebhooksWorkflow],
        activities=endpoint.activities(),
    ):
        yield queue


async def tell(
    client: Client,
    queue: str,
    *numbers: int,
    workflow_id: str = "",
    again: bool = False,
    events_per_run: int | None = None,
) -> WorkflowHandle[Any, int]:
    """Signal-with-start, as the publisher does it."""
    return await client.start_workflow(
        WebhookDeliveriesWorkflow.run,
        WebhookDeliveriesInput(stream=STREAM, events_per_run=events_per_run),
        id=workflow_id or f"webhooks/{ULID()}",
        task_queue=queue,
        start_signal="deliver",
        start_signal_args=[ToldEvents(events=[event(number) for number in numbers], again=again)],
    )
