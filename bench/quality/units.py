"""Passages in other units than parts, each with a vector of its own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bench.quality.library import Filed
from bench.quality.stage import Stage
from contracts.ids import PassageId
from domain.passage_parts import under_titles
from local.model.prompt_reader import ShownPassage
from local.model.quotable import blocks

Unit = Literal["whole passage", "block", "sentence"]
UNITS: Final[Sequence[Unit]] = ("whole passage", "block", "sentence")
"""A block is a paragraph, a list, a table or the answer to a question, under its heading."""

Vectors = NDArray[np.float32]

BATCH: Final = 64
"""Texts in one request: a CPU takes a quarter of a second for each."""


class UnitVectors:
    """The vectors of all units of some passages, to be compared with a question at once."""

    def __init__(self, by_passage: Mapping[PassageId, Vectors]) -> None:
        self._ids = list(by_passage)
        self._matrix = np.concatenate(list(by_passage.values()))
        sizes = [len(vectors) for vectors in by_passage.values()]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    @classmethod
    async def of(cls, stage: Stage, filed: Iterable[Filed], unit: Unit) -> "UnitVectors":
        texts = {passage.passage_id: units(passage, unit) for passage in filed}
        vectors = await embedded(
            stage, [text for each in texts.values() for text in each], kind="passage"
        )
        return cls({id_: np.stack([vectors[t] for t in each]) for id_, each in texts.items()})

    def closest(self, question: Vectors) -> dict[PassageId, float]:
        """Of each passage, the cosine of its closest unit."""
        best = np.maximum.reduceat(self._matrix @ question, self._starts)
        return dict(zip(self._ids, best.tolist(), strict=True))


def units(passage: Filed, unit: Unit) -> list[str]:
    """As they are compared: under their heading. A passage without any is one unit."""
    if unit == "whole passage":
        return [under_titles(passage.title, heading=passage.heading, text=passage.text)]
    shown = ShownPassage(number=1, title=passage.title, section=passage.heading, text=passage.text)
    found = blocks(shown)
    if unit == "block":
        return [block.compared for block in found] or [passage.text]
    pieces = [block.compared_piece(n) for block in found for n in range(len(block.pieces))]
    return pieces or [passage.text]


async def embedded(
    stage: Stage, texts: Iterable[str], *, kind: Literal["query", "passage"]
) -> dict[str, Vectors]:
    """The vector of each distinct text."""
    distinct = list(dict.fromkeys(texts))
    vectors: dict[str, Vectors] = {}
    for start in range(0, len(distinct), BATCH):
        batch = distinct[start : start + BATCH]
        made = await stage.knowledge.embeddings.embed(batch, kind=kind)
        vectors.update(
            (text, np.asarray(one, dtype=np.float32)) for text, one in zip(batch, made, strict=True)
        )
    return vectors
