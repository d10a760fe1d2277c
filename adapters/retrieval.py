"""Finds the passages that may answer a question: by meaning and by words, fused into one ranking.

On the critical path of every reply, so what can run at once does: the words are searched in
PostgreSQL while the model server embeds the question.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from cachetools import LRUCache

from adapters.hits import Clock, Hit, Retrieved, best_hits, ranked
from adapters.openai.embeddings import ModelNotOffered, Vector
from adapters.openai.errors import ModelServerError
from adapters.postgres.passages import LexicalResult, Passages, StoredPassage
from adapters.query_embeddings import QueryEmbeddings
from adapters.vectors.index import EmbeddingSpace, VectorIndex, VectorIndexError
from contracts.embedding import EmbeddingModel
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId
from domain.fusion import best_per_passage, fuse
from domain.relevance import least_cosine
from domain.reranking import RERANKED
from telemetry import get_logger

__all__ = ["Hit", "Retrieved", "Retriever"]

CANDIDATES: Final = 30
"""Of each leg, as measured with the fusion; more did not help."""

REMEMBERED_MODELS: Final = 10_000
"""Knowledge bases whose model is known beforehand; a wrong guess costs one embedding."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Near:
    """What is nearest in one space."""

    model: str
    hits: list[Mapping[PassageId, float]]
    """For each query the passages with their cosine."""


