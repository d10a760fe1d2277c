"""Rolls usage up, organisation by organisation. Each may be repeated, and changes nothing then."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from temporalio import activity

from activities.heartbeats import heartbeating
from adapters.usage import UsageLedger
from contracts.ids import OrganizationId
from contracts.usage import RolledUpPage, RollUpPage
from telemetry import get_logger

AT_ONCE: Final = 4
"""Organisations that are worked on side by side: gentle on the stores, which others need more."""

_log = get_logger(__name__)


class UsageActivities:
    def __init__(self, ledger: UsageLedger) -> None:
        self._ledger = ledger

    @activity.defn(name="roll_up_usage_page")
    async def roll_up_usage_page(self, page: RollUpPage) -> RolledUpPage:
        """Roll up the next organisations that have something to; one that fails stops no other."""
        async with heartbeating():
            due = await self._ledger.due(until=page.until, after=page.after, limit=page.limit)
            gate = asyncio.Semaphore(AT_ONCE)

            async def roll_up(organization_id: OrganizationId) -> int | None:
                async with gate:
                    return await self._roll_up(organization_id, page.until)

            quarters = await asyncio.gather(*(roll_up(one) for one in due))
        done = [count for count in quarters if count is not None]
        return RolledUpPage(
            rolled=len(done),
            failed=len(due) - len(done),
            quarters=sum(done),
            next_after=due[-1] if len(due) == page.limit else None,
        )

    async def _roll_up(self, organization_id: OrganizationId, until: datetime) -> int | None:
        try:
            return await self._ledger.roll_up(organization_id, until=until, now=datetime.now(UTC))
        # Whatever it is, it is this organisation's: the others must not wait for it.
        except Exception as error:
            _log.warning(
                "usage_not_rolled_up",
                organization_id=organization_id,
                error_type=type(error).__name__,
            )
            return None
