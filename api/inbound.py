"""Takes the updates of a delivery to where they are durable: messages to their conversation's
workflow, statuses to their message, changes of identity and preferences to the person.

People never wait for one another: each person's updates go in order, the people concurrently. What
cannot be acted on is parked with its reason and does not hold up its neighbours.
"""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import structlog
from temporalio.client import Client

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.echoes import Echoes
from adapters.dynamodb.identity_changes import IdentityChanges
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.statuses import AppliedStatus, Statuses, StatusUpdate
from adapters.events import Tell, tell_nobody
from adapters.postgres import whatsapp_users
from adapters.postgres.channel_routes import ChannelRoute, ChannelRoutes
from adapters.postgres.database import Database
from adapters.send_failures import SendFailures
from api.conversation_signals import ConversationSignals, conversation_of
from api.durability import Poison, durably, run_all
from api.metrics import Metrics
from contracts.conversation import SettledSend
from contracts.events import BusinessEvent
from contracts.ids import ChannelId, OrganizationId, PersonId
from domain.business_events import message_sent, message_status
from domain.webhook.lanes import lanes
from domain.webhook.updates import (
    EchoReceived,
    Identity,
    IdentityChanged,
    MessageReceived,
    Noted,
    PersonalUpdate,
    PreferenceReceived,
    StatusReceived,
    Unusable,
    Update,
)

_NO_CHANNEL: Final = "no channel has this number"

_NOTED_AS: Final = {
    "account_update": "account",
    "calls": "call",
    "message_template_status_update": "account",
    "phone_number_quality_update": "account",
}
"""What the metrics call updates of a field that ask nothing of a conversation; others `other`."""

_log = structlog.stdlib.get_logger(__name__)


class Consent(Protocol):
    """Keeps what people want to be sent unasked."""

    async def preference(
        self, organization_id: OrganizationId, person_id: PersonId, *, stopped: bool, at: datetime
    ) -> None:
        """The person stopped marketing messages in WhatsApp, or wants them again, from then on.

        Safe to repeat and in any order: the newest counts.
        """


