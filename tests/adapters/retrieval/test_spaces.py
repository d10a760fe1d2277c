"""Knowledge bases of different embedding models, searched at once."""

import pytest
from openai import AsyncOpenAI
from sqlmodel import col, update

from adapters.openai.embeddings import Embeddings, ModelNotOffered
from adapters.openai.errors import ModelServerError
from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.passages import Passages
from adapters.postgres.tables import KnowledgeBase
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retrieved, Retriever
from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector
from adapters.vectors.pgvector import PgVectorIndex
from contracts.embedding import EmbeddingModel
from contracts.ids import OrganizationId
from domain.chunking import Chunk
from tests.embedding_server import EmbeddingServer, vector_of
from tests.knowledge import MODEL, Knowledge, new_knowledge

OTHER = EmbeddingModel(name="another-model", dimensions=32)


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def embeddings(embedding_client: AsyncOpenAI) -> Embeddings:
    return Embeddings(embedding_client, model=MODEL, count_tokens=words, offered=[OTHER.name])


class Shelves:
    """Two knowledge bases of one organisation, each of its own model."""

    def __init__(
        self, database: Database, first: Knowledge, second: Knowledge, embeddings: Embeddings
    ) -> None:
        self.database = database
        self.first, self.second = first, second
        self.index = PgVectorIndex(database)
        self.retriever = Retriever(
            Passages(database), index=self.index, embeddings=QueryEmbeddings(embeddings)
        )

    async def put(self, knowledge: Knowledge, *texts: str, space: EmbeddingSpace) -> None:
        ref = await knowledge.add("any")
        ingestions = Ingestions(self.database)
        chunks = [Chunk(text, 0, len(text), None, None) for text in texts]
        version = await ingestions.stage(ref, chunks=chunks)
        _, staged = await ingestions.staged(ref, version=version, start=0, end=len(texts))
        await ingestions.accept_dimension(ref, model=space.model, dimension=space.dimension)
        await self.index.upsert(
            DocumentVersion(ref.organization_id, ref.knowledge_base_id, ref.document_id, version),
            [
                PassageVector(
                    p.passage_id, p.position, vector_of(p.text, dimension=space.dimension)
                )
                for p in staged
            ],
            space=space,
        )
        await ingestions.activate(
            ref, version=version, passage_count=len(texts), content_sha256="any"
        )

    async def search(self, *queries: str) -> Retrieved:
        return await self.retriever.search(
            self.first.organization_id,
            knowledge_base_ids=[self.first.knowledge_base_id, self.second.knowledge_base_id],
            queries=queries,
            limit=6,
        )


@pytest.fixture
async def shelves(database: Database, embeddings: Embeddings) -> Shelves:
    first = await new_knowledge(database)
    second = await new_knowledge(database, organization_id=first.organization_id, model=OTHER.name)
    async with database.tenant(first.organization_id) as session:
        await session.exec(
            update(KnowledgeBase)
            .where(col(KnowledgeBase.id) == second.knowledge_base_id)
            .values(requested_dimension=OTHER.dimensions)
        )
    shelves = Shelves(database, first, second, embeddings)
    await shelves.put(
        first,
        "We deliver to Lisbon.",
        "We close on Sunday.",
        "Ask for Maria.",
        space=EmbeddingSpace(MODEL, 64),
    )
    await shelves.put(
        second,
        "Parking costs three euros.",
        "Dogs stay outside.",
        "Lockers need a coin.",
        space=EmbeddingSpace(OTHER.name, 32),
    )
    return shelves


async def test_the_best_of_each_space_come_first(
    shelves: Shelves, embedding_server: EmbeddingServer
) -> None:
    found = await shelves.search("deliver Lisbon", "parking costs")
    assert {hit.text for hit in found.hits[:2]} == {
        "We deliver to Lisbon.",
        "Parking costs three euros.",
    }
    assert all(hit.dense_score is not None for hit in found.hits[:2])
    assert not found.lexical_only
    assert len(embedding_server.requests) == 2, "one for each model"


async def test_a_space_whose_model_is_gone_is_searched_by_words(
    shelves: Shelves, embedding_client: AsyncOpenAI
) -> None:
    only = Embeddings(embedding_client, model=MODEL, count_tokens=words)
    shelves.retriever = Retriever(
        Passages(shelves.database), index=shelves.index, embeddings=QueryEmbeddings(only)
    )
    found = await shelves.search("deliver Lisbon", "parking costs")
    by_text = {hit.text: hit for hit in found.hits}
    assert by_text["We deliver to Lisbon."].dense_score is not None
    assert by_text["Parking costs three euros."].dense_score is None
    assert by_text["Parking costs three euros."].lexical_score is not None
    assert not found.lexical_only


async def test_the_model_of_a_knowledge_base_is_known_beforehand_the_second_time(
    shelves: Shelves, embedding_server: EmbeddingServer
) -> None:
    async def only_second(query: str) -> None:
        await shelves.retriever.search(
            shelves.second.organization_id,
            knowledge_base_ids=[shelves.second.knowledge_base_id],
            queries=[query],
            limit=1,
        )

    await only_second("parking")
    guessed = len(embedding_server.requests)
    await only_second("dogs")
    assert (guessed, len(embedding_server.requests)) == (2, 3)


async def test_a_question_has_a_vector_of_each_model(
    embeddings: Embeddings, embedding_server: EmbeddingServer
) -> None:
    queries = QueryEmbeddings(embeddings)
    owner = OrganizationId("org_1")
    for _ in range(2):
        [own] = await queries.embed(owner, ["When?"], timeout=5)
        [other] = await queries.embed(owner, ["When?"], timeout=5, model=OTHER)
        assert (len(own), len(other)) == (64, 32)
    assert len(embedding_server.requests) == 2
    with pytest.raises(ModelNotOffered, match="unheard-of"):
        await queries.embed(owner, ["When?"], timeout=5, model=EmbeddingModel(name="unheard-of"))


async def test_a_server_that_ignores_the_size_is_told_apart_from_one_that_fails(
    embeddings: Embeddings, embedding_server: EmbeddingServer
) -> None:
    embedding_server.ignores_dimensions = True
    with pytest.raises(ModelServerError, match="64 numbers, although 32") as caught:
        await embeddings.using(OTHER).embed(["text"], kind="passage")
    assert not caught.value.retryable
