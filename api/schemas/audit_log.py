"""The audit log in the API."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.schemas.base import Output
from contracts.ids import ApiKeyId, AuditEntryId, OrganizationId


class AuditEntryPublic(Output):
    id: AuditEntryId
    organization_id: OrganizationId | None
    api_key_id: ApiKeyId
    api_key_name: str = Field(description="As the key was called then.")
    role: str
    action: str = Field(examples=["assistant.update"])
    resource_type: str = Field(examples=["assistant"])
    resource_id: str
    before: dict[str, Any] | None = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] | None = Field(
        description="The fields that changed, as they are now; of a secret only that it changed."
    )
    request_id: str | None = Field(description="The `X-Request-Id` of the answer.")
    created_at: datetime