class InboundUpdates:
    def __init__(
        self,
        *,
        routes: ChannelRoutes,
        people: People,
        identity_changes: IdentityChanges,
        database: Database,
        statuses: Statuses,
        echoes: Echoes,
        dead_letters: DeadLetters,
        temporal: Client,
        metrics: Metrics,
        failures: SendFailures,
        consent: Consent,
        tell: Tell = tell_nobody,
    ) -> None:
        self._routes = routes
        self._people = people
        self._identity_changes = identity_changes
        self._database = database
        self._statuses = statuses
        self._echoes = echoes
        self._dead_letters = dead_letters
        self._signals = ConversationSignals(temporal)
        self._tell = tell
        self._count = metrics.webhook_updates.labels
        self._count_alert = metrics.account_alerts.labels
        self._failures = failures
        self._consent = consent

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
        personal: list[PersonalUpdate] = []
        jobs: list[Coroutine[Any, Any, None]] = []
        for update in updates:
            match update:
                case StatusReceived():
                    jobs.append(self._status(update, only_channel))
                case Noted():
                    self._note(update)
                case Unusable():
                    jobs.append(self._park(None, update.reason, update.raw))
                case _:
                    personal.append(update)
        jobs += [self._lane(lane, only_channel, trace_id) for lane in lanes(personal)]
        await run_all(jobs)

    async def _lane(
        self, lane: Sequence[PersonalUpdate], only_channel: ChannelId | None, trace_id: str
    ) -> None:
        """One person's updates of the delivery, in order."""
        route = await self._route(lane[0].phone_number_id, only_channel)
        for update in lane:
            if route is None:
                await self._park(None, _NO_CHANNEL, update.model_dump_json())
                continue
            try:
                await self._take(route, update, trace_id)
            except Poison as poison:
                await self._park(route.organization_id, str(poison), update.model_dump_json())

    async def _take(self, route: ChannelRoute, update: PersonalUpdate, trace_id: str) -> None:
        organization_id = route.organization_id
        match update:
            case MessageReceived(message=message):
                person = await self._person(organization_id, update.sender, message.sent_at)
                await self._signals.receive_message(route, person, message, trace_id=trace_id)
                self._count(kind="message", outcome="durable").inc()
            case EchoReceived(echo=echo):
                person = await self._person(organization_id, update.recipient, echo.sent_at)
                # Told again after the conversation was released or closed, it must not silence the
                # assistant once more.
                if await durably(self._echoes.has(conversation_of(route, person), echo)):
                    return
                await self._signals.receive_echo(route, person, echo, trace_id=trace_id)
                self._count(kind="echo", outcome="durable").inc()
            case IdentityChanged():
                await durably(self._change_identity(organization_id, update))
                self._count(kind="identity", outcome="durable").inc()
            case PreferenceReceived(stopped=stopped, at=at):
                person = await self._person(organization_id, update.person, at)
                await durably(
                    self._consent.preference(organization_id, person, stopped=stopped, at=at)
                )
                self._count(kind="preference", outcome="durable").inc()

    async def _person(
        self, organization_id: OrganizationId, identity: Identity, at: datetime
    ) -> PersonId:
        known = PersonIdentity(**identity.model_dump())
        return await durably(self._people.resolve(organization_id, known, at=at))

    async def _change_identity(
        self, organization_id: OrganizationId, update: IdentityChanged
    ) -> None:
        """The person first, then the organisation's list of people, if they are in it."""
        person_id = await self._identity_changes.apply(
            organization_id,
            PersonIdentity(**update.previous.model_dump()),
            PersonIdentity(**update.current.model_dump()),
            at=update.at,
        )
        person = await self._people.get(organization_id, person_id)
        if person is None:
            return  # They were erased meanwhile.
        async with self._database.tenant(organization_id) as session:
            await whatsapp_users.follow(
                session,
                person_id,
                wa_id=person.wa_id,
                user_id=person.user_id,
                parent_user_id=person.parent_user_id,
            )

    async def _status(self, update: StatusReceived, only_channel: ChannelId | None) -> None:
        route = await self._route(update.phone_number_id, only_channel)
        if route is None:
            await self._park(None, _NO_CHANNEL, update.model_dump_json())
            return
        try:
            applied = await durably(
                self._statuses.apply(
                    route.organization_id,
                    StatusUpdate(**update.model_dump(exclude={"phone_number_id"})),
                )
            )
        except Poison as poison:
            await self._park(route.organization_id, str(poison), update.model_dump_json())
            return
        await durably(self._failures.told_by_status(route.organization_id, applied))
        await durably(self._tell(*_events(route.organization_id, update, applied)))
        self._count(kind="status", outcome="durable").inc()
        if applied.decisive and applied.conversation_id and applied.message_id:
            settled = SettledSend(
                message_id=applied.message_id,
                status="read" if update.status == "played" else update.status,
                error_code=update.error_code,
            )
            await self._signals.settle_send(applied.conversation_id, settled)

    def _note(self, update: Noted) -> None:
        kind = "group" if update.kind == "group" else _NOTED_AS.get(update.field, "other")
        self._count(kind=kind, outcome="noted").inc()
        about = {"field": update.field, "kind": update.kind, "subject_id": update.subject_id}
        if update.alarming:
            self._count_alert(field=update.field).inc()
            _log.warning("account_alert", **about)
        else:
            _log.info("update_noted", **about)

    async def _route(
        self, phone_number_id: str, only_channel: ChannelId | None
    ) -> ChannelRoute | None:
        route = await durably(self._routes.by_phone_number_id(phone_number_id))
        if route is not None and only_channel is not None and route.channel_id != only_channel:
            return None
        return route

    async def _park(self, organization: OrganizationId | None, reason: str, raw: str) -> None:
        self._count(kind="any", outcome="parked").inc()
        _log.warning("update_parked", reason=reason, organization_id=organization)
        await durably(self._dead_letters.park(organization, reason=reason, raw=raw.encode()))


_TOLD: Final[Mapping[str, Literal["delivered", "read", "failed"]]] = {
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
"""Statuses that are events. That a message was sent is an event of its own."""


def _events(
    organization_id: OrganizationId, update: StatusReceived, applied: AppliedStatus
) -> Iterator[BusinessEvent]:
    """What an organisation's own systems are told of a status."""
    if applied.conversation_id is None or applied.message_id is None:
        return
    ids = (organization_id, applied.conversation_id, applied.message_id)
    if applied.decisive and update.status != "failed":
        # The status was faster than whoever sends: that it was sent comes first all the same.
        yield message_sent(*ids, at=update.timestamp)
    status = _TOLD.get(update.status)
    if applied.news and status is not None:
        yield message_status(
            *ids,
            status=status,
            error_code=update.error_code,
            at=update.timestamp,
        )
