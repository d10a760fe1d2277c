"""What a search finds, ranked for the last time, and what speaks for each hit."""

import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

from adapters.postgres.passages import StoredPassage
from contracts.ids import PassageId
from domain.fusion import FusedPassage
from domain.overlaps import distinct
from domain.relevance import is_relevant
from domain.reranking import rerank
from domain.wording_match import wording_matches

T = TypeVar("T")

_PASSAGE_FIELDS: Final = [field.name for field in fields(StoredPassage)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(StoredPassage):
    """A passage that may answer, and what speaks for it."""

    score: float
    """Ranks within one search."""
    fused_score: float
    """Of meaning and words as the two legs found them, before the last ranking."""
    dense_score: float | None
    """A cosine; None: not among the nearest."""
    dense_rank: int | None
    """From 1, for the query that ranks it best."""
    lexical_score: float | None
    lexical_rank: int | None
    wording_score: float
    """0 to 1: how much of the query's wording it has."""
    relevant: bool
    """Bears on the question, by the model's least cosine or by its wording."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds. Words are searched while the question is embedded."""

    embedding: float = 0
    words: float = 0
    meaning: float = 0
    reading: float = 0
    ranking: float = 0


@dataclass(frozen=True, slots=True)
class Retrieved:
    hits: list[Hit]
    """Best first."""
    lexical_only: bool = False
    """Meaning could not be searched: the model server or the vector index did not answer."""
    least_cosine: float | None = None
    """Under which nothing counts as found; None: not known for the model."""
    timings: Timings = Timings()

    @property
    def answerable(self) -> bool:
        """Whether any passage bears on the question. Then the others are shown, too: what
        surrounds an answer often belongs to it."""
        return any(hit.relevant for hit in self.hits)


def ranked(
    query: str,
    candidates: Sequence[FusedPassage],
    *,
    passages: Mapping[PassageId, StoredPassage],
    legs: tuple[Mapping[PassageId, float], Mapping[PassageId, float]],
    least: float | None,
) -> list[Hit]:
    """The candidates of one query with what speaks for each.

    Args:
        passages: what was read of the candidates.
        legs: the scores by meaning and by words, each leg's best first.
        least: the least cosine of the model; None: not known, or not compared.
    """
    by_meaning, by_words = map(_ranks, legs)
    texts = [passages[one.passage_id] for one in candidates]
    matches = wording_matches(query, [f"{one.heading or ''}\n{one.text}" for one in texts])
    scores = rerank([one.score for one in candidates], wording=[match.score for match in matches])
    return [
        Hit(
            **{name: getattr(text, name) for name in _PASSAGE_FIELDS},
            score=score,
            fused_score=one.score,
            dense_score=one.dense,
            dense_rank=by_meaning.get(one.passage_id),
            lexical_score=one.lexical,
            lexical_rank=by_words.get(one.passage_id),
            wording_score=match.coverage,
            relevant=is_relevant(cosine=one.dense, coverage=match.coverage, least=least),
        )
        for one, text, match, score in zip(candidates, texts, matches, scores, strict=True)
    ]


def best_hits(found: Sequence[Hit]) -> Iterator[Hit]:
    """Each passage once, as good as its best query makes it, and each text once; best first."""
    best: dict[PassageId, Hit] = {}
    for hit in sorted(found, key=lambda hit: (-hit.score, hit.passage_id)):
        known = best.setdefault(hit.passage_id, hit)
        if hit.relevant and not known.relevant:
            best[hit.passage_id] = replace(known, relevant=True)
    return distinct(best.values())


def _ranks(scores: Mapping[PassageId, float]) -> dict[PassageId, int]:
    """From 1. A leg gives its hits best first."""
    return {passage_id: rank for rank, passage_id in enumerate(scores, start=1)}


class Clock:
    """How long each part of a search takes."""

    def __init__(self) -> None:
        self._milliseconds: dict[str, float] = {}

    async def time(self, name: str, work: Awaitable[T]) -> T:
        with self.timing(name):
            return await work

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._milliseconds[name] = (time.perf_counter() - start) * 1000

    def timings(self) -> Timings:
        return Timings(**self._milliseconds)
