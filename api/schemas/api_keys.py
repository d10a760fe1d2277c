"""API keys in the API."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from api.schemas.base import Input, Name, Output
from contracts.ids import ApiKeyId

TenantRole = Literal["admin", "operator", "viewer"]


def _in_the_future(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise ValueError("lies in the past")
    return value


class ApiKeyCreate(Input):
    name: Name
    role: TenantRole
    expires_at: (
        Annotated[AwareDatetime, AfterValidator(_in_the_future), Field(strict=False)] | None
    ) = None


class ApiKeyPublic(Output):
    id: ApiKeyId
    name: str
    role: str
    prefix: str = Field(description="First characters of the secret, to recognise it by.")
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class ApiKeyCreated(ApiKeyPublic):
    secret: str = Field(description="Shown this once: keep it.")
