"""When a business is open, by the wall clock of its time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.business_hours import WEEKDAYS, BusinessHours, OpeningHours
from domain.opening_words import opening_sentence

MADRID = ZoneInfo("Europe/Madrid")
ZONES = [
    "UTC", "Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "America/Santiago",
]  # fmt: skip


def hours(zone: str = "Europe/Madrid", holidays: Any = (), **week: Any) -> OpeningHours:
    return OpeningHours(
        BusinessHours.model_validate({
            "timezone": zone,
            "week": {day: times(*spans) for day, spans in week.items()},
            "holidays": holidays,
        }),
        default_zone=ZoneInfo("UTC"),
    )  # fmt: skip


def times(*spans: str) -> list[dict[str, str]]:
    pairs = [span.split("-") for span in spans]
    return [{"opens": opens, "closes": closes} for opens, closes in pairs]


def at(text: str, zone: ZoneInfo = MADRID, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


SHOP = hours(monday=["09:00-14:00", "17:00-20:00"], friday=["22:00-02:00"])


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-02T08:59", False),
        ("2026-03-02T09:00", True),
        ("2026-03-02T13:59", True),
        ("2026-03-02T14:00", False),
        ("2026-03-02T17:30", True),
        ("2026-03-03T09:30", False),
        ("2026-03-06T23:30", True),
        ("2026-03-07T01:59", True),
        ("2026-03-07T02:00", False),
    ],
)
def test_it_is_open_within_its_times(moment: str, is_open: bool) -> None:
    assert SHOP.is_open(at(moment)) is is_open
    assert SHOP.is_open(at(moment).astimezone(UTC)) is is_open


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-03-02T08:00", "2026-03-02T09:00"),
        ("2026-03-02T10:00", "2026-03-02T10:00"),
        ("2026-03-02T15:00", "2026-03-02T17:00"),
        ("2026-03-02T21:00", "2026-03-06T22:00"),
        ("2026-03-07T02:00", "2026-03-09T09:00"),
    ],
)
def test_it_opens_next(moment: str, opening: str) -> None:
    assert SHOP.next_opening(at(moment)) == at(opening)


def test_the_same_closing_time_is_a_whole_day() -> None:
    around = hours(monday=["00:00-00:00"])
    assert around.is_open(at("2026-03-02T00:00"))
    assert around.is_open(at("2026-03-02T23:59"))
    assert not around.is_open(at("2026-03-03T00:00"))


def test_a_holiday_has_times_of_its_own() -> None:
    shop = hours(
        holidays=[
            {"date": "2026-12-24", "hours": times("09:00-12:00")},
            {"date": "2026-12-25", "yearly": True},
        ],
        thursday=["09:00-18:00"],
        friday=["09:00-18:00"],
    )
    assert shop.is_open(at("2026-12-24T11:00"))
    assert not shop.is_open(at("2026-12-24T13:00"))
    assert shop.next_opening(at("2026-12-24T13:00")) == at("2026-12-31T09:00")
    # The 25th of another year, and the 24th, which is a holiday only once.
    assert not shop.is_open(at("2031-12-25T11:00"))
    assert shop.is_open(at("2037-12-24T13:00"))


def test_the_night_before_a_holiday_goes_on() -> None:
    bar = hours(holidays=[{"date": "2026-12-25"}], thursday=["20:00-02:00"], friday=["20:00-02:00"])
    assert bar.is_open(at("2026-12-25T01:00"))
    assert not bar.is_open(at("2026-12-25T21:00"))


def test_a_day_of_one_year_goes_before_that_of_every_year() -> None:
    shop = hours(
        holidays=[
            {"date": "2000-01-06", "yearly": True},
            {"date": "2026-01-06", "hours": times("10:00-12:00")},
        ],
        tuesday=["09:00-18:00"],
        wednesday=["09:00-18:00"],
    )
    assert shop.is_open(at("2026-01-06T11:00"))
    assert not shop.is_open(at("2027-01-06T11:00"))


def test_who_opens_on_29_february_opens_again() -> None:
    leap = hours(holidays=[{"date": "2096-02-29", "yearly": True, "hours": times("09:00-10:00")}])
    assert leap.next_opening(at("2096-03-01T00:00")) == at("2104-02-29T09:00")


def test_who_never_opens_has_no_next_opening() -> None:
    assert hours().next_opening(at("2026-03-02T09:00")) is None
    past = hours(holidays=[{"date": "2020-01-01", "hours": times("09:00-10:00")}])
    assert past.next_opening(at("2026-03-02T09:00")) is None


def test_where_the_clock_is_turned_forward_a_missing_time_is_the_turn() -> None:
    """On 29 March 2026, 02:00 to 03:00 did not exist in Madrid."""
    turn = datetime(2026, 3, 29, 1, tzinfo=UTC)
    early = hours(sunday=["02:30-06:00"])
    assert early.next_opening(turn - timedelta(hours=1)) == turn
    assert early.is_open(turn)
    late = hours(sunday=["00:00-02:30"])
    assert late.is_open(turn - timedelta(seconds=1))
    assert not late.is_open(turn)
    nothing = hours(sunday=["02:10-02:50"])
    assert not nothing.is_open(turn)
    assert nothing.next_opening(turn) == at("2026-04-05T02:10")


def test_where_the_clock_is_turned_back_it_is_open_from_the_first_to_the_last() -> None:
    """On 25 October 2026, 02:00 to 03:00 was twice in Madrid."""
    shop = hours(sunday=["02:30-02:45"])
    first, last = at("2026-10-25T02:30"), at("2026-10-25T02:45", fold=1)
    opening = shop.next_opening(first.astimezone(UTC) - timedelta(hours=1))
    assert opening is not None
    # Times that a zone has twice equal none of another zone (PEP 495).
    assert opening.astimezone(UTC) == first.astimezone(UTC)
    assert shop.is_open(last.astimezone(UTC) - timedelta(seconds=1))
    assert not shop.is_open(last.astimezone(UTC))


def test_a_day_that_a_time_zone_skips_does_not_open() -> None:
    """Samoa had no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    shop = hours("Pacific/Apia", friday=["09:00-17:00"])
    assert shop.next_opening(at("2011-12-29T12:00", apia)) == at("2012-01-06T09:00", apia)


_CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
_DAY_HOURS = st.lists(
    st.fixed_dictionaries({"opens": _CLOCK, "closes": _CLOCK}), max_size=3
)  # fmt: skip
_DATES = st.dates(date(2010, 1, 1), date(2030, 12, 31))
_HOURS = st.builds(
    lambda zone, week, holidays: BusinessHours.model_validate(
        {"timezone": zone, "week": week, "holidays": holidays}
    ),
    st.sampled_from(ZONES),
    st.fixed_dictionaries({}, optional=dict.fromkeys(WEEKDAYS, _DAY_HOURS)),
    st.lists(
        st.fixed_dictionaries(
            {"date": _DATES.map(str), "hours": _DAY_HOURS, "yearly": st.booleans()}
        ),
        max_size=3,
        unique_by=lambda holiday: (holiday["date"], holiday["yearly"]),
    ),
)
_TURNS = [
    datetime(2011, 12, 30, 10, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
]
_MOMENTS = st.datetimes(
    datetime(2010, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)
) | st.builds(
    lambda turn, minutes: turn + timedelta(minutes=minutes),
    st.sampled_from(_TURNS),
    st.integers(-1500, 1500),
)


@given(_HOURS, _MOMENTS, st.lists(st.integers(0, 999), max_size=20))
def test_the_next_opening_is_open_and_nothing_before_it_is(
    business: BusinessHours, moment: datetime, thousandths: list[int]
) -> None:
    opening_hours = OpeningHours(business, default_zone=MADRID)
    opening = opening_hours.next_opening(moment)
    if opening is None:
        until = moment + timedelta(days=800)
    else:
        until = opening.astimezone(UTC)
        assert until >= moment
        assert opening_hours.is_open(opening)
    if until == moment:
        return
    for thousandth in thousandths:
        assert not opening_hours.is_open(moment + (until - moment) // 1000 * thousandth)
    assert not opening_hours.is_open(until - timedelta(microseconds=1))


@given(_HOURS, _MOMENTS)
def test_on_an_ordinary_day_the_wall_clock_decides(
    business: BusinessHours, moment: datetime
) -> None:
    opening_hours = OpeningHours(business, default_zone=MADRID)
    local = moment.astimezone(opening_hours.zone)
    offsets = {(moment + timedelta(hours=hour)).astimezone(opening_hours.zone).utcoffset()
               for hour in range(-72, 73)}  # fmt: skip
    if len(offsets) > 1:
        return
    clock = f"{local:%H:%M}"
    today = opening_hours._hours_of(local.date())
    yesterday = opening_hours._hours_of(local.date() - timedelta(days=1))
    expected = any(
        one.opens <= clock and (clock < one.closes or one.closes <= one.opens) for one in today
    ) or any(one.closes <= one.opens and clock < one.closes for one in yesterday)
    assert opening_hours.is_open(moment) is expected


def test_hours_without_a_zone_are_the_organisations() -> None:
    business = BusinessHours.model_validate({"week": {"monday": times("09:00-10:00")}})
    shop = OpeningHours(business, default_zone=ZoneInfo("Asia/Tokyo"))
    assert shop.is_open(at("2026-03-02T09:30", ZoneInfo("Asia/Tokyo")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"week": {"monday": [{"opens": "9:00", "closes": "10:00"}]}},
        {"week": {"monday": [{"opens": "09:00", "closes": "24:00"}]}},
        {"week": {"funday": []}},
        {"holidays": [{"date": "2026-02-30"}]},
        {"holidays": [{"date": "2026-01-01"}, {"date": "2026-01-01"}]},
        {"open": True},
    ],
)
def test_what_are_no_hours_is_refused_and_does_not_close_anybody(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        BusinessHours.model_validate(wrong)
    assert BusinessHours.of(wrong) is None


NOW = at("2026-03-02T21:00")


@pytest.mark.parametrize(
    ("language", "opening", "sentence"),
    [
        ("en", "2026-03-02T22:00", "We are open again today at 22:00."),
        ("en", "2026-03-03T09:00", "We are open again tomorrow at 09:00."),
        ("en", "2026-03-06T09:00", "We are open again on Friday at 09:00."),
        ("en", "2026-03-09T09:00", "We are open again on Monday, 9 March, at 09:00."),
        ("es-MX", "2026-03-06T09:00", "Volvemos a abrir el viernes a las 09:00."),
        ("de", "2026-03-09T09:00", "Wir sind am Montag, 9. März, um 09:00 Uhr wieder da."),
        ("fr", "2026-03-09T09:00", "Nous rouvrons le lundi 9 mars à 09:00."),
        ("pt", "2026-03-07T09:00", "Voltamos a abrir no sábado às 09:00."),
        ("sv", "2026-03-09T09:00", "Vi öppnar igen på måndag den 9 mars kl. 09:00."),
        ("xx", "2026-03-03T09:00", "We are open again tomorrow at 09:00."),
        (None, "2026-03-03T09:00", "We are open again tomorrow at 09:00."),
    ],
)
def test_the_next_opening_in_words(language: str | None, opening: str, sentence: str) -> None:
    said = opening_sentence(at(opening), now=NOW.astimezone(UTC), language=language)
    assert said == sentence
