"""What happened, which of it was told to whom, and what could not be told. All of it by ids."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.pages import Page, decode_cursor, encode_cursor
from adapters.dynamodb.schema import BY_STATUS
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import Plain, plain, timestamp, utc_now
from contracts.events import BusinessEvent, EventType
from contracts.ids import EventId, OrganizationId, WebhookEndpointId
from contracts.model import Contract

EVENTS_KEPT: Final = timedelta(days=30)
"""Of the log, and of dead letters: so long an organisation can have them told once more."""
DELIVERIES_KEPT: Final = timedelta(days=7)
MAX_REASON: Final = 300


class LoggedEvents(NamedTuple):
    """Events of the log, oldest first."""

    events: list[BusinessEvent]
    next_after: str | None
    """Where the next ones begin; None at the end."""


class DeliveryAttempt(Contract):
    """One try to tell an endpoint of an event."""

    event_id: EventId
    type: EventType
    attempt: int
    """Counts from 1."""
    status_code: int | None = None
    """None: there was no answer."""
    error: str | None = None
    """Why it counts as failed; None: it does not."""
    duration_ms: int
    attempted_at: datetime
    next_attempt_at: datetime | None = None
    """None: the event was taken, or is not tried again."""


class BuriedEvent(Contract):
    """An event that an endpoint has not taken."""

    event: BusinessEvent
    reason: str
    buried_at: datetime


class EventLog:
    """What an organisation that has endpoints could have been told, day by day."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, event: BusinessEvent) -> None:
        """Keep the event for 30 days, under the time of now."""
        now = utc_now()
        await self._table.put(
            keys.event_log(event.organization_id, now, event.id),
            {
                "event": event.model_dump_json(exclude_defaults=True),
                "conversation_id": event.conversation_id,
                "expires_at": int((now + EVENTS_KEPT).timestamp()),
            },
        )

    async def read(
        self,
        organization_id: OrganizationId,
        *,
        since: datetime,
        until: datetime,
        after: str = "",
        limit: int,
    ) -> LoggedEvents:
        """Events that were logged from `since` to before `until`, page by page.

        Args:
            after: `next_after` of the page before; `since` and `until` must be the same.
        """
        place = after or timestamp(max(since, utc_now() - EVENTS_KEPT))
        day = datetime.strptime(place[:10], "%Y-%m-%d").replace(tzinfo=UTC)
        while day < until:
            partition = keys.event_log_day(organization_id, day)
            start = {}
            if "/" in place:
                start = {"ExclusiveStartKey": Key(partition, place).item()}
            response = await self._table.client.query(
                TableName=self._table.name,
                KeyConditionExpression="pk = :partition AND sk BETWEEN :start AND :end",
                ExpressionAttributeValues={
                    ":partition": {"S": partition},
                    ":start": {"S": place},
                    ":end": {"S": timestamp(until)},
                },
                ConsistentRead=True,
                Limit=limit,
                **cast(Any, start),
            )
            items = [plain(item) for item in response["Items"]]
            day += timedelta(days=1)
            place = timestamp(day)
            if "LastEvaluatedKey" in response and items:
                place = items[-1]["sk"]
            elif day >= until:
                place = ""
            if items:
                events = [BusinessEvent.model_validate_json(item["event"]) for item in items]
                return LoggedEvents(events, place or None)
        return LoggedEvents([], None)


