"""Tells one endpoint what happens in one conversation, in its order, for as long as it takes.

The signal dedupes and appends; one loop takes the next event and stays with it until the endpoint
has taken it, or is given up on: then the event is a dead letter, and the next one has its turn.
Tries are the activity's own retries, so a try costs no event of the history.
"""

from collections import deque
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contracts import activities
    from contracts.events import BusinessEvent
    from contracts.ids import EventId
    from contracts.names import WEBHOOK_DELIVERIES_WORKFLOW
    from contracts.webhooks import (
        BuryEvent,
        CarriedDeliveries,
        DeliveredWebhook,
        DeliverWebhook,
        ToldEvents,
        WebhookDeliveriesInput,
    )
    from domain.webhook_retries import ATTEMPTS, BACK_OFF, FIRST_DELAY, LONGEST_DELAY

IDLE: Final = timedelta(minutes=15)
"""Then the run ends; the next event starts another."""
KNOWN: Final = 500
"""Ids of the last events, to tell repeats by."""
MOST_WAITING: Final = 1000
"""What comes beyond them, while an endpoint is down, is kept as dead letters: what a run hands to
the next has a limit (2 MB, Temporal's of a payload)."""

_TRIES: Final = RetryPolicy(
    # The activity says when to come back; this is for tries that died without a word.
    initial_interval=FIRST_DELAY,
    backoff_coefficient=BACK_OFF,
    maximum_interval=LONGEST_DELAY,
    maximum_attempts=ATTEMPTS,
)
_STORAGE: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)


@workflow.defn(name=WEBHOOK_DELIVERIES_WORKFLOW)
class WebhookDeliveriesWorkflow:
    @workflow.init
    def __init__(self, input: WebhookDeliveriesInput) -> None:
        state = input.state
        self._stream = input.stream
        self._events_per_run = input.events_per_run
        self._waiting: deque[BusinessEvent] = deque(state.waiting)
        self._known: dict[EventId, None] = dict.fromkeys(state.known)
        self._delivered = state.delivered
        self._buried = state.buried
        self._taken = 0

    @workflow.signal
    def deliver(self, told: ToldEvents) -> None:
        """Something happened; what is known already is not told again, unless asked for."""
        waiting = {event.id for event in self._waiting}
        for event in told.events:
            if event.id in waiting or (event.id in self._known and not told.again):
                continue
            waiting.add(event.id)
            self._waiting.append(event)
            self._remember(event.id)

    @workflow.run
    async def run(self, input: WebhookDeliveriesInput) -> int:  # noqa: ARG002 - taken by __init__
        """How many events the endpoint has taken."""
        while await self._event_comes():
            await self._tell(self._waiting[0])
            self._waiting.popleft()
            self._taken += 1
            if self._should_continue_as_new():
                self._continue_as_new()
        return self._delivered

    async def _event_comes(self) -> bool:
        """Whether one does before the run is idle. After a False there must be no await: a signal
        that arrives later makes the server refuse the completion and run this task again."""
        self._show("waiting for an event")
        try:
            await workflow.wait_condition(
                lambda: bool(self._waiting), timeout=IDLE, timeout_summary="idle"
            )
        except TimeoutError:
            return bool(self._waiting)
        return True

    async def _tell(self, event: BusinessEvent) -> None:
        self._show(f"telling of {event.type} ({event.id})")
        try:
            answer = await self._answer(event)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            reason = _reason(error)
            answer = DeliveredWebhook(
                outcome="refused", reason=f"{reason} It was tried {ATTEMPTS} times."
            )
        if answer.outcome == "refused":
            await self._bury(event, answer.reason)
        else:
            self._delivered += answer.outcome == "delivered"

    async def _answer(self, event: BusinessEvent) -> DeliveredWebhook:
        tries = workflow.start_activity(
            activities.deliver_webhook,
            DeliverWebhook(stream=self._stream, event=event),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_TRIES,
            summary=f"{event.type} {event.message_id or event.id}",
        )
        while True:
            await workflow.wait_condition(lambda: tries.done() or len(self._waiting) > MOST_WAITING)
            if tries.done():
                return await tries
            # The newest goes: those before it keep their order.
            await self._bury(self._waiting.pop(), f"{MOST_WAITING} events wait before it.")

    async def _bury(self, event: BusinessEvent, reason: str) -> None:
        self._show(f"keeping {event.type} ({event.id}) as a dead letter: {reason}")
        await workflow.execute_activity(
            activities.bury_event,
            BuryEvent(stream=self._stream, event=event, reason=reason),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_STORAGE,
            summary=f"dead letter: {event.type}",
        )
        self._buried += 1

    def _remember(self, event_id: EventId) -> None:
        self._known.pop(event_id, None)
        self._known[event_id] = None
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
            or self._taken == self._events_per_run
        )

    def _continue_as_new(self) -> None:
        """No await: a signal that races it makes the server refuse it and run this task again."""
        upgrade = workflow.info().is_target_worker_deployment_version_changed()
        workflow.continue_as_new(
            WebhookDeliveriesInput(
                stream=self._stream,
                state=CarriedDeliveries(
                    waiting=tuple(self._waiting),
                    known=tuple(self._known),
                    delivered=self._delivered,
                    buried=self._buried,
                ),
                events_per_run=self._events_per_run,
            ),
            initial_versioning_behavior=(
                workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if upgrade else None
            ),
        )

    def _show(self, doing: str) -> None:
        workflow.set_current_details(
            "\n\n".join(
                (
                    f"**Now:** {doing}",
                    f"**Endpoint:** {self._stream.endpoint_id}",
                    f"**Events waiting:** {len(self._waiting)}",
                    f"**Delivered:** {self._delivered}",
                    f"**Dead letters:** {self._buried}",
                )
            )
        )


def _reason(error: ActivityError) -> str:
    """What the last try has come to: the endpoint's answer, or nothing."""
    if isinstance(error.cause, ApplicationError) and error.cause.type == "NotTaken":
        return error.cause.message
    return "A try has not come to an end."
