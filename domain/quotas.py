"""What quotas count, when they begin anew, and what is beyond them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple

from contracts.quotas import QuotaName, Quotas
from domain.time_zones import time_zone

Period = Literal["minute", "day", "month"]
Level = Literal["soft", "hard"]
State = Literal["ok", "soft", "hard"]


class Measure(NamedTuple):
    """What a quota counts: messages or tokens, in which period."""

    period: Period
    unit: Literal["messages", "tokens"]


MEASURES: Final[dict[QuotaName, Measure]] = {
    "messages_per_month": Measure("month", "messages"),
    "tokens_per_month": Measure("month", "tokens"),
    "messages_per_day": Measure("day", "messages"),
    "tokens_per_day": Measure("day", "tokens"),
    "messages_per_person_per_minute": Measure("minute", "messages"),
}
"""The longest first: of several limits that are reached, it is the one that people wait for."""


class Window(NamedTuple):
    """A period of the calendar. `label` tells it from all others of its organisation."""

    label: str
    ends: datetime


class Used(NamedTuple):
    """What was counted in one window so far."""

    messages: int = 0
    tokens: int = 0


class Reached(NamedTuple):
    """A limit that has just been reached."""

    quota: QuotaName
    level: Level


class Verdict(NamedTuple):
    allowed: int
    """So many of the new messages, the first ones, are within every hard limit."""
    by: QuotaName | None = None
    """The quota that the others are beyond."""


def windows(now: datetime, *, timezone: str) -> dict[Period, Window]:
    """The windows that are open now. Days and months are the organisation's own.

    A day that daylight saving begins or ends in is 23 or 25 hours long. An organisation that moves
    to another zone goes on counting in the day and month of the same date.
    """
    zone = time_zone(timezone)
    today = now.astimezone(zone).date()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)

    def begin(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    return {
        "minute": Window(f"minute/{minute:%Y-%m-%dT%H:%M}", minute + timedelta(minutes=1)),
        "day": Window(f"day/{today:%Y-%m-%d}", begin(today + timedelta(days=1))),
        "month": Window(f"month/{today:%Y-%m}", begin(next_month)),
    }


def metered(quotas: Quotas) -> set[Period]:
    """The periods in which anything is counted at all."""
    return {MEASURES[name].period for name in quotas.limits}


def verdict(quotas: Quotas, used: Mapping[Period, Used], *, fresh: int) -> Verdict:
    """How many of the fresh messages, which `used` counts already, are to be answered."""
    worst = Verdict(allowed=fresh)
    for name, (period, unit) in MEASURES.items():
        limit = quotas.limits.get(name)
        if limit is None or limit.hard is None:
            continue
        if unit == "messages":
            left = limit.hard - max(0, used[period].messages - fresh)
            allowed = min(fresh, max(0, left))
        else:
            allowed = fresh if used[period].tokens < limit.hard else 0
        if allowed < fresh:
            worst = Verdict(min(allowed, worst.allowed), by=worst.by or name)
    return worst


def just_reached(
    quotas: Quotas, used: Mapping[Period, Used], *, messages: int = 0, tokens: int = 0
) -> list[Reached]:
    """Limits that these last `messages` and `tokens`, which `used` counts already, have reached.

    Of all that count at once, each limit is reached by one: counters hand out disjoint intervals.
    """
    added = {"messages": messages, "tokens": tokens}
    reached: list[Reached] = []
    for name, limit in quotas.limits.items():
        period, unit = MEASURES[name]
        if period not in used:
            continue
        after: int = getattr(used[period], unit)
        levels: tuple[tuple[Level, int | None], ...] = (("soft", limit.soft), ("hard", limit.hard))
        for level, maximum in levels:
            if maximum is not None and after - added[unit] < maximum <= after:
                reached.append(Reached(name, level))
    return reached


def state_of(used: int, *, soft: int | None, hard: int | None) -> State:
    """`hard`: nothing more is answered; `soft`: that much was to be reported."""
    if hard is not None and used >= hard:
        return "hard"
    return "soft" if soft is not None and used >= soft else "ok"
