"""Puts the real activities of ingestion together, for tests."""

from collections.abc import Callable, Collection
from typing import Any

from openai import AsyncOpenAI

from activities.ingestion import IngestionActivities
from activities.passage_embedding import EmbeddingQuota, EmbeddingUsage, PassageEmbedder
from adapters.openai.embeddings import Embeddings
from adapters.parsing.parser import DocumentParser
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.kept_embeddings import KeptEmbeddings
from adapters.vectors.index import VectorIndex
from adapters.vectors.pgvector import PgVectorIndex
from tests.knowledge import MODEL, Knowledge, MemoryUsage


class NoLimit:
    """A quota that is never used up."""

    async def turn(self, *_who: object, **_what: object) -> float | None:
        return None


def words(text: str) -> int:
    return len(text.split())


def ingestion_activities(
    knowledge: Knowledge,
    client: AsyncOpenAI,
    *,
    model: str = MODEL,
    offered: Collection[str] = (),
    tokens: Callable[[str], int] = words,
    index: VectorIndex | None = None,
    quota: EmbeddingQuota | None = None,
    usage: EmbeddingUsage | None = None,
    door: Callable[[Any], Any] = lambda adapter: adapter,
) -> IngestionActivities:
    """The real activities on the knowledge's stores.

    Args:
        offered: embedding models that the platform has besides this one.
        door: put before each adapter, to see or to spoil what the activities ask of it.
    """
    ingestions = door(Ingestions(knowledge.database))
    return IngestionActivities(
        ingestions,
        contents=door(knowledge.contents),
        parser=door(DocumentParser()),
        embedder=PassageEmbedder(
            ingestions,
            kept=door(KeptEmbeddings(knowledge.database)),
            embeddings=door(Embeddings(client, model=model, count_tokens=tokens, offered=offered)),
            quota=door(quota or NoLimit()),
            usage=door(usage or MemoryUsage()),
            count_tokens=tokens,
        ),
        index=door(index or PgVectorIndex(knowledge.database)),
        count_tokens=tokens,
    )
