"""What quotas count, when they begin anew, and what is beyond them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.quotas import QUOTA_NAMES, QuotaName, Quotas
from domain.quotas import (
    MEASURES,
    Period,
    Reached,
    Used,
    Verdict,
    just_reached,
    metered,
    state_of,
    verdict,
    windows,
)

ZONES: Sequence[str] = (
    "UTC",
    "Europe/Madrid",
    "America/Havana",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Asia/Beirut",
)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)
)


def quotas(**stored: Any) -> Quotas:
    return Quotas.of(stored)


def used(*, messages: int = 0, tokens: int = 0) -> dict[Period, Used]:
    return dict.fromkeys(("minute", "day", "month"), Used(messages, tokens))


@given(moments, st.sampled_from(ZONES))
def test_a_window_is_open_until_the_date_changes_where_the_organisation_is(
    now: datetime, timezone: str
) -> None:
    zone = ZoneInfo(timezone)
    for period, window in windows(now, timezone=timezone).items():
        assert window.ends > now
        last = window.ends - timedelta(microseconds=1)
        assert windows(last, timezone=timezone)[period] == window
        after = windows(window.ends, timezone=timezone)[period]
        assert after.label > window.label
        if period == "day":
            assert last.astimezone(zone).date() == now.astimezone(zone).date()
        if period == "month":
            assert last.astimezone(zone).month == now.astimezone(zone).month


@pytest.mark.parametrize(
    ("now", "day_ends", "hours"),
    [
        ("2026-03-29T12:00+02:00", "2026-03-29T22:00+00:00", 23),
        ("2026-10-25T12:00+01:00", "2026-10-25T23:00+00:00", 25),
    ],
    ids=["spring", "autumn"],
)
def test_a_day_of_daylight_saving_is_as_long_as_it_is(now: str, day_ends: str, hours: int) -> None:
    moment = datetime.fromisoformat(now)
    day = windows(moment, timezone="Europe/Madrid")["day"]
    before = windows(moment - timedelta(days=1), timezone="Europe/Madrid")["day"]
    assert day.ends == datetime.fromisoformat(day_ends)
    assert day.ends - before.ends == timedelta(hours=hours)


def test_an_unknown_time_zone_counts_as_utc() -> None:
    now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert windows(now, timezone="Mars/Olympus") == windows(now, timezone="UTC")


def test_what_is_stored_is_read_with_its_shorthand_and_without_the_unknown() -> None:
    read = quotas(messages_per_day=5, tokens_per_day={"soft": 1, "hard": 2}, of_old=3)
    assert set(read.limits) == {"messages_per_day", "tokens_per_day"}
    assert (read.limits["messages_per_day"].soft, read.limits["messages_per_day"].hard) == (None, 5)
    assert metered(read) == {"day"}
    assert metered(quotas()) == set()


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20))
def test_as_many_messages_are_answered_as_the_limit_allows(
    hard: int, before: int, fresh: int
) -> None:
    found = verdict(quotas(messages_per_day=hard), used(messages=before + fresh), fresh=fresh)
    assert found.allowed == max(0, min(fresh, hard - before))
    assert found.by == ("messages_per_day" if found.allowed < fresh else None)


def test_tokens_stop_everything_once_they_are_used_up() -> None:
    limits = quotas(tokens_per_month=100)
    assert verdict(limits, used(tokens=99), fresh=3) == Verdict(allowed=3)
    assert verdict(limits, used(tokens=100), fresh=3) == Verdict(0, by="tokens_per_month")


def test_a_soft_limit_stops_nothing() -> None:
    limits = quotas(messages_per_day={"soft": 0}, tokens_per_day={"soft": 0})
    assert verdict(limits, used(messages=50, tokens=50), fresh=1) == Verdict(allowed=1)


def test_of_several_limits_the_longest_is_named_and_the_tightest_counts() -> None:
    limits = quotas(messages_per_person_per_minute=1, messages_per_month=3)
    assert verdict(limits, used(messages=4), fresh=2) == Verdict(0, by="messages_per_month")


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=20),
    st.integers(1, 40),
    st.sampled_from(QUOTA_NAMES),
)
def test_a_limit_is_reached_once_however_the_counts_come(
    steps: list[int], maximum: int, name: QuotaName
) -> None:
    unit = MEASURES[name].unit
    limits = quotas(**{name: {"soft": maximum, "hard": maximum}})
    total, reached = 0, []
    for step in steps:
        total += step
        counted = {unit: step}
        reached += just_reached(limits, used(**{unit: total}), **counted)
    expected = [Reached(name, "soft"), Reached(name, "hard")] if total >= maximum else []
    assert reached == expected


@pytest.mark.parametrize(
    ("count", "soft", "hard", "state"),
    [
        (0, None, None, "ok"),
        (4, 5, 9, "ok"),
        (5, 5, 9, "soft"),
        (9, 5, 9, "hard"),
        (9, None, 9, "hard"),
        (0, None, 0, "hard"),
        (100, 5, None, "soft"),
    ],
)
def test_the_state_says_what_is_reached(
    count: int, soft: int | None, hard: int | None, state: str
) -> None:
    assert state_of(count, soft=soft, hard=hard) == state
