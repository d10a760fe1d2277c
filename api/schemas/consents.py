"""The record of who wants proactive messages, in the API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from adapters.postgres.tables import ConsentSource, ConsentState
from api.schemas.base import Input, Output
from contracts.ids import ConsentId, PersonId

_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)


def _has_happened(value: datetime) -> datetime:
    if value > datetime.now(UTC) + _CLOCKS_DIFFER:
        raise ValueError("lies in the future")
    if value < _EARLIEST:
        raise ValueError("lies before 1990")
    return value


class ConsentCreate(Input):
    state: ConsentState
    source: Literal["api", "import"] = Field(
        default="api",
        description="`import`: collected elsewhere before, such as on paper or in another system.",
    )
    detail: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="How it was given, for whoever asks: a form, a shop, a campaign."
    )
    occurred_at: (
        Annotated[AwareDatetime, AfterValidator(_has_happened), Field(strict=False)] | None
    ) = Field(default=None, description="When the person said so; null: now. The newest counts.")


class ConsentPublic(Output):
    id: ConsentId
    whatsapp_user_id: PersonId
    category: Literal["marketing"]
    state: ConsentState
    source: ConsentSource = Field(
        description="How it became known: the person's `message`, their `user_preferences` in "
        "WhatsApp, Meta's refusal of a message (`error_131050`), an operator (`api`), or an "
        "`import`."
    )
    detail: str | None
    occurred_at: datetime = Field(description="When the person said so.")
    created_at: datetime = Field(description="When it became known.")
