"""How many messages a second a number may send, over all processes.

Meta counts by number and refuses what is too much (code 130429; WhatsApp Cloud API, "Throughput").
A shared item says when the number is free again; who wants to send moves that on, by one place in
the line for each message, and waits for its place. A process that hardly sends from a number asks
nobody: a part of the throughput is kept for such.

Requests that come while one is on its way to DynamoDB share the next one, so a rush costs few.
Clocks of the processes are believed to agree within some milliseconds, as NTP keeps them.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from cachetools import LRUCache

from adapters.dynamodb import keys
from adapters.dynamodb.table import ConditionFailed, Table
from contracts.ids import ChannelId, OrganizationId

QUIET_SECONDS: Final = 1.0
"""A process that has sent nothing from a number for so long may send one message without asking."""
MOST_QUIET_PROCESSES: Final = 8
LONGEST_WAIT_SECONDS: Final = 3.0
MOST_WAITING: Final = 50
"""Of one number in one process: those who wait hold a place among the process's activities, which
other numbers need."""
LOWEST_FACTOR: Final = 0.1
RECOVERY_SECONDS: Final = 10.0
"""After a refusal the rate is halved, and grows by a tenth of the whole in each of these."""
KEPT_SECONDS: Final = 3600
REMEMBERED_NUMBERS: Final = 10_000
_MICROSECONDS: Final = 1_000_000

Place = tuple[OrganizationId, ChannelId]


class Permit(NamedTuple):
    granted: bool
    at: float
    """Epoch seconds: from when on the message may go, or from when on it is worth asking again."""


@dataclass
class _Number:
    """What this process knows of a number."""

    granted_at: float = 0.0
    free_at: int = 0
    """Microseconds since the epoch: when the line was free by the last look."""
    factor: float = 1.0
    lowered_at: float = 0.0
    waiting: int = 0
    asking: "list[asyncio.Future[Permit]]" = field(default_factory=list)
    """For whom nothing was asked yet."""
    task: asyncio.Task[None] | None = None


class NumberRates:
    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._numbers: LRUCache[Place, _Number] = LRUCache(REMEMBERED_NUMBERS)

    async def permit(
        self, organization_id: OrganizationId, channel_id: ChannelId, *, per_second: int
    ) -> Permit:
        """Wait until one more message may go; at most 3 seconds, and not behind many others.

        Args:
            per_second: what Meta takes from the number.

        Returns:
            The permit, whose time has come; or none, and when to ask again.
        """
        place = (organization_id, channel_id)
        number = self._number(place)
        now = self._clock()
        kept = min(MOST_QUIET_PROCESSES, per_second // 10)
        if kept and not number.waiting and now - number.granted_at >= QUIET_SECONDS:
            number.granted_at = now
            return Permit(granted=True, at=now)
        if number.waiting >= MOST_WAITING:
            return Permit(granted=False, at=max(now, number.free_at / _MICROSECONDS))
        number.waiting += 1
        try:
            permit = await self._in_line(place, number, rate=per_second - kept)
            if permit.granted:
                await asyncio.sleep(permit.at - self._clock())
                number.granted_at = max(number.granted_at, permit.at)
            return permit
        finally:
            number.waiting -= 1

    def refused(self, organization_id: OrganizationId, channel_id: ChannelId) -> None:
        """Meta said that it was too much: send more slowly from this process for a while."""
        number, now = self._number((organization_id, channel_id)), self._clock()
        if now - number.lowered_at < 1:
            # Of the same rush: it was halved for that already.
            return
        number.factor = max(LOWEST_FACTOR, _factor(number, now) / 2)
        number.lowered_at = now

    def _number(self, place: Place) -> _Number:
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = _Number()
        return number

    async def _in_line(self, place: Place, number: _Number, *, rate: int) -> Permit:
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        number.asking.append(future)
        if number.task is None:
            number.task = asyncio.create_task(self._ask(place, number, rate))
        return await future

    async def _ask(self, place: Place, number: _Number, rate: int) -> None:
        """Get places for all who wait, those who came meanwhile too."""
        try:
            while number.asking:
                asked, number.asking = number.asking, []
                # Rounded up: no second has one more than the rate.
                span = ceil(_MICROSECONDS / (rate * _factor(number, self._clock())))
                try:
                    first = await self._reserve(place, number, span * len(asked))
                except Exception as error:
                    for future in asked:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for position, future in enumerate(asked):
                    if future.done():
                        continue
                    granted = first is not None
                    at = number.free_at if first is None else first + position * span
                    future.set_result(Permit(granted, at / _MICROSECONDS))
        finally:
            number.task = None

    async def _reserve(self, place: Place, number: _Number, span: int) -> int | None:
        """The moment from which on the span is ours; None when the line is too long."""
        key = keys.number_rate(*place)
        while True:
            now = int(self._clock() * _MICROSECONDS)
            latest = now + int(LONGEST_WAIT_SECONDS * _MICROSECONDS)
            expires = now // _MICROSECONDS + KEPT_SECONDS
            try:
                if number.free_at < now:
                    await self._table.update(
                        key,
                        "SET free_at = :then, expires_at = :expires",
                        {"then": now + span, "expires": expires, "now": now},
                        condition="attribute_not_exists(pk) OR free_at < :now",
                    )
                    number.free_at = now + span
                    return now
                before = await self._table.update(
                    key,
                    "SET free_at = free_at + :span, expires_at = :expires",
                    {"span": span, "expires": expires, "now": now, "latest": latest},
                    condition="free_at >= :now AND free_at <= :latest",
                    returning="UPDATED_OLD",
                )
            except ConditionFailed as failure:
                # Somebody else has moved it, or time has: it is known better now.
                number.free_at = 0 if failure.item is None else int(failure.item["free_at"])
                if number.free_at > latest:
                    return None
                continue
            first = int(before["free_at"])
            number.free_at = first + span
            return first


def _factor(number: _Number, now: float) -> float:
    steps = int((now - number.lowered_at) / RECOVERY_SECONDS)
    return min(1.0, number.factor + 0.1 * steps)
