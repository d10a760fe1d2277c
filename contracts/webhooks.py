"""What goes in and out of the delivery of events to an organisation's own systems.

Histories hold ids: what a message says is read when it is delivered.
"""

from datetime import datetime
from typing import Literal

from contracts.events import BusinessEvent, EventType
from contracts.ids import ConversationId, EventId, OrganizationId, WebhookEndpointId
from contracts.model import Contract


class WebhookStream(Contract):
    """What is told to one endpoint in its order: a conversation's events, or all the others."""

    organization_id: OrganizationId
    endpoint_id: WebhookEndpointId
    conversation_id: ConversationId | None = None


class ToldEvents(Contract):
    """Argument of the signal `deliver`."""

    events: list[BusinessEvent]
    again: bool = False
    """Somebody asks for them once more: they are delivered although they have been before."""


class CarriedDeliveries(Contract):
    """What a stream takes along when it continues as new."""

    waiting: tuple[BusinessEvent, ...] = ()
    known: tuple[EventId, ...] = ()
    delivered: int = 0
    buried: int = 0


class WebhookDeliveriesInput(Contract):
    stream: WebhookStream
    state: CarriedDeliveries = CarriedDeliveries()
    events_per_run: int | None = None
    """Continue as new after so many events; by default when Temporal suggests it."""


class DeliverWebhook(Contract):
    stream: WebhookStream
    event: BusinessEvent


class DeliveredWebhook(Contract):
    outcome: Literal["delivered", "refused", "void"]
    """`refused`: no further try would help. `void`: there is nobody to tell, or nothing to tell of:
    the endpoint was deleted, or what the event is about was erased."""
    reason: str = ""
    """Why it was refused, for the dead letter."""


class BuryEvent(Contract):
    stream: WebhookStream
    event: BusinessEvent
    reason: str


class ReplayWebhooks(Contract):
    """Input of the workflow `ReplayWebhooks`: what happened in a time is told once more."""

    organization_id: OrganizationId
    endpoint_id: WebhookEndpointId
    since: datetime
    until: datetime
    types: tuple[EventType, ...] = ()
    """None: all that the endpoint takes."""
    after: str = ""
    replayed: int = 0


class ReplayPage(Contract):
    replay: ReplayWebhooks
    limit: int


class ReplayedPage(Contract):
    replayed: int
    next_after: str | None
    """Where the next page begins; None: this was the last one."""
