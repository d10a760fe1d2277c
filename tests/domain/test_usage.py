"""Whatever was used, in whatever time zone: parts add up to their totals, and nothing is lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ids import ChannelId
from domain.pricing import PriceTable
from domain.usage import (
    COST,
    QUARTER,
    Cell,
    Usage,
    aggregate,
    embedding,
    generation,
    inbound_message,
    outbound_message,
    quarter_of,
    settled_until,
)
from domain.usage_periods import (
    EARLIEST,
    LATEST,
    Granularity,
    Periods,
    TooManyPeriods,
    carried_forward,
    periods_between,
)

MONTH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
GRANULARITIES: tuple[Granularity, ...] = ("hour", "day", "month")
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
CHANNELS = st.sampled_from([ChannelId("chn_a"), ChannelId("chn_b")])
MODELS = st.sampled_from(["gpt-5-mini", "gpt-5-mini-2025-08-07", "our-own"])
TOKENS = st.integers(0, 100_000)
USAGES = st.one_of(
    st.builds(inbound_message, CHANNELS, st.sampled_from(["text", "image", "audio"])),
    st.builds(outbound_message, CHANNELS, st.sampled_from(["text", "template"])),
    st.builds(
        generation, CHANNELS, MODELS, input_tokens=TOKENS, cached_tokens=TOKENS,
        output_tokens=TOKENS,
    ),
    st.builds(embedding, st.just("text-embedding-3-small"), tokens=TOKENS),
)  # fmt: skip
EVENTS = st.lists(
    st.tuples(
        st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 31, 23, 59), timezones=st.just(UTC)),
        USAGES,
    ),
    max_size=40,
)


def amounts_of(events: list[tuple[datetime, Usage]]) -> dict[Cell, int]:
    by_quarter: dict[datetime, list[Usage]] = {}
    for moment, usage in events:
        by_quarter.setdefault(quarter_of(moment), []).append(usage)
    return {
        cell: value
        for quarter, usages in by_quarter.items()
        for cell, value in aggregate(quarter, usages, prices=PriceTable()).items()
    }


@settings(deadline=None)
@given(events=EVENTS, zone=ZONES)
def test_hours_days_and_months_come_to_the_same_total(
    events: list[tuple[datetime, Usage]], zone: ZoneInfo
) -> None:
    amounts = amounts_of(events)
    totals: Counter[str] = Counter()
    for cell, value in amounts.items():
        totals[cell.metric] += value
    for granularity in GRANULARITIES:
        periods = periods_between(*MONTH, zone=zone, granularity=granularity)
        parts: Counter[str] = Counter()
        for (_, _, _, metric), value in periods.sums(amounts).items():
            parts[metric] += value
        assert parts == totals


@settings(deadline=None)
@given(events=EVENTS)
def test_what_was_used_is_what_is_counted(events: list[tuple[datetime, Usage]]) -> None:
    used: Counter[tuple[str | None, str | None, str]] = Counter()
    for _, usage in events:
        for metric, count in usage.counts.items():
            used[usage.channel_id, usage.model, metric] += count
    counted: Counter[tuple[str | None, str | None, str]] = Counter()
    for cell, value in amounts_of(events).items():
        if cell.metric != COST:
            counted[cell.channel_id, cell.model, cell.metric] += value
    assert counted == +used


@settings(deadline=None)
@given(
    zone=ZONES,
    start=st.datetimes(datetime(2000, 1, 2), datetime(2099, 1, 1), timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(seconds=1), timedelta(days=25)),
    granularity=st.sampled_from(GRANULARITIES),
)
def test_periods_cover_what_was_asked_for_without_gaps(
    zone: ZoneInfo, start: datetime, length: timedelta, granularity: Granularity
) -> None:
    periods = periods_between(start, start + length, zone=zone, granularity=granularity)
    assert periods.start <= start
    assert periods.end >= start + length
    assert periods.boundaries == sorted(set(periods.boundaries))
    assert all(quarter_of(boundary) == boundary for boundary in periods.boundaries)
    assert periods.index_of(start) == 0
    for begins, ends in periods.spans():
        local, last = begins.astimezone(zone), (ends - QUARTER).astimezone(zone)
        assert local.date() == last.date() or granularity == "month"
        assert (local.year, local.month) == (last.year, last.month)
        assert local.hour == last.hour or granularity != "hour"


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Madrid", "2026-03-29", 23),
        ("Europe/Madrid", "2026-10-25", 25),
        ("Asia/Kathmandu", "2026-03-29", 24),
        ("America/Santiago", "2026-09-06", 23),  # its midnight is skipped
        ("America/Havana", "2026-11-01", 25),  # its midnight comes twice
        ("Australia/Lord_Howe", "2026-04-05", 25),  # half an hour longer: one hour is half
    ],
)
def test_a_day_has_the_hours_that_its_clocks_show(zone: str, day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    [(start, end)] = periods_between(
        noon, noon + QUARTER, zone=ZoneInfo(zone), granularity="day"
    ).spans()
    assert start.astimezone(ZoneInfo(zone)).date() == noon.date()
    by_hour = periods_between(start, end, zone=ZoneInfo(zone), granularity="hour")
    assert (by_hour.start, by_hour.end, len(by_hour)) == (start, end, hours)


def test_midnight_in_kathmandu_lies_between_full_hours_of_utc() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    start = datetime(2026, 3, 1, tzinfo=zone)
    periods = periods_between(start, start + QUARTER, zone=zone, granularity="day")
    assert periods.start == datetime(2026, 2, 28, 18, 15, tzinfo=UTC)


def test_more_periods_than_an_answer_may_have_are_refused_without_counting_them() -> None:
    for granularity in GRANULARITIES:
        with pytest.raises(TooManyPeriods):
            periods_between(EARLIEST, LATEST, zone=ZoneInfo("UTC"), granularity=granularity)
    two_years = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert len(periods_between(*two_years, zone=ZoneInfo("UTC"), granularity="day")) == 730


def test_a_quarter_is_final_a_quarter_after_its_end() -> None:
    at_noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert settled_until(at_noon) == at_noon - QUARTER
    assert settled_until(at_noon - timedelta(microseconds=1)) == at_noon - 2 * QUARTER


def test_a_level_lasts_until_another_is_measured_and_is_unknown_before_the_first() -> None:
    at = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(7)]
    measured = [(at[1], 5), (at[1] + QUARTER, 6), (at[3], 4)]
    assert carried_forward(measured, Periods(at), until=at[4]) == [None, 6, 6, 4, 4, None]
    assert carried_forward([(at[0] - QUARTER, 9)], Periods(at), until=at[6]) == [9] * 6
