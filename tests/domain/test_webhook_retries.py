"""When an endpoint is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.webhook_retries import (
    ATTEMPTS,
    LONGEST_DELAY,
    delay_after,
    is_to_be_disabled,
    read_retry_after,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_tries_spread_over_most_of_a_day() -> None:
    delays = [delay_after(attempt, jitter=0) for attempt in range(1, ATTEMPTS)]
    assert delays[:3] == [timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=45)]
    assert delays == sorted(delays)
    assert max(delays) == LONGEST_DELAY
    assert timedelta(hours=20) < sum(delays, timedelta()) < timedelta(hours=24)


def test_jitter_makes_a_delay_longer_and_never_shorter() -> None:
    assert delay_after(1, jitter=1) == timedelta(seconds=6)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 15), (1, 15), (60, 60), (10**9, LONGEST_DELAY.total_seconds())],
    ids=["nothing", "less than we would", "more", "far too much"],
)
def test_a_receiver_may_ask_for_longer(asked: float | None, seconds: float) -> None:
    assert delay_after(2, jitter=0, retry_after=asked) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("1" * 400, 111111111),
        ("٣", None),
        ("Sun, 99 Mar 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    assert read_retry_after(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("failing", "attempt", "expected"),
    [
        (None, 12, False),
        (timedelta(days=2, hours=23), 12, False),
        (timedelta(days=3), 3, True),
        (timedelta(days=9), 2, False),
    ],
    ids=["has just worked", "not for long enough", "for 3 days", "may be chance"],
)
def test_what_fails_for_days_is_given_up(
    failing: timedelta | None, attempt: int, expected: bool
) -> None:
    since = None if failing is None else NOW - failing
    assert is_to_be_disabled(failing_since=since, attempt=attempt, now=NOW) is expected
