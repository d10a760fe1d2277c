"""The figures of `make eval`, on rankings small enough to be worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality.measures import (
    DEPTH,
    abstention,
    area_under_curve,
    difference,
    estimate,
    holds,
    ranked,
    sweep,
)


@pytest.mark.parametrize(
    ("ranking", "first", "fifth", "reciprocal"),
    [
        ("abcdefgh", 1, 1, 1),
        ("bacdefgh", 0, 1, 1 / 2),
        ("bcdeafgh", 0, 1, 1 / 5),
        ("bcdefagh", 0, 0, 1 / 6),
        ("bcdefghi", 0, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_a_ranking_is_worth_the_place_of_its_first_right_passage(
    ranking: str, first: float, fifth: float, reciprocal: float
) -> None:
    assert ranked(ranking, gold={"a"}) == (first, fifth, reciprocal)


def test_the_better_of_two_right_passages_counts() -> None:
    assert ranked("bca", gold={"a", "c"}).reciprocal == 1 / 2


def test_what_no_reply_would_be_written_from_is_not_found() -> None:
    assert ranked(["x"] * DEPTH + ["a"], gold={"a"}).reciprocal == 0


def test_an_estimate_is_the_mean_within_its_interval() -> None:
    found = estimate([1.0] * 30 + [0.0] * 70)
    assert found.value == pytest.approx(0.3)
    # The normal approximation gives 0.30 ± 0.09.
    assert found.low == pytest.approx(0.21, abs=0.02)
    assert found.high == pytest.approx(0.39, abs=0.02)
    assert estimate([1.0] * 30 + [0.0] * 70) == found
    assert math.isnan(estimate([]).value)


def test_a_difference_is_drawn_in_pairs() -> None:
    """Question by question one is always ahead by a tenth: there is nothing uncertain in that."""
    ours = [0.1 + n / 100 for n in range(50)]
    theirs = [n / 100 for n in range(50)]
    found = difference(ours, theirs)
    assert [found.low, found.high] == pytest.approx([0.1, 0.1])


def test_abstention_is_counted_from_both_sides() -> None:
    #           turned away: right, right, wrong;  answered: wrong, right, right
    abstained = [True, True, True, False, False, False]
    answerable = [False, False, True, False, True, True]
    found = abstention(abstained=abstained, answerable=answerable)
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.turned_away.value == pytest.approx(1 / 3)
    assert found.holds(0.66)
    assert not found.holds(0.67)


def test_whoever_answers_everything_is_not_good_at_abstaining() -> None:
    assert not abstention(abstained=[False, False], answerable=[True, False]).holds(0.01)


@pytest.mark.parametrize(
    ("scores", "area"),
    [([3, 4, 1, 2], 1.0), ([1, 2, 3, 4], 0.0), ([1, 1, 1, 1], 0.5), ([1, 4, 2, 3], 0.5)],
)
def test_the_area_is_the_chance_of_the_right_order(scores: list[float], area: float) -> None:
    assert area_under_curve(scores, positive=[True, True, False, False]) == area


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1))
def test_a_sweep_says_what_abstaining_below_each_score_comes_to(
    rows: list[tuple[int, bool]],
) -> None:
    scores, answerable = [float(score) for score, _ in rows], [can for _, can in rows]
    for step in sweep(scores, answerable=answerable):
        abstained = [score < step.below for score in scores]
        found = abstention(abstained=abstained, answerable=answerable)
        if any(abstained):
            assert step.precision == pytest.approx(found.precision.value)
        if not all(answerable):
            assert step.recall == pytest.approx(found.recall.value)
        if any(answerable):
            assert step.turned_away == pytest.approx(found.turned_away.value)


def test_an_answer_holds_what_it_should_however_it_is_written() -> None:
    text = "On **Saturday**: 9:30\u00a0to 17:00, it costs ~€19~."
    assert holds(text, gold=["saturday: 9:30 to 17:00", "€19"])
    assert holds(text, gold=["half past nine|9:30"])
    assert not holds(text, gold=["9:30 to 17:00", "€24"])
