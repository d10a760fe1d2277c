"""Erasures in the API."""

from datetime import datetime

from pydantic import Field

from api.schemas.base import Output
from contracts.erasure import ErasureKind, ErasureStatus
from contracts.ids import ApiKeyId, ErasureId, OrganizationId


class ErasurePublic(Output):
    id: ErasureId
    kind: ErasureKind
    organization_id: OrganizationId
    subject_id: str = Field(description="Id of the organisation or the person.")
    status: ErasureStatus = Field(
        description="`finished` when a last look into every store has found nothing."
    )
    removed: dict[str, int] = Field(
        description="How much is gone, by kind. Grows while the erasure runs.",
        examples=[{"conversations": 12, "messages": 96, "workflows": 14}],
    )
    requested_by: ApiKeyId
    created_at: datetime
    finished_at: datetime | None
