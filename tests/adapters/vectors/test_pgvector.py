"""What is pgvector's own: when an index is used, and that it finds what comparing all does."""

import random

import pytest
from sqlalchemy import text

from adapters.postgres.database import Database
from adapters.postgres.ingestion import Ingestions
from adapters.vectors import pgvector
from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector
from adapters.vectors.pgvector import PgVectorIndex, VectorSearch
from contracts.ids import PassageId
from domain.chunking import Chunk
from tests.knowledge import Knowledge, new_knowledge

PASSAGES = 150
LIMIT = 5


def directions(count: int, dimension: int) -> list[list[float]]:
    chance = random.Random(7)  # noqa: S311 - the same vectors in every run
    return [[chance.gauss(0, 1) for _ in range(dimension)] for _ in range(count)]


async def filled(database: Database, space: EmbeddingSpace) -> Knowledge:
    """A knowledge base with so many vectors that the nearest of a question are few of them."""
    knowledge = await new_knowledge(database)
    ref = await knowledge.add("any")
    ingestions = Ingestions(database)
    chunks = [Chunk(f"text {n}", 0, 6, None, None) for n in range(PASSAGES)]
    version = await ingestions.stage(ref, chunks=chunks)
    _, staged = await ingestions.staged(ref, version=version, start=0, end=PASSAGES)
    await PgVectorIndex(database).upsert(
        DocumentVersion(ref.organization_id, ref.knowledge_base_id, ref.document_id, version),
        [
            PassageVector(passage.passage_id, passage.position, vector)
            for passage, vector in zip(staged, directions(PASSAGES, space.dimension), strict=True)
        ],
        space=space,
    )
    await ingestions.activate(ref, version=version, passage_count=PASSAGES, content_sha256="any")
    return knowledge


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of vectors is enough for an index."""
    monkeypatch.setattr(pgvector, "FEWEST_INDEXED", 0)
    monkeypatch.setattr(pgvector, "WORTH", 0)


async def nearest(
    database: Database, knowledge: Knowledge, space: EmbeddingSpace, *, limit: int = LIMIT
) -> list[PassageId]:
    [hits] = await PgVectorIndex(database).search(
        knowledge.organization_id,
        space=space,
        knowledge_base_ids=[knowledge.knowledge_base_id],
        vectors=directions(1, space.dimension),
        limit=limit,
    )
    return list(hits)


async def plan(
    database: Database, knowledge: Knowledge, space: EmbeddingSpace, *, indexed: bool
) -> str:
    """What PostgreSQL would do, after a search in the same transaction has said how."""
    scope = {"knowledge_base_ids": [knowledge.knowledge_base_id]}
    vectors = directions(1, space.dimension)
    async with database.tenant(knowledge.organization_id) as session:
        connection = await session.connection()
        search = VectorSearch(space, scope, vectors, LIMIT, indexed=indexed)
        await search.hits(connection, window=LIMIT)
        statement = pgvector.search_statement(space.dimension, indexed=indexed)
        rows = await connection.execute(
            text(f"EXPLAIN {statement.text}"),
            {**scope, "vectors": [str(vectors[0])], "model": space.model, "window": LIMIT},
        )
        return "\n".join(row[0] for row in rows)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("dimension", [384, 3072])
async def test_the_index_is_used_under_row_level_security_and_finds_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch, dimension: int
) -> None:
    space = EmbeddingSpace("m", dimension)
    knowledge = await filled(database, space)
    by_index = await nearest(database, knowledge, space)
    assert f"ix_passage_embeddings_hnsw_{dimension}" in await plan(
        database, knowledge, space, indexed=True
    )
    monkeypatch.setattr(pgvector, "FEWEST_INDEXED", 10 * PASSAGES)
    one_by_one = await nearest(database, knowledge, space)
    assert "hnsw" not in await plan(database, knowledge, space, indexed=False)
    assert by_index == one_by_one
    assert len(by_index) == LIMIT


@pytest.mark.usefixtures("eager")
async def test_others_vectors_are_passed_over(database: Database) -> None:
    space = EmbeddingSpace("m", 384)
    one, other = await filled(database, space), await filled(database, space)
    found = await nearest(database, one, space, limit=30)
    assert len(found) == 30
    assert not set(found) & set(await nearest(database, other, space, limit=30))


@pytest.mark.usefixtures("eager")
async def test_an_index_that_finds_too_few_is_followed_by_comparing_all(database: Database) -> None:
    space = EmbeddingSpace("m", 384)
    knowledge = await filled(database, space)
    assert len(await nearest(database, knowledge, space, limit=PASSAGES + 10)) == PASSAGES


@pytest.mark.usefixtures("eager")
async def test_a_size_without_an_index_is_searched_all_the_same(database: Database) -> None:
    space = EmbeddingSpace("m", 100)
    knowledge = await filled(database, space)
    assert len(await nearest(database, knowledge, space)) == LIMIT


@pytest.mark.parametrize(
    ("own", "everybodys", "pays_off"),
    [
        (1_000, 1_000, False),
        (10_000, 10_000, True),
        (10_000, 111_000, False),
        (100_000, 111_000, True),
        (100_000, 10_000_000, False),
    ],
)
def test_the_border_is_where_it_was_measured(own: int, everybodys: int, pays_off: bool) -> None:
    assert pgvector.pays_off(own=own, everybodys=everybodys) is pays_off
