"""Organisations in the API."""

import json
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from adapters.postgres.tables import Organization
from api.schemas.base import Input, Name, Revised, Secret
from api.schemas.quotas import QuotaChanges
from contracts.ids import OrganizationId
from contracts.quotas import QuotaLimit, QuotaName, Quotas
from domain.organization_settings import check_settings

LARGEST_JSON: Final = 16 * 1024


def _known_timezone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("not a time zone of the IANA database, such as Europe/Madrid")
    return value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value)) > LARGEST_JSON:
        raise ValueError(f"larger than {LARGEST_JSON} bytes as JSON")
    return value


SmallObject = Annotated[dict[str, Any], AfterValidator(_small)]
BaseUrl = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
"""Without a name or password before the host: it is shown, and noted in the audit log."""


def _understood(value: dict[str, Any]) -> dict[str, Any]:
    check_settings(value)
    return value


OrganizationSettings = Annotated[SmallObject, AfterValidator(_understood)]


class OrganizationCreate(Input):
    name: Name
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    settings: OrganizationSettings = Field(
        default_factory=dict,
        description="The organisation's own to keep. Parley reads `uncertain_send_policy`: "
        "`resend` or `leave` a message when nobody can tell whether it arrived; and "
        "`require_opt_in`: if true, who has no recorded opt-in gets no proactive messages.",
    )
    quotas: QuotaChanges = Field(
        default_factory=QuotaChanges,
        description="Those that are named change, null removes one. None at all: no limits.",
    )
    openai_api_key: Secret | None = Field(
        default=None, description="The organisation's own; goes in and never comes out."
    )
    openai_base_url: BaseUrl | None = Field(
        default=None, description="Of an OpenAI-compatible server; used with the own key only."
    )


class OrganizationUpdate(OrganizationCreate):
    name: Name = ""


class OrganizationPublic(Revised):
    id: OrganizationId
    name: str
    timezone: str
    settings: dict[str, Any]
    quotas: dict[QuotaName, QuotaLimit]
    has_openai_api_key: bool
    openai_base_url: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, organization: Organization) -> "OrganizationPublic":
        return cls.model_validate(
            {
                **organization.model_dump(),
                "quotas": Quotas.of(organization.quotas).limits,
                "has_openai_api_key": organization.openai_api_key_encrypted is not None,
            }
        )
