"""Finds the passages that may answer a question: by meaning and by words, fused into one ranking.

On the critical path of every reply, so what can run at once does: the words are searched in
PostgreSQL while the model server embeds the question.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final

from adapters.hits import Clock, Hit, Retrieved, best_hits, ranked
from adapters.openai.embeddings import Vector
from adapters.openai.errors import ModelServerError
from adapters.postgres.passages import LexicalResult, Passages, StoredPassage
from adapters.query_embeddings import QueryEmbeddings
from adapters.vectors.index import VectorIndex, VectorIndexError
from contracts.ids import KnowledgeBaseId, OrganizationId, PassageId
from domain.fusion import best_per_passage, fuse
from domain.relevance import least_cosine
from domain.reranking import RERANKED
from telemetry import get_logger

__all__ = ["Hit", "Retrieved", "Retriever"]

CANDIDATES: Final = 30
"""Of each leg, as measured with the fusion; more did not help."""

_log = get_logger(__name__)


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
            index: vectors of the same model as `embeddings`.
            embeddings: embeds the questions.
            patience_seconds: for the question's embedding, and for the index; then words decide.
        """
        self._passages = passages
        self._index = index
        self._embeddings = embeddings
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
        lexical, vectors = await asyncio.gather(
            clock.time(
                "words",
                self._passages.search_words(
                    organization_id,
                    knowledge_base_ids=knowledge_base_ids,
                    queries=queries,
                    limit=CANDIDATES,
                ),
            ),
            clock.time("embedding", self._embed(organization_id, queries)),
        )
        dense = await clock.time(
            "meaning", self._search_meaning(organization_id, lexical=lexical, vectors=vectors)
        )
        legs = list(zip(dense or [{} for _ in queries], lexical.ranks, strict=True))
        rankings = [fuse(by_meaning, lexical=by_words) for by_meaning, by_words in legs]
        # More are read than are needed: what is dropped leaves no gap.
        read = max(2 * limit, RERANKED)
        best = [one.passage_id for one in best_per_passage(rankings)[:read]]
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
            least = None if dense is None else least_cosine(self._embeddings.model)
            found: list[Hit] = []
            for query, ranking, scores in zip(queries, rankings, legs, strict=True):
                candidates = [one for one in ranking if one.passage_id in passages]
                found += ranked(query, candidates, passages=passages, legs=scores, least=least)
            hits = list(islice(best_hits(found), limit))
        return Retrieved(
            hits, lexical_only=dense is None, least_cosine=least, timings=clock.timings()
        )

    async def passages_by_id(
        self, organization_id: OrganizationId, *, passage_ids: Collection[PassageId]
    ) -> dict[PassageId, StoredPassage]:
        """Those of the passages that the organisation still has and that are switched on."""
        return await self._passages.by_id(organization_id, passage_ids=passage_ids)

    async def _embed(
        self, organization_id: OrganizationId, queries: Sequence[str]
    ) -> list[Vector] | None:
        try:
            return await self._embeddings.embed(organization_id, queries, timeout=self._patience)
        except ModelServerError as error:
            _log.warning(
                "question_not_embedded", organization_id=organization_id, reason=str(error)
            )
            return None

    async def _search_meaning(
        self,
        organization_id: OrganizationId,
        *,
        lexical: LexicalResult,
        vectors: list[Vector] | None,
    ) -> list[Mapping[PassageId, float]] | None:
        """`None` when it could not be searched, which is not the same as having found nothing."""
        if vectors is None:
            return None
        dimension = len(vectors[0])
        bases = [base for base in lexical.knowledge_bases if base.embedding_dimension is not None]
        comparable = [
            base.knowledge_base_id
            for base in bases
            if base.embedding_model == self._embeddings.model
            and base.embedding_dimension == dimension
        ]
        if len(comparable) < len(bases):
            _log.warning(
                "knowledge_bases_of_another_model",
                organization_id=organization_id,
                count=len(bases) - len(comparable),
            )
        if not comparable:
            return None if bases else [{} for _ in vectors]
        try:
            async with asyncio.timeout(self._patience):
                return await self._index.search(
                    organization_id,
                    knowledge_base_ids=comparable,
                    vectors=vectors,
                    limit=CANDIDATES,
                    hidden=lexical.hidden,
                )
        except (VectorIndexError, TimeoutError) as error:
            _log.warning("vectors_not_searched", organization_id=organization_id, reason=str(error))
            return None
