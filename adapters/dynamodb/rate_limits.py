"""Counters shared by all processes: how often something happened in a window of time."""

from datetime import UTC, datetime

from adapters.dynamodb import keys
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId
from contracts.model import Contract


class RateLimit(Contract):
    allowed: bool
    remaining: int
    reset_at: datetime
    """When the window ends and the count starts again."""


class RateLimits:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def hit(
        self,
        organization_id: OrganizationId | None,
        *,
        scope: str,
        key: str,
        limit: int,
        window_seconds: int,
        now: datetime,
    ) -> RateLimit:
        """Count one event and tell whether it is within the limit. Windows start at the epoch.

        Args:
            organization_id: `None` before it is known whose request it is.
            scope: what is limited, in our words; part of a key.
            key: who or what is counted within it.
        """
        start = int(now.timestamp()) // window_seconds * window_seconds
        end = start + window_seconds
        counted = await self._table.update(
            keys.rate_limit(organization_id, scope, key, start),
            "SET expires_at = :expires ADD hits :one",
            {"expires": end + window_seconds, "one": 1},
            returning="UPDATED_NEW",
        )
        hits: int = counted["hits"]
        return RateLimit(
            allowed=hits <= limit,
            remaining=max(0, limit - hits),
            reset_at=datetime.fromtimestamp(end, UTC),
        )
