"""Finds the passages that may answer a question: by meaning and by words, fused into one ranking.

On the critical path of every reply, so what can run at once does: the words are searched in
PostgreSQL while the model server embeds the question.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from adapters.openai.embeddings import ModelNotOffered, Vector
from adapters.openai.errors import ModelServerError
from adapters.postgres.passages import LexicalResult, Passages, StoredPassage
from adapters.query_embeddings import QueryEmbeddings
from adapters.vectors.index import EmbeddingSpace, VectorIndex, VectorIndexError
from contracts.embedding import EmbeddingModel
from contracts.ids import DocumentId, KnowledgeBaseId, OrganizationId, PassageId
from domain.fusion import best_per_passage, fuse
from telemetry import get_logger

CANDIDATES: Final = 30
"""Of each leg, as measured with the fusion; more did not help."""

REMEMBERED_MODELS: Final = 10_000
"""Knowledge bases whose model is known beforehand; a wrong guess costs one embedding."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that may answer. `score` ranks within one search; `dense_score` is a cosine."""

    passage_id: PassageId
    score: float
    dense_score: float | None
    lexical_score: float | None
    document_id: DocumentId
    title: str
    heading: str | None
    text: str
    page: int | None
    position: int


@dataclass(frozen=True, slots=True)
class Retrieved:
    hits: list[Hit]
    """Best first."""
    lexical_only: bool = False
    """Meaning could not be searched: the model server or the vector index did not answer."""


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
        expected = list(
            {self._models.get(base, self._embeddings.default) for base in knowledge_base_ids}
        )
        lexical, embedded = await asyncio.gather(
            self._passages.search_words(
                organization_id,
                knowledge_base_ids=knowledge_base_ids,
                queries=queries,
                limit=CANDIDATES,
            ),
            # Ahead: which models these knowledge bases have is only known with the words.
            asyncio.gather(*(self._embed(organization_id, queries, one) for one in expected)),
        )
        dense = await self._search_meaning(
            organization_id,
            lexical=lexical,
            queries=queries,
            ahead=dict(zip(expected, embedded, strict=True)),
        )
        # Cosines of different models do not compare, so each space is standardised with the words
        # by itself: what is far above the rest in its own space comes first.
        empty: list[list[Mapping[PassageId, float]]] = [[{} for _ in queries]]
        ranking = best_per_passage(
            fuse(by_meaning, lexical=by_words)
            for space in dense or empty
            for by_meaning, by_words in zip(space, lexical.ranks, strict=True)
        )
        # Twice as many are read: what is dropped leaves no gap.
        candidates = ranking[: 2 * limit]
        stored = await self._passages.by_id(
            organization_id, passage_ids=[candidate.passage_id for candidate in candidates]
        )
        hits = [
            _hit(passage, candidate.score, candidate.dense, candidate.lexical)
            for candidate in candidates
            if (passage := stored.get(candidate.passage_id)) is not None
            and passage.knowledge_base_id in knowledge_base_ids
        ]
        return Retrieved(hits[:limit], lexical_only=dense is None)

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
    ) -> list[list[Mapping[PassageId, float]]] | None:
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
        ) -> list[Mapping[PassageId, float]] | None:
            if model in ahead:
                vectors = ahead[model]
            else:
                vectors = await self._embed(organization_id, queries, model)
            if vectors is None:
                return None
            return await self._search_space(
                organization_id,
                EmbeddingSpace(model.name, dimension),
                bases,
                vectors=vectors,
                hidden=lexical.hidden,
            )

        searches = (search(*space, bases) for space, bases in by_space.items())
        answered = [hits for hits in await asyncio.gather(*searches) if hits is not None]
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


def _hit(passage: StoredPassage, score: float, dense: float | None, lexical: float | None) -> Hit:
    return Hit(
        passage_id=passage.passage_id,
        score=score,
        dense_score=dense,
        lexical_score=lexical,
        document_id=passage.document_id,
        title=passage.title,
        heading=passage.heading,
        text=passage.text,
        page=passage.page,
        position=passage.position,
    )
