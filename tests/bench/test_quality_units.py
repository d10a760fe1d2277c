"""Baselines and smaller units of `make eval`, on texts and vectors small enough to see through."""

import numpy as np
import pytest

from bench.quality.bm25 import Bm25, words
from bench.quality.library import Filed
from bench.quality.units import UnitVectors, units
from contracts.ids import KnowledgeBaseId, PassageId

A, B = PassageId("a"), PassageId("b")


def test_the_closest_unit_speaks_for_its_passage() -> None:
    vectors = UnitVectors(
        {
            A: np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32),
            B: np.array([[0.6, 0.8, 0]], dtype=np.float32),
        }
    )
    found = vectors.closest(np.array([0, 1, 0], dtype=np.float32))
    assert found == {A: 1, B: pytest.approx(0.8)}


def test_a_passage_falls_into_blocks_and_these_into_sentences() -> None:
    text = "We open at nine. We close at six.\n\n- Tea\n- Coffee"
    passage = Filed(A, KnowledgeBaseId("kb"), "Café", "Hours", text)
    assert units(passage, "block") == [
        "Hours: We open at nine. We close at six.",
        "Hours: Tea; Coffee",
    ]
    assert units(passage, "sentence") == [
        "Hours: We open at nine.", "Hours: We close at six.", "Hours: Tea", "Hours: Coffee",
    ]  # fmt: skip


def test_words_of_every_script_are_whole() -> None:
    assert words("Où est l'Élan? नई साइकिल 2024") == [
        "où",
        "est",
        "l",
        "élan",
        "नई",
        "साइकिल",
        "2024",
    ]


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    index = Bm25({"a": ["the", "tandem"], "b": ["the", "shop"], "c": ["the", "shop"]})
    found = index.scores(["the", "tandem"])
    assert max(found, key=lambda id_: found[id_]) == "a"
    assert found["a"] > found["b"] == found["c"] > 0
    assert index.scores(["unknown"]) == {}
    assert index.scores([]) == {}
