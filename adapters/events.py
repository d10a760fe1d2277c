"""Hands what happens to whoever delivers it to an organisation's own systems, durably."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, Protocol

from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes

from adapters.dynamodb.webhooks import EventLog
from adapters.postgres.webhook_subscriptions import WebhookSubscriptions
from contracts import names
from contracts.events import BusinessEvent
from contracts.ids import WebhookEndpointId, webhook_deliveries_workflow_id
from contracts.webhooks import ToldEvents, WebhookDeliveriesInput, WebhookStream

RPC_TIMEOUT: Final = timedelta(seconds=5)


class Tell(Protocol):
    """Tell an organisation's own systems what happened."""

    async def __call__(self, *events: BusinessEvent) -> None: ...


async def tell_nobody(*_events: BusinessEvent) -> None:
    """Where nobody is to be told."""


class EventPublisher:
    """An organisation without endpoints costs a look into memory."""

    def __init__(
        self, temporal: Client, *, subscriptions: WebhookSubscriptions, log: EventLog
    ) -> None:
        self._temporal = temporal
        self._subscriptions = subscriptions
        self._log = log

    async def publish(self, *events: BusinessEvent) -> None:
        """Return when all that take these events will be told of them, in this order.

        Safe to repeat: an event that is published again is delivered once, as a rule. It is logged
        where anybody takes it, also while that endpoint is disabled.

        Raises:
            RPCError, BotoCoreError, ClientError, SQLAlchemyError, OSError: it is not certain;
                publish again.
        """
        jobs = []
        for organization_id, own in groupby(events, lambda event: event.organization_id):
            told = list(own)
            subscriptions = await self._subscriptions.of(organization_id)
            jobs += [
                self._log.add(event)
                for event in told
                if any(one.takes(event.type) for one in subscriptions)
            ]
            jobs += [
                self.deliver(one.endpoint_id, [event for event in told if one.takes(event.type)])
                for one in subscriptions
                if one.enabled
            ]
        if jobs:
            await asyncio.gather(*jobs)

    async def deliver(
        self,
        endpoint_id: WebhookEndpointId,
        events: Sequence[BusinessEvent],
        *,
        again: bool = False,
    ) -> None:
        """Hand events to this endpoint's deliveries, those of a conversation in their order.

        Args:
            again: also if they have been delivered.
        """
        await asyncio.gather(
            *(self._signal(stream, own, again) for stream, own in _streams(endpoint_id, events))
        )

    async def _signal(
        self, stream: WebhookStream, events: list[BusinessEvent], again: bool
    ) -> None:
        await self._temporal.start_workflow(
            names.WEBHOOK_DELIVERIES_WORKFLOW,
            WebhookDeliveriesInput(stream=stream),
            id=webhook_deliveries_workflow_id(stream.endpoint_id, stream.conversation_id),
            task_queue=names.WEBHOOKS_QUEUE,
            start_signal="deliver",
            start_signal_args=[ToldEvents(events=events, again=again)],
            static_summary="tells an organisation's own systems",
            search_attributes=_search_attributes(stream),
            priority=Priority(fairness_key=stream.organization_id),
            rpc_timeout=RPC_TIMEOUT,
        )


def _streams(
    endpoint_id: WebhookEndpointId, events: Iterable[BusinessEvent]
) -> list[tuple[WebhookStream, list[BusinessEvent]]]:
    streams: dict[WebhookStream, list[BusinessEvent]] = {}
    for event in events:
        stream = WebhookStream(
            organization_id=event.organization_id,
            endpoint_id=endpoint_id,
            conversation_id=event.conversation_id,
        )
        streams.setdefault(stream, []).append(event)
    return list(streams.items())


def _search_attributes(stream: WebhookStream) -> TypedSearchAttributes:
    """An erasure finds the workflow by them."""
    pairs = [SearchAttributePair(names.ORGANIZATION_ID, stream.organization_id)]
    if stream.conversation_id is not None:
        pairs.append(SearchAttributePair(names.CONVERSATION_ID, stream.conversation_id))
    return TypedSearchAttributes(pairs)
