"""Endpoints of an organisation's own systems in the API. A secret is shown once."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field

from adapters.dynamodb.webhooks import BuriedEvent
from adapters.postgres.tables import WebhookEndpoint
from api.schemas.base import Input, Output, Revised
from contracts.events import EventType, HappeningType
from contracts.ids import ConversationId, EventId, MessageId, OrganizationId, WebhookEndpointId


def _once_each(value: list[HappeningType]) -> list[HappeningType]:
    if len(set(value)) < len(value):
        raise ValueError("names a type twice")
    return value


TakenTypes = Annotated[
    list[HappeningType],
    AfterValidator(_once_each),
    Field(json_schema_extra={"uniqueItems": True}),
]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/?#@]+([/?][^\s#]*)?$")]
"""Without a name or password before the host: it is shown, and noted in the audit log."""
Description = Annotated[str, Field(max_length=500)]
Moment = Annotated[AwareDatetime, Field(strict=False)]


class WebhookEndpointCreate(Input):
    url: Url = Field(description="Public, and https. Events are posted to it as JSON.")
    description: Description = ""
    event_types: TakenTypes = Field(
        default_factory=list, description="What it is told; empty: everything."
    )
    enabled: bool = True


class WebhookEndpointUpdate(Input):
    url: Url = ""
    description: Description = ""
    event_types: TakenTypes = Field(default_factory=list)
    enabled: bool = Field(
        default=True, description="true ends a disablement, whatever the reason was."
    )


class WebhookEndpointPublic(Revised):
    id: WebhookEndpointId
    organization_id: OrganizationId
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None = Field(
        description="Why nothing is delivered: an administrator's wish, an answer 410, or failures "
        "only for 3 days."
    )
    previous_secret_until: datetime | None = Field(
        description="Until then the secret before the current one signs, too."
    )
    created_at: datetime
    updated_at: datetime


class WebhookEndpointWithSecret(WebhookEndpointPublic):
    """An endpoint, and its signing secret in the one answer that shows it."""

    secret: str = Field(
        description="Verifies the signatures (Standard Webhooks). Not shown again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, *, secret: str) -> Self:
        return cls.model_validate({**endpoint.model_dump(), "secret": secret})


class WebhookTest(Output):
    """How an endpoint has answered to an event of the type `webhook.test`."""

    delivered: bool
    status_code: int | None = Field(description="null: it has not answered.")
    error: str | None
    duration_ms: int


class WebhookDelivery(Output):
    """One try to tell an endpoint of an event."""

    event_id: EventId
    type: EventType
    attempt: int
    status_code: int | None = Field(description="null: it has not answered.")
    error: str | None = Field(description="Why it counts as failed; null: it does not.")
    duration_ms: int
    attempted_at: datetime
    next_attempt_at: datetime | None = Field(description="null: there is no further try.")


class WebhookDeadLetter(Output):
    """An event that an endpoint has not taken. It is kept for 30 days."""

    id: EventId
    type: EventType
    conversation_id: ConversationId | None
    message_id: MessageId | None
    occurred_at: datetime
    failed_at: datetime
    reason: str

    @classmethod
    def of(cls, buried: BuriedEvent) -> Self:
        return cls.model_validate(
            {
                **buried.event.model_dump(),
                "failed_at": buried.buried_at,
                "reason": buried.reason,
            }
        )


class WebhookReplayCreate(Input):
    since: Moment = Field(description="Of what is older than 30 days, nothing is left.")
    until: Moment | None = Field(default=None, description="null: now.")
    types: TakenTypes = Field(
        default_factory=list, description="Only these; empty: all that the endpoint takes."
    )


class WebhookReplay(Output):
    """What is told once more."""

    id: str
    webhook_endpoint_id: WebhookEndpointId
    since: datetime
    until: datetime
    types: list[EventType]
