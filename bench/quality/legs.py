"""Rankings of the same passages by each leg alone, by their mix, and by the product as it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import TextClause, text

from adapters.postgres.passages import TEXT_SEARCH_CONFIGURATION, Passages
from adapters.retrieval import CANDIDATES
from adapters.vectors.index import EmbeddingSpace
from bench.quality.bm25 import Bm25, words
from bench.quality.measures import DEPTH
from bench.quality.stage import Stage
from contracts.ids import KnowledgeBaseId, PassageId
from domain import fusion

WIDE: Final = 100
"""Of each leg, to see what more candidates would do."""

BM25, STEMMED, WORDS, MEANING, FUSED, PRODUCT = (
    "BM25", "BM25, stemmed", "words", "meaning", "fused", "product",
)  # fmt: skip
LEGS: Final = (BM25, STEMMED, WORDS, MEANING, FUSED, PRODUCT)

Scores = Mapping[PassageId, float]


@dataclass(frozen=True)
class Found:
    """What the legs say of one question: the scores of each of its queries."""

    by_meaning: Sequence[Scores]
    by_words: Sequence[Scores]
    rankings: Mapping[str, Sequence[PassageId]]
    """By leg, best first."""
    best_cosine: float
    """Of what the product found; 0 when nothing was found by meaning."""

    def fused(
        self, *, lexical_weight: float = fusion.LEXICAL_WEIGHT, candidates: int = CANDIDATES
    ) -> list[PassageId]:
        """The product's mix with other constants, best first."""
        with patch.object(fusion, "LEXICAL_WEIGHT", lexical_weight):
            return [passage.passage_id for passage in self.mixed(candidates=candidates)]

    def mixed(self, *, candidates: int = CANDIDATES) -> list[fusion.FusedPassage]:
        """The product's mix of the legs, with its scores."""
        return fusion.best_per_passage(
            fusion.fuse(first(meaning, candidates), lexical=first(by_words, candidates))
            for meaning, by_words in zip(self.by_meaning, self.by_words, strict=True)
        )


class Legs:
    """All ways to search some knowledge bases of the library."""

    def __init__(
        self,
        stage: Stage,
        *,
        knowledge_base_ids: Sequence[KnowledgeBaseId],
        plain: Bm25,
        stemmed: Bm25,
    ) -> None:
        self._stage = stage
        self._passages = Passages(stage.database)
        self._organization_id = stage.library.organization_id
        self.knowledge_base_ids = knowledge_base_ids
        self._plain = plain
        self._stemmed = stemmed

    @classmethod
    async def over(cls, stage: Stage, knowledge_base_ids: Sequence[KnowledgeBaseId]) -> "Legs":
        filed = await stage.library.passages(knowledge_base_ids)
        stems: dict[str, list[str]] = {id_: [] for id_ in filed}
        for id_, lexeme, count in await _rows(stage, _STEMS, ids=list(filed)):
            stems[id_] += [lexeme] * count
        return cls(
            stage,
            knowledge_base_ids=knowledge_base_ids,
            plain=Bm25({id_: words(passage.searched) for id_, passage in filed.items()}),
            stemmed=Bm25(stems),
        )

    async def search(self, queries: Sequence[str]) -> Found:
        """The question whose queries these are, in every way."""
        lexical = await self._passages.search_words(
            self._organization_id,
            knowledge_base_ids=self.knowledge_base_ids,
            queries=queries,
            limit=WIDE,
        )
        vectors = await self._stage.knowledge.embeddings.embed(queries, kind="query")
        dense = await self._stage.knowledge.index.search(
            self._organization_id,
            knowledge_base_ids=self.knowledge_base_ids,
            space=EmbeddingSpace(self._stage.knowledge.embeddings.model, len(vectors[0])),
            vectors=vectors,
            limit=WIDE,
        )
        product = await self._stage.knowledge.retriever.search(
            self._organization_id,
            knowledge_base_ids=self.knowledge_base_ids,
            queries=queries,
            limit=DEPTH,
        )
        stems = [await self._stems(query) for query in queries]
        found = Found(
            by_meaning=dense,
            by_words=lexical.ranks,
            rankings={},
            best_cosine=max((hit.dense_score or 0.0 for hit in product.hits), default=0.0),
        )
        rankings = {
            BM25: best_of(self._plain.scores(words(query)) for query in queries),
            STEMMED: best_of(self._stemmed.scores(stem) for stem in stems),
            WORDS: best_of(lexical.ranks),
            MEANING: best_of(dense),
            FUSED: found.fused(),
            PRODUCT: [hit.passage_id for hit in product.hits],
        }
        return Found(found.by_meaning, found.by_words, rankings, found.best_cosine)

    async def _stems(self, query: str) -> list[str]:
        knowledge_base = self.knowledge_base_ids[0]
        rows = await _rows(
            self._stage, _STEMS_OF_QUERY, query=query, knowledge_base_id=knowledge_base
        )
        return [lexeme for (lexeme,) in rows]


# How often a lexeme is in a passage is the number of its positions.
_STEMS = text("""
SELECT passage.id, word.lexeme, cardinality(word.positions)
FROM passages AS passage CROSS JOIN LATERAL unnest(passage.search_vector) AS word
WHERE passage.id = ANY(CAST(:ids AS text[]))
""")

_STEMS_OF_QUERY = text(f"""
SELECT word.lexeme FROM knowledge_bases AS knowledge_base
CROSS JOIN LATERAL unnest(to_tsvector({TEXT_SEARCH_CONFIGURATION}, :query)) AS word
WHERE knowledge_base.id = :knowledge_base_id
""")  # noqa: S608 - the interpolated text is a constant of ours


async def _rows(stage: Stage, statement: TextClause, **values: object) -> Sequence[Any]:
    async with stage.database.tenant(stage.library.organization_id) as session:
        connection = await session.connection()
        return (await connection.execute(statement, values)).all()


def best_of(scores: Iterable[Mapping[Any, float]]) -> list[PassageId]:
    """Best first, each passage as good as its best query makes it."""
    best: dict[PassageId, float] = {}
    for of_query in scores:
        for id_, score in of_query.items():
            best[id_] = max(score, best.get(id_, score))
    return sorted(best, key=lambda id_: (-best[id_], id_))


def first(scores: Scores, count: int) -> Scores:
    order = sorted(scores, key=lambda id_: (-scores[id_], id_))
    return {id_: scores[id_] for id_ in order[:count]}
