"""What an organisation may use, and what is said when it has used it up."""

from datetime import datetime
from typing import Any, Final, Literal, get_args

from pydantic import Field, NonNegativeInt

from contracts.ids import MessageId
from contracts.model import Contract

QuotaName = Literal[
    "messages_per_person_per_minute",
    "messages_per_day",
    "messages_per_month",
    "tokens_per_day",
    "tokens_per_month",
]
QUOTA_NAMES: Final[tuple[QuotaName, ...]] = get_args(QuotaName)


class QuotaLimit(Contract):
    """A soft limit is reported when it is reached; past a hard one nothing is answered."""

    soft: NonNegativeInt | None = None
    hard: NonNegativeInt | None = None


class Quotas(Contract):
    """The quotas of an organisation; what is not set is not limited, and not counted."""

    limits: dict[QuotaName, QuotaLimit] = Field(default_factory=dict)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Quotas":
        """As `organizations.quotas` holds them. A bare number is a hard limit; names that this
        version does not know are left out."""
        return cls(
            limits={
                name: QuotaLimit(hard=value) if isinstance(value, int) else QuotaLimit(**value)
                for name in QUOTA_NAMES
                if (value := stored.get(name)) is not None
            }
        )


class ReachedLimit(Contract):
    """Messages were recorded that are not answered: a hard limit was reached."""

    quota: QuotaName
    until: datetime
    """When the window ends and the count starts again."""
    refused: list[MessageId]
    """Those beyond the limit, of the ones that ask for a reply."""
    tell: bool
    """The person has not yet heard of it in this window."""
