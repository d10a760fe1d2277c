"""Fusing two rankings into one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import PassageId
from domain.fusion import best_per_passage, fuse

A, B, C = PassageId("a"), PassageId("b"), PassageId("c")

scores = st.dictionaries(
    st.sampled_from([PassageId(f"psg_{n}") for n in range(20)]),
    st.floats(-1e3, 1e3, allow_nan=False),
)


def order(dense: dict[PassageId, float], lexical: dict[PassageId, float]) -> list[PassageId]:
    return [passage.passage_id for passage in fuse(dense, lexical=lexical)]


def test_meaning_weighs_more_than_words() -> None:
    assert order({A: 0.9, B: 0.8}, {B: 0.5}) == [A, B]


def test_words_decide_between_equal_meanings() -> None:
    assert order({A: 0.9, B: 0.899, C: 0.2}, {B: 0.5}) == [B, A, C]


def test_the_mix_is_the_weighted_sum_of_standard_scores() -> None:
    [first, second] = fuse({A: 0.9, B: 0.7}, lexical={B: 0.4})
    assert (first.passage_id, first.dense, first.lexical) == (A, 0.9, None)
    assert first.score == pytest.approx(0.7 * 1 + 0.3 * -1)
    assert second.score == pytest.approx(0.7 * -1 + 0.3 * 1)


def test_one_leg_alone_ranks_by_itself() -> None:
    assert order({}, {A: 0.1, B: 0.3}) == [B, A]
    assert order({A: 0.1, B: 0.3}, {}) == [B, A]
    assert fuse({}, lexical={}) == []


def test_a_passage_counts_as_what_its_best_query_makes_it() -> None:
    rankings = [fuse({A: 0.9, B: 0.1}, lexical={}), fuse({B: 0.9, C: 0.1}, lexical={})]
    best = best_per_passage(rankings)
    assert [passage.passage_id for passage in best] == [A, B, C]
    assert best[1].dense == 0.9


@given(dense=scores, lexical=scores)
def test_every_candidate_is_ranked_once_by_a_finite_score(
    dense: dict[PassageId, float], lexical: dict[PassageId, float]
) -> None:
    fused = fuse(dense, lexical=lexical)
    assert {passage.passage_id for passage in fused} == dense.keys() | lexical.keys()
    assert len(fused) == len(dense.keys() | lexical.keys())
    assert all(math.isfinite(passage.score) for passage in fused)
    assert [p.score for p in fused] == sorted((p.score for p in fused), reverse=True)


@given(dense=scores, factor=st.floats(0.5, 10), shift=st.floats(-10, 10))
def test_the_scale_of_a_leg_does_not_matter(
    dense: dict[PassageId, float], factor: float, shift: float
) -> None:
    dense = {id_: round(score, 3) for id_, score in dense.items()}
    scaled = {id_: score * factor + shift for id_, score in dense.items()}
    originals = {p.passage_id: p.score for p in fuse(dense, lexical={})}
    for passage in fuse(scaled, lexical={}):
        assert passage.score == pytest.approx(originals[passage.passage_id], abs=1e-4)
