"""API keys in the API."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from api.schemas.base import Input, Integer, Name, Revised
from contracts.ids import ApiKeyId

TenantRole = Literal["admin", "operator", "viewer"]


def _in_the_future(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise ValueError("lies in the past")
    return value


Expiry = Annotated[AwareDatetime, AfterValidator(_in_the_future), Field(strict=False)]
RequestsPerMinute = Annotated[Integer, Field(ge=1, le=1_000_000)]


class ApiKeyCreate(Input):
    name: Name
    role: TenantRole
    expires_at: Expiry | None = None
    requests_per_minute: RequestsPerMinute | None = Field(
        default=None, description="null: the platform's limit, which only the platform exceeds."
    )


class PlatformApiKeyCreate(Input):
    name: Name
    expires_at: Expiry | None = None
    requests_per_minute: RequestsPerMinute | None = None


class ApiKeyUpdate(Input):
    name: Name = ""
    expires_at: Expiry | None = None
    requests_per_minute: RequestsPerMinute | None = None


class ApiKeyPublic(Revised):
    id: ApiKeyId
    name: str
    role: str
    prefix: str = Field(description="First characters of the secret, to recognise it by.")
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    requests_per_minute: int | None
    created_at: datetime


class ApiKeyCreated(ApiKeyPublic):
    secret: str = Field(description="Shown this once: keep it.")
