"""Opens what writes and finds knowledge, as the settings say: embeddings, vectors, retrieval."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from openai import AsyncOpenAI

from adapters.cache_lookups import CountLookup, uncounted
from adapters.dynamodb.shared_vectors import SharedVectors
from adapters.openai.embeddings import Embeddings
from adapters.openai.tokens import count_tokens
from adapters.postgres.database import Database
from adapters.postgres.passages import Passages
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retriever
from adapters.vectors.index import VectorIndex
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from settings import Settings


@dataclass(frozen=True)
class Knowledge:
    embeddings: Embeddings
    index: VectorIndex
    retriever: Retriever


@asynccontextmanager
async def open_knowledge(
    settings: Settings,
    database: Database,
    *,
    shared: SharedVectors,
    count: CountLookup = uncounted,
) -> AsyncIterator[Knowledge]:
    """Connections are made when first used; all are closed at the end.

    Args:
        shared: vectors of questions, of all processes.
        count: told of each look-up in a cache.
    """
    async with AsyncExitStack() as stack:
        key = settings.parley_embedding_api_key or settings.openai_api_key
        client = AsyncOpenAI(
            # Local servers take any key, but the SDK insists on one.
            api_key=key.get_secret_value() if key else "none",
            base_url=settings.parley_embedding_base_url or settings.openai_base_url,
            max_retries=0,
        )
        stack.push_async_callback(client.close)
        embeddings = Embeddings(
            client,
            model=settings.parley_embedding_model,
            count_tokens=count_tokens,
            offered=settings.parley_embedding_models,
        )
        queries = QueryEmbeddings(embeddings, shared=shared, count=count)
        stack.push_async_callback(queries.close)
        index = _index(settings, database)
        if isinstance(index, PineconeIndex):
            stack.push_async_callback(index.close)
        yield Knowledge(
            embeddings=embeddings,
            index=index,
            retriever=Retriever(Passages(database), index=index, embeddings=queries),
        )


def _index(settings: Settings, database: Database) -> VectorIndex:
    if settings.resolved_vector_store == "pgvector":
        return PgVectorIndex(database)
    api_key = settings.pinecone_api_key
    assert api_key is not None  # noqa: S101 - the settings require it with this store
    return PineconeIndex(
        api_key=api_key,
        index_name=settings.pinecone_index,
        default_model=settings.parley_embedding_model,
        controller_host=settings.pinecone_controller_host,
    )
