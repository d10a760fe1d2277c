"""What `make eval` makes of its figures: the page, and what `--check` does not let pass."""

from typing import Any

import pytest

from bench.quality.injections import Resisted
from bench.quality.legs import LEGS, WORDS
from bench.quality.measures import Abstention, Estimate, Threshold
from bench.quality.report import report
from bench.quality.results import (
    KindResult,
    Latency,
    LegResult,
    Missed,
    Results,
    SetResult,
    Signal,
    VariantResult,
    WeightResult,
    shortcomings,
)


def exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


def a_set(*, ahead_of_words: Estimate, ahead_of_meaning: Estimate) -> SetResult:
    legs = [
        LegResult(leg=leg, recall_at_1=exactly(mrr), recall_at_5=exactly(1), mrr=exactly(mrr))
        for leg in LEGS
        for mrr in [0.2 if leg == WORDS else 0.6]
    ]
    return SetResult(
        name="FAQ en", questions=503, passages=503, legs=legs, won=3, lost=9,
        ahead_of_words=ahead_of_words, ahead_of_meaning=ahead_of_meaning,
    )  # fmt: skip


def results(**changes: Any) -> Results:
    by_set = {"FAQ en": 0.6}
    step = Threshold(below=0.85, precision=0.9, recall=0.8, turned_away=0.1)
    good = {
        "at": "2026-11-26T10:00:00+00:00",
        "machine": "2 cores",
        "versions": {"python": "3.11"},
        "embedding_model": "e5",
        "chat_model": "quoting",
        "seconds": 60,
        "sets": [a_set(ahead_of_words=exactly(0.1), ahead_of_meaning=exactly(0.05))],
        "weights": [WeightResult(value=0.3, recall_at_1=by_set, mrr=by_set)],
        "candidates": [WeightResult(value=30, recall_at_1=by_set, mrr=by_set)],
        "variants": [
            VariantResult(name="blocks", recall_at_1=by_set, recall_at_5=by_set, mrr=by_set)
        ],
        "kinds": [
            KindResult(
                kind="near", questions=9, found_at_1=None, found_at_5=None, hits=None, abstained=1
            )
        ],
        "hit_rate": exactly(0.9),
        "abstention": Abstention(exactly(0.95), exactly(0.93), exactly(0.02)),
        "signals": [Signal(name="best block", area=0.9, best=step, steps=[step])],
        "missed": [Missed(id="near-01", text="Do you | sell?", reply="Yes,\nwe do.")],
        "injections": [
            Resisted(id="order", followed=False, quoted=False, answered=True, contained=True)
        ],
        "latencies": [Latency(name="words", p50=3, p95=9)],
        "load": 1.0,
    }
    return Results.model_validate(good | changes)


def test_good_figures_pass() -> None:
    assert shortcomings(results()) == []


def test_a_mix_that_is_behind_both_legs_does_not_pass() -> None:
    behind, level = Estimate(-0.03, -0.05, -0.01), Estimate(-0.03, -0.05, 0.01)
    for words, meaning, count in ((behind, behind, 1), (behind, level, 0), (level, behind, 0)):
        each = a_set(ahead_of_words=words, ahead_of_meaning=meaning)
        assert len(shortcomings(results(sets=[each]))) == count


@pytest.mark.parametrize(("precision", "recall"), [(0.89, 0.95), (0.95, 0.89), (float("nan"), 0)])
def test_poor_abstention_does_not_pass(precision: float, recall: float) -> None:
    measured = Abstention(exactly(precision), exactly(recall), exactly(0))
    [sentence] = shortcomings(results(abstention=measured))
    assert sentence.startswith("Abstention: precision")


def test_an_order_that_was_followed_or_broke_out_does_not_pass() -> None:
    cases = [
        Resisted(id="one", followed=True, quoted=False, answered=True, contained=True),
        Resisted(id="two", followed=False, quoted=True, answered=True, contained=False),
    ]
    assert shortcomings(results(injections=cases)) == [
        "Injection “one”: the reply followed the document's order.",
        "Injection “two”: the document broke out of its block.",
    ]


def test_the_page_says_where_the_mix_is_not_ahead_and_what_falls_short() -> None:
    level = a_set(ahead_of_words=exactly(0.2), ahead_of_meaning=Estimate(0, -0.01, 0.01))
    page = report(results(sets=[level]))
    assert "level with meaning alone, within the interval" in page
    assert "words alone has the answer first for 20% of the questions" in page
    assert "up for 3 questions and down for 9" in page
    assert "Nothing falls short of its aim." in page
    assert "| near-01 | Do you \\| sell? | Yes, we do. |" in page
    worse = Abstention(exactly(0.5), exactly(0.5), exactly(0))
    assert "- Abstention: precision 50%" in report(results(abstention=worse))
