"""Tells an organisation's own systems what happened, and keeps what they have not taken."""

import random
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from adapters.dynamodb.values import utc_now
from adapters.dynamodb.webhooks import BuriedEvents, Deliveries, DeliveryAttempt, EventLog
from adapters.event_payloads import EventPayloads
from adapters.events import EventPublisher
from adapters.postgres import webhook_endpoints
from adapters.postgres.database import Database
from adapters.postgres.tables import WebhookEndpoint
from adapters.webhook_posts import Posted, WebhookPosts
from contracts.events import BusinessEvent
from contracts.ids import OrganizationId
from contracts.webhooks import (
    BuryEvent,
    DeliveredWebhook,
    DeliverWebhook,
    ReplayedPage,
    ReplayPage,
    WebhookStream,
)
from domain.webhook_retries import ATTEMPTS, delay_after, is_to_be_disabled
from telemetry import get_logger

GONE: Final = "It answered 410 Gone."
FAILED_FOR_DAYS: Final = "It has taken nothing for 3 days."

_log = get_logger(__name__)


class WebhookActivities:
    def __init__(
        self,
        *,
        database: Database,
        posts: WebhookPosts,
        payloads: EventPayloads,
        deliveries: Deliveries,
        buried: BuriedEvents,
        log: EventLog,
        publisher: EventPublisher,
    ) -> None:
        self._database = database
        self._posts = posts
        self._payloads = payloads
        self._deliveries = deliveries
        self._buried = buried
        self._event_log = log
        self._publisher = publisher

    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, request: DeliverWebhook) -> DeliveredWebhook:
        """Tell an endpoint of one event, once more; fails as long as another try may help."""
        stream, event = request.stream, request.event
        endpoint = await self._endpoint(stream)
        if endpoint is None:
            return DeliveredWebhook(outcome="void")
        if not endpoint.enabled:
            return DeliveredWebhook(outcome="refused", reason="The endpoint is disabled.")
        payload = await self._payloads.of(event)
        if payload is None:
            return DeliveredWebhook(outcome="void")
        attempt, now = activity.info().attempt, utc_now()
        posted = await self._posts.post(endpoint, event, payload, now=now)
        ended = posted.error is None or posted.is_gone or attempt >= ATTEMPTS
        delay = delay_after(
            attempt,
            jitter=random.random(),  # noqa: S311 - no secret hangs on it
            retry_after=posted.retry_after,
        )
        await self._deliveries.add(
            stream.organization_id,
            stream.endpoint_id,
            DeliveryAttempt(
                event_id=event.id,
                type=event.type,
                attempt=attempt,
                status_code=posted.status_code,
                error=posted.error,
                duration_ms=posted.duration_ms,
                attempted_at=now,
                next_attempt_at=None if ended else now + delay,
            ),
        )
        if posted.error is None:
            await self._note_success(endpoint)
            return DeliveredWebhook(outcome="delivered")
        disabled = await self._note_failure(endpoint, posted, attempt=attempt, now=now)
        if disabled:
            return DeliveredWebhook(outcome="refused", reason=disabled)
        raise ApplicationError(
            posted.error,
            type="NotTaken",
            next_retry_delay=delay,
            # Others' servers fail all the time: nothing of ours is wrong.
            category=ApplicationErrorCategory.BENIGN,
        )

    @activity.defn(name="bury_event")
    async def bury_event(self, request: BuryEvent) -> None:
        """Keep an event that could not be delivered among the endpoint's dead letters."""
        stream = request.stream
        if await self._endpoint(stream) is None:
            return
        await self._buried.add(stream.endpoint_id, request.event, reason=request.reason)
        _log.warning(
            "webhook_event_buried",
            organization_id=stream.organization_id,
            webhook_endpoint_id=stream.endpoint_id,
            event_id=request.event.id,
            type=request.event.type,
        )

    @activity.defn(name="replay_webhooks_page")
    async def replay_webhooks_page(self, page: ReplayPage) -> ReplayedPage:
        """Have the next events of the log delivered once more."""
        replay = page.replay
        stream = WebhookStream(
            organization_id=replay.organization_id, endpoint_id=replay.endpoint_id
        )
        endpoint = await self._endpoint(stream)
        if endpoint is None or not endpoint.enabled:
            return ReplayedPage(replayed=0, next_after=None)
        logged = await self._event_log.read(
            replay.organization_id,
            since=replay.since,
            until=replay.until,
            after=replay.after,
            limit=page.limit,
        )
        # One that was published twice is in the log twice.
        wanted: dict[str, BusinessEvent] = {
            event.id: event
            for event in logged.events
            if (not endpoint.event_types or event.type in endpoint.event_types)
            and (not replay.types or event.type in replay.types)
        }
        await self._publisher.deliver(replay.endpoint_id, list(wanted.values()), again=True)
        return ReplayedPage(replayed=len(wanted), next_after=logged.next_after)

    async def _endpoint(self, stream: WebhookStream) -> WebhookEndpoint | None:
        """As it is now: whoever has just disabled it is to be heard."""
        async with self._session(stream.organization_id) as session:
            return await webhook_endpoints.get(session, stream.endpoint_id)

    def _session(
        self, organization_id: OrganizationId
    ) -> AbstractAsyncContextManager[AsyncSession]:
        return self._database.tenant(organization_id)

    async def _note_success(self, endpoint: WebhookEndpoint) -> None:
        if endpoint.failing_since is None:
            return
        async with self._session(endpoint.organization_id) as session:
            await webhook_endpoints.note_success(session, endpoint.id)

    async def _note_failure(
        self, endpoint: WebhookEndpoint, posted: Posted, *, attempt: int, now: datetime
    ) -> str | None:
        """Why it was disabled, if it was."""
        reason = None
        if posted.is_gone:
            reason = GONE
        elif is_to_be_disabled(failing_since=endpoint.failing_since, attempt=attempt, now=now):
            reason = FAILED_FOR_DAYS
        if reason is None and endpoint.failing_since is not None:
            return None
        async with self._session(endpoint.organization_id) as session:
            if reason is None:
                await webhook_endpoints.note_failure(session, endpoint.id)
            else:
                await webhook_endpoints.disable(session, endpoint.id, reason=reason)
        if reason is not None:
            _log.warning(
                "webhook_endpoint_disabled",
                organization_id=endpoint.organization_id,
                webhook_endpoint_id=endpoint.id,
                reason=reason,
            )
        return reason