class Deliveries:
    """What came of the tries of the last days."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(
        self,
        organization_id: OrganizationId,
        endpoint_id: WebhookEndpointId,
        attempt: DeliveryAttempt,
    ) -> None:
        await self._table.put(
            keys.webhook_delivery(
                organization_id,
                endpoint_id,
                f"{timestamp(attempt.attempted_at)}/{attempt.event_id}",
            ),
            {
                "attempt": attempt.model_dump_json(),
                "expires_at": int((attempt.attempted_at + DELIVERIES_KEPT).timestamp()),
            },
        )

    async def page(
        self,
        organization_id: OrganizationId,
        endpoint_id: WebhookEndpointId,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[DeliveryAttempt]:
        """Newest first. `InvalidCursor` when the cursor is not one of this method's."""
        first = keys.webhook_delivery(organization_id, endpoint_id, "")
        start = {}
        if cursor is not None:
            (place,) = decode_cursor(cursor, parts=1)
            start = {"ExclusiveStartKey": Key(first.partition, first.sort + place).item()}
        response = await self._table.client.query(
            TableName=self._table.name,
            KeyConditionExpression="pk = :partition AND begins_with(sk, :endpoint)",
            ExpressionAttributeValues={
                ":partition": {"S": first.partition},
                ":endpoint": {"S": first.sort},
            },
            ScanIndexForward=False,
            Limit=limit,
            **cast(Any, start),
        )
        items = [plain(item) for item in response["Items"]]
        more = "LastEvaluatedKey" in response and bool(items)
        return Page(
            items=[DeliveryAttempt.model_validate_json(item["attempt"]) for item in items],
            next_cursor=encode_cursor(items[-1]["sk"].removeprefix(first.sort)) if more else None,
        )


class BuriedEvents:
    """Dead letters of endpoints: what each has not taken, until it is told once more."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(
        self, endpoint_id: WebhookEndpointId, event: BusinessEvent, *, reason: str
    ) -> None:
        """Keep the event for 30 days. Safe to repeat."""
        now = utc_now()
        await self._table.put(
            keys.webhook_dead_letter(event.organization_id, endpoint_id, event.id),
            {
                "event": event.model_dump_json(exclude_defaults=True),
                "event_id": event.id,
                "conversation_id": event.conversation_id,
                "reason": reason[:MAX_REASON],
                "status_key": keys.webhook_dead_letters_index(event.organization_id, endpoint_id),
                "active_at": now,
                "expires_at": int((now + EVENTS_KEPT).timestamp()),
            },
        )

    async def get(
        self, organization_id: OrganizationId, endpoint_id: WebhookEndpointId, event_id: str
    ) -> BuriedEvent | None:
        key = keys.webhook_dead_letter(organization_id, endpoint_id, EventId(event_id))
        item = await self._table.get(key)
        return None if item is None else _buried(item)

    async def remove(
        self, organization_id: OrganizationId, endpoint_id: WebhookEndpointId, event_id: EventId
    ) -> None:
        await self._table.delete(keys.webhook_dead_letter(organization_id, endpoint_id, event_id))

    async def page(
        self,
        organization_id: OrganizationId,
        endpoint_id: WebhookEndpointId,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[BuriedEvent]:
        """Newest first, seconds behind at the most.

        Raises:
            InvalidCursor: the cursor is not one of this method's.
        """
        partition = keys.webhook_dead_letters_index(organization_id, endpoint_id)
        start = {}
        if cursor is not None:
            moment, event_id = decode_cursor(cursor, parts=2)
            key = keys.webhook_dead_letter(organization_id, endpoint_id, EventId(event_id))
            place = {"status_key": {"S": partition}, "active_at": {"S": moment}}
            start = {"ExclusiveStartKey": {**key.item(), **place}}
        response = await self._table.client.query(
            TableName=self._table.name,
            IndexName=BY_STATUS,
            KeyConditionExpression="status_key = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ScanIndexForward=False,
            Limit=limit,
            **cast(Any, start),
        )
        items = [plain(item) for item in response["Items"]]
        more = "LastEvaluatedKey" in response and bool(items)
        last = items[-1] if more else None
        return Page(
            items=[_buried(item) for item in items],
            next_cursor=encode_cursor(last["active_at"], last["event_id"]) if last else None,
        )


def _buried(item: Plain) -> BuriedEvent:
    return BuriedEvent(
        event=BusinessEvent.model_validate_json(item["event"]),
        reason=item["reason"],
        buried_at=item["active_at"],
    )
