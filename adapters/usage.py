"""The usage of an organisation: rolled up quarter by quarter, and read as it is this moment.

What is final is in PostgreSQL. What is not yet is counted from DynamoDB's index when somebody asks,
by the same rule; `rolled_until` parts the two, so nothing is counted twice.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.dynamodb.usage import EMBEDDING_KEPT, UsageItems
from adapters.postgres import unanswered_questions
from adapters.postgres import usage as rolled
from adapters.postgres.database import Database
from adapters.postgres.usage import LEVEL_REPEATED, RollUpState
from contracts.ids import OrganizationId
from domain.pricing import PriceTable
from domain.usage import LEVELS, QUARTER, Cell, aggregate, quarter_of, quarters
from domain.usage_periods import PeriodCell, Periods, carried_forward

QUARTERS_AT_ONCE: Final = 96
"""Of a roll-up that has to catch up: a day in one transaction."""
LIVE_QUARTERS: Final = 192
"""Counted when somebody asks: two days, of which three quarters are usual."""
OLDEST: Final = EMBEDDING_KEPT
"""Of an organisation that was never rolled up, further back is not looked: drafts are gone."""


@dataclass(frozen=True)
class UsageReport:
    """Usage by periods."""

    periods: Periods
    sums: Counter[PeriodCell]
    levels: dict[str, list[int | None]]
    """At the end of each period, by metric."""
    complete: bool
    """False when the roll-up is so far behind that some quarters could not be counted."""


class UsageLedger:
    def __init__(self, database: Database, *, items: UsageItems, prices: PriceTable) -> None:
        self._database = database
        self._items = items
        self.prices = prices

    async def due(self, *, until: datetime, after: str, limit: int) -> list[OrganizationId]:
        """Organisations with quarters before `until` that are not rolled up, by id."""
        async with self._database.platform() as session:
            return await rolled.due(session, until=until, after=after, limit=limit)

    async def roll_up(
        self, organization_id: OrganizationId, *, until: datetime, now: datetime
    ) -> int:
        """Write down all quarters before `until` and measure the levels; how many quarters it was.

        Each day of quarters is one transaction, with how far it goes: what is interrupted goes on
        from there, and what is repeated changes nothing.
        """
        async with self._database.tenant(organization_id) as session:
            state = await rolled.state(session, organization_id)
        if state is None:
            return 0
        left = list(quarters(_beginning(state, now), until))
        for first in range(0, len(left), QUARTERS_AT_ONCE):
            batch = left[first : first + QUARTERS_AT_ONCE]
            amounts = await self._count(organization_id, batch)
            async with self._database.tenant(organization_id) as session:
                await rolled.record(
                    session, organization_id, amounts, rolled_until=batch[-1] + QUARTER
                )
        async with self._database.tenant(organization_id) as session:
            measured = await rolled.levels(session)
            await rolled.record_levels(session, organization_id, measured, quarter=quarter_of(now))
            # The only round that comes to every organisation also takes what was kept long enough.
            await unanswered_questions.remove_old(session)
        return len(left)

    async def report(
        self, organization_id: OrganizationId, periods: Periods, *, now: datetime
    ) -> UsageReport:
        """All that was used in the periods, up to some seconds ago.

        Raises:
            LookupError: there is no such organisation.
        """
        async with self._database.tenant(organization_id) as session:
            state = await rolled.state(session, organization_id)
            if state is None:
                raise LookupError("there is no such organisation")
            final_until = _beginning(state, now)
            sums = await rolled.sums(session, periods, until=final_until)
            measured = await rolled.levels_between(
                session, periods.start - 2 * LEVEL_REPEATED, periods.end
            )
            if periods.index_of(now) is not None:
                for metric, value in (await rolled.levels(session)).items():
                    measured[metric].append((now, value))
        live = list(
            quarters(max(final_until, periods.start), min(periods.end, quarter_of(now) + QUARTER))
        )
        counted = live[-LIVE_QUARTERS:]
        sums += periods.sums(await self._count(organization_id, counted))
        return UsageReport(
            periods=periods,
            sums=sums,
            levels={
                metric: carried_forward(measured[metric], periods, until=now) for metric in LEVELS
            },
            complete=len(counted) == len(live),
        )

    async def _count(
        self, organization_id: OrganizationId, wanted: list[datetime]
    ) -> dict[Cell, int]:
        found = await self._items.of_quarters(organization_id, wanted)
        return {
            cell: value
            for quarter, usages in found.items()
            for cell, value in aggregate(quarter, usages, prices=self.prices).items()
        }


def _beginning(state: RollUpState, now: datetime) -> datetime:
    """The first quarter that is not final."""
    if state.rolled_until is not None:
        return state.rolled_until.astimezone(UTC)
    return quarter_of(max(state.created_at, now - OLDEST))
