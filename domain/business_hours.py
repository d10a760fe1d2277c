"""When the people of a business are there: opening times of a week, and holidays.

Times are those of the wall clock in the business's time zone. Where clocks are turned forward, a
time that does not exist means the moment at which they are turned; where they are turned back, a
time that exists twice means the first for opening and the last for closing.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)

FURTHEST_DAYS: Final = 366 * 8 + 1
"""29 February may be eight years away; a day that is open in any year is within so many."""
LOOK_BACK_DAYS: Final = 2
"""Hours that began the day before may go on past midnight; a time zone may skip a whole day."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("not a time zone of the IANA database, such as Europe/Madrid")
    return name


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


WallTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        json_schema_extra={"format": "date"},
        examples=["2026-12-25"],
    ),
    AfterValidator(_a_day),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpeningTimes(_Part):
    """From one time of the day to another. `closes` at or before `opens` is on the next day."""

    opens: WallTime
    closes: WallTime


Hours = Annotated[tuple[OpeningTimes, ...], Field(max_length=10)]
"""Of one day: those that begin on it. None: closed."""


class Week(_Part):
    monday: Hours = ()
    tuesday: Hours = ()
    wednesday: Hours = ()
    thursday: Hours = ()
    friday: Hours = ()
    saturday: Hours = ()
    sunday: Hours = ()


class Holiday(_Part):
    """A day with times of its own instead of its weekday's; without any it is closed.

    What began the evening before goes on past midnight all the same.
    """

    date: Day
    yearly: StrictBool = Field(default=False, description="On this day of every year.")
    hours: Hours = ()


class _Span(NamedTuple):
    opens: datetime
    closes: datetime


class BusinessHours(_Part):
    """The opening times of a business."""

    timezone: Annotated[str, AfterValidator(_known_zone)] | None = Field(
        default=None, description="IANA name; null: the organisation's."
    )
    week: Week = Week()
    holidays: Annotated[tuple[Holiday, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _one_holiday_a_day(self) -> "BusinessHours":
        days = [(holiday.date, holiday.yearly) for holiday in self.holidays]
        if len(set(days)) < len(days):
            raise ValueError("holidays: a day is listed twice")
        return self

    @classmethod
    def of(cls, stored: Any) -> "BusinessHours | None":
        """As `assistants.business_hours` holds them; None (always open) for what is none."""
        try:
            return cls.model_validate(stored)
        except ValidationError:
            return None


class OpeningHours:
    """Business hours in their time zone: tells when it is open."""

    def __init__(self, hours: BusinessHours, *, default_zone: ZoneInfo) -> None:
        """
        Args:
            default_zone: of hours that name none.
        """
        self.zone = ZoneInfo(hours.timezone) if hours.timezone else default_zone
        self._week: Sequence[Sequence[OpeningTimes]] = [
            getattr(hours.week, weekday) for weekday in WEEKDAYS
        ]
        self._dates = {one.date: one.hours for one in hours.holidays if not one.yearly}
        self._yearly = {one.date[5:]: one.hours for one in hours.holidays if one.yearly}
        self._ever = any([*self._week, *self._dates.values(), *self._yearly.values()])

    def is_open(self, at: datetime) -> bool:
        at = at.astimezone(UTC)
        first = at.astimezone(self.zone).date() - timedelta(days=LOOK_BACK_DAYS)
        return any(
            span.opens <= at < span.closes
            for day in range(LOOK_BACK_DAYS + 2)
            for span in self._spans(first + timedelta(days=day))
        )

    def next_opening(self, after: datetime) -> datetime | None:
        """The first moment, not before `after`, at which it is open; None: never again.

        The time is in the business's time zone.
        """
        if self.is_open(after):
            return after.astimezone(self.zone)
        if not self._ever:
            return None
        first = after.astimezone(self.zone).date() - timedelta(days=LOOK_BACK_DAYS)
        for offset in range(LOOK_BACK_DAYS + FURTHEST_DAYS):
            # Of two days: what begins on the second may not begin after the first's.
            starts = [
                span.opens
                for day in (offset, offset + 1)
                for span in self._spans(first + timedelta(days=day))
                if span.opens > after
            ]
            if starts:
                return min(starts).astimezone(self.zone)
        return None

    def _spans(self, day: date) -> Iterator[_Span]:
        """When it is open of what begins on this day, in UTC; what the clock skips is left out."""
        for hours in self._hours_of(day):
            opens, closes = time.fromisoformat(hours.opens), time.fromisoformat(hours.closes)
            ends = day if closes > opens else day + timedelta(days=1)
            span = _Span(
                _instant(datetime.combine(day, opens), self.zone, last=False),
                _instant(datetime.combine(ends, closes), self.zone, last=True),
            )
            if span.opens < span.closes:
                yield span

    def _hours_of(self, day: date) -> Sequence[OpeningTimes]:
        name = day.isoformat()
        if name in self._dates:
            return self._dates[name]
        return self._yearly.get(name[5:], self._week[day.weekday()])


def _instant(wall: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """The moment, in UTC, at which the wall clock shows this time.

    Args:
        wall: without a time zone.
        last: of a time that the clock shows twice, the second.
    """
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if before <= after:
        return after if last else before
    # The clock skips this time (PEP 495): the moment of the turn is between the two readings.
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((before - after).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (after + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return after + timedelta(seconds=high)
