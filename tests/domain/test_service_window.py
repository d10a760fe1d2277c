"""Meta's customer service window."""

from datetime import UTC, datetime, timedelta

from domain.service_window import MARGIN, WINDOW, closes_at, is_open

WROTE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_it_closes_a_little_before_metas_closes() -> None:
    assert WROTE + WINDOW - timedelta(minutes=10) < closes_at(WROTE) < WROTE + WINDOW
    assert is_open(WROTE, closes_at(WROTE) - timedelta(seconds=1))
    assert not is_open(WROTE, closes_at(WROTE))


def test_a_message_that_comes_a_day_late_finds_it_closed() -> None:
    assert not is_open(WROTE, WROTE + WINDOW - MARGIN)
    assert not is_open(WROTE, WROTE + timedelta(days=3))


def test_metas_clock_may_be_ahead_of_ours() -> None:
    assert is_open(WROTE, WROTE - timedelta(seconds=30))


def test_nobody_is_written_to_who_has_not_written() -> None:
    assert not is_open(None, WROTE)
