"""The way of a knowledge base into another embedding space, and that nobody else can touch it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.postgres.database import Database
from adapters.postgres.embedding_spaces import (
    EmbeddingSpaces,
    OtherModel,
    Progress,
    begin_move,
    call_off_move,
)
from adapters.postgres.ingestion import Ingestions, SpaceMoved
from adapters.postgres.tables import KnowledgeBase
from contracts.embedding import EmbeddingModel, ReembedKnowledgeBase
from contracts.ids import OrganizationId, PassageId
from domain.chunking import Chunk
from migrations import upgrade
from tests.knowledge import MODEL, Knowledge, new_knowledge

NEW = EmbeddingModel(name="another-model", dimensions=32)


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    await upgrade(database_url)
    database = Database(database_url)
    yield database
    await database.close()


@dataclass
class Move:
    """A knowledge base with two passages, on its way into its second space."""

    knowledge: Knowledge
    spaces: EmbeddingSpaces
    ref: ReembedKnowledgeBase

    async def base(self) -> KnowledgeBase:
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            return await session.get_one(KnowledgeBase, self.ref.knowledge_base_id)

    async def left(self) -> list[PassageId]:
        passages = await self.spaces.left(self.ref, number=2, limit=10)
        return [passage.passage_id for passage in passages]


async def staged(knowledge: Knowledge, *texts: str) -> tuple[Ingestions, dict[str, object]]:
    """What `activate` takes, of a version that is not switched on."""
    ref = await knowledge.add("any")
    ingestions = Ingestions(knowledge.database)
    chunks = [Chunk(text, 0, len(text), None, None) for text in texts]
    version = await ingestions.stage(ref, chunks=chunks)
    return ingestions, {
        "ref": ref, "version": version, "passage_count": len(texts), "content_sha256": "any"
    }  # fmt: skip


@pytest.fixture
async def move(database: Database) -> Move:
    knowledge = await new_knowledge(database)
    ingestions, version = await staged(knowledge, "apples", "pears")
    await ingestions.activate(**version)  # type: ignore[arg-type] # made above
    move = Move(
        knowledge,
        EmbeddingSpaces(database),
        ReembedKnowledgeBase(
            organization_id=knowledge.organization_id,
            knowledge_base_id=knowledge.knowledge_base_id,
        ),
    )
    async with database.tenant(knowledge.organization_id) as session:
        base = await session.get_one(KnowledgeBase, knowledge.knowledge_base_id)
        begin_move(base, to=NEW)
        session.add(base)
    return move


@pytest.fixture
async def theirs(move: Move, database: Database) -> ReembedKnowledgeBase:
    """Another organisation that names the knowledge base as its own."""
    stranger: OrganizationId = (await new_knowledge(database)).organization_id
    return move.ref.model_copy(update={"organization_id": stranger})


async def test_it_arrives_when_every_passage_is_marked(move: Move) -> None:
    first, second = await move.left()
    assert await move.spaces.arrive(move.ref, number=2) is False
    owner = move.ref.organization_id
    await move.spaces.mark(owner, number=2, passage_ids=[first])
    assert await move.left() == [second]
    assert await move.spaces.progress(move.ref, number=2) == Progress(done=1, total=2)
    assert (await move.base()).reindexing_progress == 0.5
    await move.spaces.accept_dimension(move.ref, number=2, dimension=32)
    await move.spaces.mark(owner, number=2, passage_ids=[second])
    assert await move.spaces.arrive(move.ref, number=2) is True
    base = await move.base()
    assert (base.embedding_model, base.requested_dimension, base.embedding_dimension) == (
        "another-model", 32, 32,
    )  # fmt: skip
    assert (base.space_number, base.next_space_number) == (2, None)


async def test_a_number_that_was_called_off_is_not_given_again(move: Move) -> None:
    base = await move.base()
    call_off_move(base)
    begin_move(base, to=NEW)
    assert base.next_space_number == 3


async def test_a_version_of_the_space_before_cannot_be_switched_on(move: Move) -> None:
    ingestions, version = await staged(move.knowledge, "plums")
    await move.spaces.mark(move.ref.organization_id, number=2, passage_ids=await move.left())
    assert await move.spaces.arrive(move.ref, number=2)
    with pytest.raises(SpaceMoved):
        await ingestions.activate(**version)  # type: ignore[arg-type] # made above


async def test_a_model_that_changes_its_size_on_the_way_is_refused(move: Move) -> None:
    await move.spaces.accept_dimension(move.ref, number=2, dimension=32)
    with pytest.raises(OtherModel, match="32 numbers and now gives 64"):
        await move.spaces.accept_dimension(move.ref, number=2, dimension=64)


async def test_a_stranger_learns_nothing_and_changes_nothing(
    move: Move, theirs: ReembedKnowledgeBase
) -> None:
    before = (await move.base()).model_dump()
    assert await move.spaces.of(theirs) is None
    assert await move.spaces.left(theirs, number=2, limit=10) == []
    await move.spaces.accept_dimension(theirs, number=2, dimension=7)
    await move.spaces.fail(theirs, error="gone")
    assert await move.spaces.progress(theirs, number=2) == Progress(done=0, total=0)
    ours = await move.left()
    await move.spaces.mark(theirs.organization_id, number=2, passage_ids=ours)
    assert await move.left() == ours
    assert (await move.base()).model_dump() == before


async def test_a_stranger_does_not_switch_it(move: Move, theirs: ReembedKnowledgeBase) -> None:
    await move.spaces.mark(move.ref.organization_id, number=2, passage_ids=await move.left())
    await move.spaces.arrive(theirs, number=2)
    assert (await move.base()).embedding_model == MODEL
