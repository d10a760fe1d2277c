"""Takes the updates of a delivery to where they are durable: messages to their conversation's
workflow, statuses to their message.

People never wait for one another: each person's messages go in order, the people concurrently. What
cannot be acted on is parked with its reason and does not hold up its neighbours.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.postgres.channel_routes import ChannelRoute, ChannelRoutes
from api.metrics import Metrics
from contracts import names
from contracts.conversation import (
    ConversationInput,
    ConversationRef,
    InboundMessage,
    ReceivedMessage,
    SettledSend,
)
from contracts.ids import (
    ChannelId,
    ConversationId,
    OrganizationId,
    PersonId,
    conversation_id,
    conversation_workflow_id,
    parties_of,
)
from domain.webhook.delivery import MessageReceived, Noted, StatusReceived, Unusable, Update

CONCURRENCY: Final = 32
"""People (or statuses) of one delivery that are served at the same time."""

RPC_TIMEOUT: Final = timedelta(seconds=5)
"""Meta wants an answer within a second; past this, it had better deliver again."""

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)


class NotDurable(Exception):
    """Something that must keep the update did not answer: Meta has to deliver again."""


class InboundUpdates:
    def __init__(
        self,
        *,
        routes: ChannelRoutes,
        people: People,
        statuses: Statuses,
        dead_letters: DeadLetters,
        temporal: Client,
        metrics: Metrics,
    ) -> None:
        self._routes = routes
        self._people = people
        self._statuses = statuses
        self._dead_letters = dead_letters
        self._temporal = temporal
        self._count = metrics.webhook_updates.labels

    async def accept(
        self, updates: Sequence[Update], *, only_channel: ChannelId | None, trace_id: str
    ) -> None:
        """Return when every update is durable; `NotDurable` when one could not be made so.

        Args:
            updates: of one delivery.
            only_channel: the channel whose own secret signed the delivery. A secret of a tenant's
                says nothing about anybody else's number, so other updates are parked.
            trace_id: of the request, for the logs of the turn.
        """
        by_person: dict[tuple[str, str | None], list[MessageReceived]] = defaultdict(list)
        jobs: list[Coroutine[Any, Any, None]] = []
        for update in updates:
            match update:
                case MessageReceived():
                    person = update.sender.wa_id or update.sender.user_id
                    by_person[update.phone_number_id, person].append(update)
                case StatusReceived():
                    jobs.append(self._status(update, only_channel))
                case Noted():
                    self._count(kind="other", outcome="noted").inc()
                    _log.info("update_noted", field=update.field, kind=update.kind)
                case Unusable():
                    jobs.append(self._park(None, update.reason, update.raw))
        jobs += [
            self._messages(messages, only_channel, trace_id) for messages in by_person.values()
        ]
        await _all(jobs)

    async def _messages(
        self, messages: Sequence[MessageReceived], only_channel: ChannelId | None, trace_id: str
    ) -> None:
        """One person's messages of the delivery, in order."""
        first = messages[0]
        route = await self._route(first.phone_number_id, only_channel)
        if route is None:
            for received in messages:
                await self._park(None, "no channel has this number", received.model_dump_json())
            return
        for received in messages:
            identity = PersonIdentity(**received.sender.model_dump())
            try:
                person = await _durably(self._people.resolve(route.organization_id, identity))
                await self._signal_with_start(route, person, received.message, trace_id)
            except _Poison as poison:
                raw = received.model_dump_json()
                await self._park(route.organization_id, str(poison), raw)

    async def _signal_with_start(
        self, route: ChannelRoute, person: PersonId, message: InboundMessage, trace_id: str
    ) -> None:
        conversation = ConversationRef(
            organization_id=route.organization_id,
            channel_id=route.channel_id,
            person_id=person,
            conversation_id=conversation_id(route.channel_id, person),
        )
        received = ReceivedMessage(
            message=message, debounce_seconds=route.debounce_seconds, trace_id=trace_id
        )
        await _durably(
            self._temporal.start_workflow(
                names.CONVERSATION_WORKFLOW,
                ConversationInput(conversation=conversation),
                id=conversation_workflow_id(route.channel_id, person),
                task_queue=names.conversations_queue(route.organization_id),
                start_signal="receive_message",
                start_signal_args=[received],
                static_summary="WhatsApp conversation",
                search_attributes=_search_attributes(conversation),
                priority=Priority(fairness_key=route.organization_id),
                rpc_timeout=RPC_TIMEOUT,
            )
        )
        self._count(kind="message", outcome="durable").inc()

    async def _status(self, update: StatusReceived, only_channel: ChannelId | None) -> None:
        route = await self._route(update.phone_number_id, only_channel)
        if route is None:
            await self._park(None, "no channel has this number", update.model_dump_json())
            return
        applied = await _durably(
            self._statuses.apply(
                route.organization_id,
                StatusUpdate(**update.model_dump(exclude={"phone_number_id"})),
            )
        )
        self._count(kind="status", outcome="durable").inc()
        if applied.decisive and applied.conversation_id and applied.message_id:
            settled = SettledSend(
                message_id=applied.message_id,
                status="read" if update.status == "played" else update.status,
                error_code=update.error_code,
            )
            await self._settle(applied.conversation_id, settled)

    async def _settle(self, conversation: ConversationId, settled: SettledSend) -> None:
        handle = self._temporal.get_workflow_handle(
            conversation_workflow_id(*parties_of(conversation))
        )
        try:
            await _durably(handle.signal("settle_send", settled, rpc_timeout=RPC_TIMEOUT))
        except _Poison:
            _log.info("settled_after_the_conversation_closed", conversation_id=conversation)

    async def _route(
        self, phone_number_id: str, only_channel: ChannelId | None
    ) -> ChannelRoute | None:
        route = await _durably(self._routes.by_phone_number_id(phone_number_id))
        if route is not None and only_channel is not None and route.channel_id != only_channel:
            return None
        return route

    async def _park(self, organization: OrganizationId | None, reason: str, raw: str) -> None:
        self._count(kind="any", outcome="parked").inc()
        _log.warning("update_parked", reason=reason, organization_id=organization)
        await _durably(self._dead_letters.park(organization, reason=reason, raw=raw.encode()))


