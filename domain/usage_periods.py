"""Hours, days and months as they are in a time zone, and usage summed up by them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from domain.usage import QUARTER, Cell, quarter_of, quarters

Granularity = Literal["hour", "day", "month"]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Usage outside of these is not asked for, and calendars hold no surprises between them."""
MAX_PERIODS: Final = 750
"""A month of hours, two years of days."""


class TooManyPeriods(ValueError):
    """The time asked for has more periods than an answer may have."""


class Periods:
    """Periods that follow one another without gaps. Each quarter of an hour lies in one at most."""

    def __init__(self, boundaries: list[datetime]) -> None:
        """
        Args:
            boundaries: beginnings of quarters, ascending: of each period, then the end of the last.
        """
        self.boundaries = boundaries

    @property
    def start(self) -> datetime:
        return self.boundaries[0]

    @property
    def end(self) -> datetime:
        return self.boundaries[-1]

    def __len__(self) -> int:
        return len(self.boundaries) - 1

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Beginning and end of each."""
        return list(pairwise(self.boundaries))

    def index_of(self, moment: datetime) -> int | None:
        """Which of them the moment lies in; None if in none."""
        if not self.start <= moment < self.end:
            return None
        return bisect_right(self.boundaries, moment) - 1

    def sums(self, amounts: Mapping[Cell, int]) -> "Counter[PeriodCell]":
        """What the quarters' amounts come to by period, channel, model and metric."""
        sums: Counter[PeriodCell] = Counter()
        for cell, value in amounts.items():
            period = self.index_of(cell.quarter)
            if period is not None:
                sums[period, cell.channel_id, cell.model, cell.metric] += value
        return sums


PeriodCell = tuple[int, str | None, str | None, str]
"""Number of the period, channel, model, metric."""


def periods_between(
    start: datetime, end: datetime, *, zone: ZoneInfo, granularity: Granularity
) -> Periods:
    """The periods that `start <= moment < end` touches, whole ones.

    Days have 23 or 25 hours where the clocks change, and hours are cut short there where clocks
    change by half of one.

    Args:
        start: between `EARLIEST` and `LATEST`.
        end: after `start`, and no later than `LATEST`.

    Raises:
        TooManyPeriods: more than `MAX_PERIODS`.
    """
    shortest = {"hour": timedelta(hours=1), "day": timedelta(hours=20), "month": timedelta(days=27)}
    if (end - start) / shortest[granularity] > 2 * MAX_PERIODS:
        raise TooManyPeriods
    boundaries = (
        _hours(start, end, zone)
        if granularity == "hour"
        else _dates(start, end, zone, months=granularity == "month")
    )
    if len(boundaries) - 1 > MAX_PERIODS:
        raise TooManyPeriods
    return Periods(boundaries)


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """The first quarter of the day there, in UTC, also where its midnight was skipped."""
    return quarter_of(datetime.combine(day, time(), tzinfo=zone))


def _hours(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """A new hour begins whenever the clock shows another one, or the same one again."""
    first = last = quarter_of(start)
    while _hour(first - QUARTER, zone) == _hour(last, zone):
        first -= QUARTER
    boundaries = [first]
    for quarter in quarters(first, end + timedelta(hours=2)):
        if _hour(quarter, zone) != _hour(boundaries[-1], zone):
            boundaries.append(quarter)
            if quarter >= end:
                break
    return boundaries


def _hour(quarter: datetime, zone: ZoneInfo) -> tuple[date, int, timedelta | None]:
    local = quarter.astimezone(zone)
    return local.date(), local.hour, local.utcoffset()


def _dates(start: datetime, end: datetime, zone: ZoneInfo, *, months: bool) -> list[datetime]:
    day = start.astimezone(zone).date()
    if months:
        day = day.replace(day=1)
    boundaries = [beginning_of(day, zone)]
    while boundaries[-1] < end:
        day = _next_month(day) if months else day + timedelta(days=1)
        boundary = beginning_of(day, zone)
        # A day that a place skipped altogether, as Samoa did on its way over the date line.
        if boundary > boundaries[-1]:
            boundaries.append(boundary)
    return boundaries


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def carried_forward(
    measured: Iterable[tuple[datetime, int]], periods: Periods, *, until: datetime
) -> list[int | None]:
    """A level at the end of each period: what was measured last, by then or before.

    Args:
        measured: when and how much, oldest first; also before the first period.
        until: periods that begin later have no level yet.
    """
    levels: list[int | None] = []
    left = list(measured)
    level: int | None = None
    for begins, ends in periods.spans():
        while left and left[0][0] < ends:
            level = left.pop(0)[1]
        levels.append(level if begins <= until else None)
    return levels