class Retriever:
    """Searches knowledge bases of one organisation at a time."""

    def __init__(
        self,
        passages: Passages,
        *,
        index: VectorIndex,
        embeddings: QueryEmbeddings,
        patience_seconds: float = 5,
    ) -> None:
        """
        Args:
            passages: where hits are read, under row-level security.
            index: vectors of every space.
            embeddings: embeds the questions, for whatever model.
            patience_seconds: for the question's embedding, and for the index; then words decide.
        """
        self._passages = passages
        self._index = index
        self._embeddings = embeddings
        self._models: LRUCache[KnowledgeBaseId, EmbeddingModel] = LRUCache(REMEMBERED_MODELS)
        self._patience = patience_seconds

    async def search(
        self,
        organization_id: OrganizationId,
        *,
        knowledge_base_ids: Collection[KnowledgeBaseId],
        queries: Sequence[str],
        limit: int,
    ) -> Retrieved:
        """The best passages for any of the queries, each as good as its best query makes it.

        Every hit has been read in PostgreSQL as this organisation's, of one of these knowledge
        bases and of the version that is switched on.
        """
        queries = [query for query in queries if query.strip()]
        if not queries or not knowledge_base_ids:
            return Retrieved([])
        clock = Clock()
        expected = list(
            {self._models.get(base, self._embeddings.default) for base in knowledge_base_ids}
        )
        lexical, embedded = await asyncio.gather(
            clock.time(
                "words",
                self._passages.search_words(
                    organization_id,
                    knowledge_base_ids=knowledge_base_ids,
                    queries=queries,
                    limit=CANDIDATES,
                ),
            ),
            # Ahead: which models these knowledge bases have is only known with the words.
            clock.time(
                "embedding",
                asyncio.gather(*(self._embed(organization_id, queries, one) for one in expected)),
            ),
        )
        dense = await clock.time(
            "meaning",
            self._search_meaning(
                organization_id,
                lexical=lexical,
                queries=queries,
                ahead=dict(zip(expected, embedded, strict=True)),
            ),
        )
        # Cosines of different models do not compare, so each space is standardised with the words
        # by itself: what is far above the rest in its own space comes first.
        nothing: list[Mapping[PassageId, float]] = [{} for _ in queries]
        unmeasured = [_Near(self._embeddings.default.name, nothing)]
        spaces = [
            (
                None if dense is None else least_cosine(near.model),
                list(zip(near.hits, lexical.ranks, strict=True)),
            )
            for near in dense or unmeasured
        ]
        rankings = [
            [fuse(by_meaning, lexical=by_words) for by_meaning, by_words in legs]
            for _, legs in spaces
        ]
        # More are read than are needed: what is dropped leaves no gap.
        read = max(2 * limit, RERANKED)
        best = [one.passage_id for one in best_per_passage(chain(*rankings))[:read]]
        stored = await clock.time(
            "reading", self._passages.by_id(organization_id, passage_ids=best)
        )
        with clock.timing("ranking"):
            passages = {
                passage_id: stored[passage_id]
                for passage_id in best
                if passage_id in stored
                and stored[passage_id].knowledge_base_id in knowledge_base_ids
            }
            found: list[Hit] = []
            for (least, legs), ranked_queries in zip(spaces, rankings, strict=True):
                for query, ranking, scores in zip(queries, ranked_queries, legs, strict=True):
                    candidates = [one for one in ranking if one.passage_id in passages]
                    found += ranked(query, candidates, passages=passages, legs=scores, least=least)
            hits = list(islice(best_hits(found), limit))
        return Retrieved(
            hits,
            lexical_only=dense is None,
            least_cosine=_one_of({least for least, _ in spaces}),
            timings=clock.timings(),
        )

    async def passages_by_id(
        self, organization_id: OrganizationId, *, passage_ids: Collection[PassageId]
    ) -> dict[PassageId, StoredPassage]:
        """Those of the passages that the organisation still has and that are switched on."""
        return await self._passages.by_id(organization_id, passage_ids=passage_ids)

    async def _embed(
        self, organization_id: OrganizationId, queries: Sequence[str], model: EmbeddingModel
    ) -> list[Vector] | None:
        try:
            return await self._embeddings.embed(
                organization_id, queries, timeout=self._patience, model=model
            )
        except (ModelServerError, ModelNotOffered) as error:
            _log.warning(
                "question_not_embedded", organization_id=organization_id, reason=str(error)
            )
            return None

    async def _search_meaning(
        self,
        organization_id: OrganizationId,
        *,
        lexical: LexicalResult,
        queries: Sequence[str],
        ahead: Mapping[EmbeddingModel, list[Vector] | None],
    ) -> list["_Near"] | None:
        """Of each space its hits for each query. `None` when none could be searched, which is not
        the same as having found nothing."""
        by_space: dict[tuple[EmbeddingModel, int], list[KnowledgeBaseId]] = {}
        for base in lexical.knowledge_bases:
            self._models[base.knowledge_base_id] = base.model
            if base.embedding_dimension is not None:
                space = (base.model, base.embedding_dimension)
                by_space.setdefault(space, []).append(base.knowledge_base_id)
        if not by_space:
            return None if all(vectors is None for vectors in ahead.values()) else []

        async def search(
            model: EmbeddingModel, dimension: int, bases: Sequence[KnowledgeBaseId]
        ) -> "_Near | None":
            if model in ahead:
                vectors = ahead[model]
            else:
                vectors = await self._embed(organization_id, queries, model)
            if vectors is None:
                return None
            hits = await self._search_space(
                organization_id,
                EmbeddingSpace(model.name, dimension),
                bases,
                vectors=vectors,
                hidden=lexical.hidden,
            )
            return None if hits is None else _Near(model.name, hits)

        searches = (search(*space, bases) for space, bases in by_space.items())
        answered = [near for near in await asyncio.gather(*searches) if near is not None]
        return answered or None

    async def _search_space(
        self,
        organization_id: OrganizationId,
        space: EmbeddingSpace,
        knowledge_base_ids: Sequence[KnowledgeBaseId],
        *,
        vectors: list[Vector],
        hidden: Collection[tuple[DocumentId, int]],
    ) -> list[Mapping[PassageId, float]] | None:
        if len(vectors[0]) != space.dimension:
            _log.warning(
                "knowledge_bases_of_another_size",
                organization_id=organization_id,
                count=len(knowledge_base_ids),
            )
            return None
        try:
            async with asyncio.timeout(self._patience):
                return await self._index.search(
                    organization_id,
                    space=space,
                    knowledge_base_ids=knowledge_base_ids,
                    vectors=vectors,
                    limit=CANDIDATES,
                    hidden=hidden,
                )
        except (VectorIndexError, TimeoutError) as error:
            _log.warning("vectors_not_searched", organization_id=organization_id, reason=str(error))
            return None


def _one_of(thresholds: Collection[float | None]) -> float | None:
    """What holds for all spaces; None where each has its own."""
    return next(iter(thresholds)) if len(thresholds) == 1 else None
