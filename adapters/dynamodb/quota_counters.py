"""What an organisation and its people have used of their quotas, counted for all processes.

A counter is an item for each window, which expires after it. Each addition answers with the new
count, so those that add at once get disjoint intervals and a limit lets exactly so many through.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from adapters.dynamodb import keys
from adapters.dynamodb.keys import Key
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId, PersonId, TurnId
from domain.quotas import Period, Used, Window

KEPT: Final = timedelta(days=2)
"""After the end of its window."""


class QuotaCounters:
    def __init__(self, table: Table) -> None:
        """
        Args:
            table: to add, one whose client asks once (`ONCE`): an addition that is repeated after
                a lost answer counts twice.
        """
        self._table = table

    async def add(
        self,
        organization_id: OrganizationId,
        windows: Mapping[Period, Window],
        *,
        person_id: PersonId,
        messages: int = 0,
        tokens: int = 0,
    ) -> dict[Period, Used]:
        """Count and tell what each window has now: one write for each of them, side by side.

        Args:
            windows: those that are metered. The minute is the person's, the others everybody's.
        """
        counted = await asyncio.gather(
            *(
                self._table.update(
                    self._key(organization_id, person_id, period, window),
                    "SET expires_at = :expires ADD messages :messages, tokens :tokens",
                    {
                        "expires": _expiry(window),
                        "messages": messages,
                        "tokens": tokens,
                    },
                    returning="ALL_NEW",
                )
                for period, window in windows.items()
            )
        )
        return {
            period: Used(item["messages"], item["tokens"])
            for period, item in zip(windows, counted, strict=True)
        }

    async def read(
        self, organization_id: OrganizationId, windows: Iterable[Window]
    ) -> dict[Window, Used]:
        """What days and months have now."""
        by_key = {keys.quota(organization_id, window.label): window for window in windows}
        if not by_key:
            return {}
        items = await self._table.get_many(list(by_key))
        return {
            window: Used(items[key]["messages"], items[key]["tokens"]) if key in items else Used()
            for key, window in by_key.items()
        }

    async def is_to_be_told(
        self,
        organization_id: OrganizationId,
        window: Window,
        *,
        person_id: PersonId,
        turn_id: TurnId,
    ) -> bool:
        """Whether this turn tells the person of the window's limit: the first that asks does.

        It is told the same however often it asks.
        """
        told = await self._table.update(
            keys.told_of_limit(organization_id, person_id, window.label),
            "SET turn_id = if_not_exists(turn_id, :turn), expires_at = :expires",
            {"turn": turn_id, "expires": _expiry(window)},
            returning="ALL_NEW",
        )
        return bool(told["turn_id"] == turn_id)

    @staticmethod
    def _key(
        organization_id: OrganizationId, person_id: PersonId, period: Period, window: Window
    ) -> Key:
        if period == "minute":
            return keys.quota_of_person(organization_id, person_id, window.label)
        return keys.quota(organization_id, window.label)


def _expiry(window: Window) -> int:
    return int((window.ends + KEPT).timestamp())