class _Poison(Exception):
    """The update itself is refused, today and on every redelivery."""


_REFUSALS: Final = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}
)
"""What Temporal says to the call itself; anything else is its own trouble."""


async def _durably(call: Awaitable[T]) -> T:
    """The call's result; its failure told apart into ours to repeat and the update's own."""
    try:
        return await call
    except RPCError as error:
        if error.status in _REFUSALS:
            raise _Poison(f"Temporal refused it: {error.status.name}") from error
        raise NotDurable("Temporal") from error
    except (BotoCoreError, ClientError) as error:
        raise NotDurable("DynamoDB") from error
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise NotDurable("PostgreSQL") from error
    except (ValidationError, ValueError) as error:
        raise _Poison(type(error).__name__) from error


async def _all(jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run every job, also after one has failed; `NotDurable` if any did."""
    gate = asyncio.Semaphore(CONCURRENCY)

    async def guarded(job: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await job

    results = await asyncio.gather(*(guarded(job) for job in jobs), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, NotDurable):
            _log.error("update_failed", exc_info=failure)
    if failures:
        raise NotDurable(f"{len(failures)} of {len(jobs)}") from failures[0]


def _search_attributes(conversation: ConversationRef) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(names.ORGANIZATION_ID, conversation.organization_id),
            SearchAttributePair(names.CHANNEL_ID, conversation.channel_id),
            SearchAttributePair(names.CONVERSATION_ID, conversation.conversation_id),
            SearchAttributePair(names.CONVERSATION_STATUS, "bot"),
        ]
    )
