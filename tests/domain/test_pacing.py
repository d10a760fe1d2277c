"""Whoever asks before each message stays within what Meta allows to one person."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.pacing import (
    DEFAULT_PACE,
    METAS_BURST,
    METAS_REFILL,
    PairPace,
    after_one,
    wait_before_next,
)

START = datetime(2026, 3, 1, tzinfo=UTC)

gaps = st.lists(st.integers(0, 30_000).map(lambda ms: timedelta(milliseconds=ms)), max_size=120)
paces = st.integers(1, METAS_BURST).map(PairPace)


def sent_at(gaps: list[timedelta], pace: PairPace) -> list[datetime]:
    """When messages go out that are wanted with these gaps between them."""
    now, whole_at = START, 0
    moments = []
    for gap in gaps:
        now += gap
        now += wait_before_next(whole_at, now=now, pace=pace)
        assert not wait_before_next(whole_at, now=now, pace=pace), "who has waited may send"
        whole_at = after_one(whole_at, now=now, pace=pace)
        moments.append(now)
    return moments


@given(gaps, paces)
def test_no_window_has_more_than_meta_allows(gaps: list[timedelta], pace: PairPace) -> None:
    moments = sent_at(gaps, pace)
    for first in range(len(moments)):
        for last in range(first, len(moments)):
            window = moments[last] - moments[first]
            count = last - first + 1
            assert count <= pace.burst + window // METAS_REFILL
            assert count <= METAS_BURST + window // METAS_REFILL


@given(gaps)
def test_a_wait_is_never_longer_than_one_refill(gaps: list[timedelta]) -> None:
    wanted = START
    latest = None
    for gap, moment in zip(gaps, sent_at(gaps, DEFAULT_PACE), strict=True):
        wanted = max(wanted, latest or START) + gap
        assert moment - wanted <= METAS_REFILL
        latest = moment


def test_a_burst_is_free_and_then_one_goes_every_six_seconds() -> None:
    burst = DEFAULT_PACE.burst
    moments = sent_at([timedelta()] * (burst + 3), DEFAULT_PACE)
    assert [(moment - START).total_seconds() for moment in moments] == [0] * burst + [6, 12, 18]


def test_a_minute_of_silence_makes_ten_messages_good() -> None:
    whole_at = 0
    for _ in range(DEFAULT_PACE.burst):
        whole_at = after_one(whole_at, now=START)
    assert wait_before_next(whole_at, now=START) == timedelta(seconds=6)
    later = START + timedelta(seconds=60)
    assert [wait_before_next(whole_at, now=later)] == [timedelta()]
    assert sent_at([timedelta()] * 10, DEFAULT_PACE)[-1] == START


def test_a_clock_that_goes_back_lets_nothing_more_through() -> None:
    whole_at = 0
    for _ in range(DEFAULT_PACE.burst):
        whole_at = after_one(whole_at, now=START)
    assert wait_before_next(whole_at, now=START - timedelta(seconds=4)) == timedelta(seconds=10)
