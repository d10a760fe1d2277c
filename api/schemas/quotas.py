"""Quotas in the API: what may be used, and what was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.postgres.tables import Organization
from api.schemas.base import Input, Integer, Output
from contracts.quotas import QUOTA_NAMES, QuotaName, Quotas
from domain.quotas import MEASURES, Period, State, Used, Window, state_of

Count = Annotated[Integer, Field(ge=0)]


class QuotaLimitInput(Input):
    """A soft limit is reported when it is reached; past the hard one nothing is answered."""

    soft: Count | None = None
    hard: Count | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.soft is None and self.hard is None:
            raise ValueError("needs soft, hard or both; null in its place removes the quota")
        if self.soft is not None and self.hard is not None and self.soft > self.hard:
            raise ValueError("soft must not be more than hard")
        return self


def _a_number_is_hard(value: Any) -> Any:
    return (
        {"hard": value} if isinstance(value, int | float) and not isinstance(value, bool) else value
    )


QuotaSetting = Annotated[
    QuotaLimitInput,
    BeforeValidator(_a_number_is_hard, json_schema_input_type=QuotaLimitInput | Count),
]
"""A bare number is a hard limit."""


class QuotaChanges(Input):
    """Days and months are those of the organisation's time zone."""

    messages_per_person_per_minute: QuotaSetting | None = None
    messages_per_day: QuotaSetting | None = None
    messages_per_month: QuotaSetting | None = None
    tokens_per_day: QuotaSetting | None = None
    tokens_per_month: QuotaSetting | None = None

    @model_validator(mode="before")
    @classmethod
    def _are_known(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.keys() <= set(QUOTA_NAMES):
            raise PydanticCustomError(
                "unknown_quota",
                "there is no such quota; those that there are: {known}",
                {"known": ", ".join(QUOTA_NAMES)},
            )
        return data


def changed_quotas(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored after a change: the quotas that are named, and the others as they were."""
    merged = {**stored, **changes}
    return {name: limit for name, limit in merged.items() if limit is not None}


class QuotaState(Output):
    """One quota of the organisation."""

    quota: QuotaName
    soft: int | None
    hard: int | None
    used: int | None = Field(
        description="In the window that is open now. Null where each person has a count of "
        "their own."
    )
    state: State | None = Field(
        description="`hard`: used up, nothing more is answered; `soft`: the soft limit is reached."
    )
    resets_at: datetime


class QuotaStates(Output):
    """The quotas that the organisation has; none is a list without items."""

    items: list[QuotaState]

    @classmethod
    def of(
        cls,
        organization: Organization,
        *,
        windows: Mapping[Period, Window],
        used: Mapping[Window, Used],
    ) -> "QuotaStates":
        states = []
        for name, limit in Quotas.of(organization.quotas).limits.items():
            period, unit = MEASURES[name]
            window = windows[period]
            count: int | None = getattr(used[window], unit) if window in used else None
            states.append(
                QuotaState(
                    quota=name,
                    soft=limit.soft,
                    hard=limit.hard,
                    used=count,
                    state=None
                    if count is None
                    else state_of(count, soft=limit.soft, hard=limit.hard),
                    resets_at=window.ends,
                )
            )
        return cls(items=states)
