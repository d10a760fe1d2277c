"""What goes in and out of the erasure of an organisation or a person."""

from typing import Literal

from pydantic import Field

from contracts.ids import ApiKeyId, ErasureId, OrganizationId
from contracts.model import Contract

ErasureKind = Literal["organization", "whatsapp_user"]
ErasureStatus = Literal["running", "finished"]


class Erase(Contract):
    """Input of the workflow `Erase`, and of each of its activities."""

    erasure_id: ErasureId
    kind: ErasureKind
    organization_id: OrganizationId
    subject_id: str
    """Id of the organisation or the person."""
    requested_by: ApiKeyId
    settle_seconds: float = Field(default=30, ge=0)
    """How long what was under way may take to land: deliveries that still saw the number, steps of
    workflows that have been terminated."""
