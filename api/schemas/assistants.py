"""Assistants in the API."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from api.schemas.base import Input, Name, Reference, Revised
from api.schemas.operator_messages import TemplateInput
from api.schemas.organizations import LARGEST_JSON, SmallObject
from contracts.handoff import HandoffSettings, Phrase
from contracts.ids import AssistantId, OrganizationId
from contracts.outbound_template import TemplateContent, template_of
from domain.business_hours import BusinessHours

Message = Annotated[str, Field(min_length=1, max_length=4096)]
"""Meta's limit for the body of a text message."""


def _small_list(value: list[Any]) -> list[Any]:
    if len(json.dumps(value)) > LARGEST_JSON:
        raise ValueError(f"larger than {LARGEST_JSON} bytes as JSON")
    return value


class HandoffInput(HandoffSettings):
    """Refuses what it does not know, and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    phrases: Annotated[tuple[Phrase, ...], Field(max_length=50, strict=False)] = Field(
        default=(), description=HandoffSettings.model_fields["phrases"].description
    )


def _readable_handoff(stored: Any) -> Any:
    return stored if isinstance(stored, HandoffSettings) else HandoffSettings.of(stored)


def _readable_template(stored: Any) -> Any:
    return stored if isinstance(stored, TemplateContent) else template_of(stored)


def _readable_hours(stored: Any) -> Any:
    return stored if isinstance(stored, BusinessHours) else BusinessHours.of(stored)


class AssistantCreate(Input):
    name: Name
    instructions: str = Field(
        default="", max_length=32_000, description="Who the assistant is and how it speaks."
    )
    model: Name | None = Field(default=None, description="null: the platform's model.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    model_parameters: SmallObject = Field(
        default_factory=dict, description="Further parameters of Chat Completions."
    )
    knowledge_base_ids: list[Reference] = Field(default_factory=list, max_length=50)
    welcome_message: Message | None = None
    fallback_message: Message | None = Field(
        default=None, description="What the person hears when no answer can be given."
    )
    unsupported_message: Message | None = Field(
        default=None, description="What the person hears on a message that cannot be read yet."
    )
    slow_down_message: Message | None = Field(
        default=None,
        description="What a person hears who writes more than their quota of messages a minute.",
    )
    quota_message: Message | None = Field(
        default=None,
        description="What people hear when a quota of the organisation is used up.",
    )
    stopped_message: Message | None = Field(
        default=None, description="What a person hears who wants no more proactive messages."
    )
    resumed_message: Message | None = Field(
        default=None, description="What a person hears who wants proactive messages again."
    )
    reopening_template: TemplateInput | None = Field(
        default=None,
        description="A template without placeholders that only the message would fill: sent when "
        "the service window has closed before the reply, to ask the person to write again.",
    )
    handoff: HandoffInput = Field(
        default_factory=HandoffInput,
        description="When a human is called, and when the assistant answers again. Replaced whole.",
    )
    business_hours: BusinessHours | None = Field(
        default=None, description="When the team is there; null: always. Replaced whole."
    )
    tools: Annotated[list[Any], AfterValidator(_small_list)] = Field(
        default_factory=list,
        max_length=100,
        description="What the model may do besides writing text: `choices`, `location`, `links`, "
        "`unknown`, `handoff`. Empty: all of them but `links`; `none`: nothing.",
    )
    debounce_seconds: float = Field(
        default=0.8, ge=0, le=30, description="Quiet time after which a burst is answered."
    )
    language: Name | None = None


class AssistantUpdate(AssistantCreate):
    name: Name = ""


class AssistantPublic(Revised):
    id: AssistantId
    organization_id: OrganizationId
    name: str
    instructions: str
    model: str | None
    temperature: float | None
    model_parameters: dict[str, Any]
    knowledge_base_ids: list[str]
    welcome_message: str | None
    fallback_message: str | None
    unsupported_message: str | None
    slow_down_message: str | None
    quota_message: str | None
    stopped_message: str | None
    resumed_message: str | None
    reopening_template: Annotated[TemplateContent | None, BeforeValidator(_readable_template)]
    handoff: Annotated[HandoffSettings, BeforeValidator(_readable_handoff)]
    business_hours: Annotated[BusinessHours | None, BeforeValidator(_readable_hours)]
    tools: list[Any]
    debounce_seconds: float
    language: str | None
    created_at: datetime
    updated_at: datetime
