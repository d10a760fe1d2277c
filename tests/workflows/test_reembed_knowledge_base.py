"""A knowledge base's move to another embedding model, as Temporal runs it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr
from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker
from ulid import ULID

from activities.heartbeats import Position
from activities.reembedding import ReembeddingActivities
from adapters.openai.embeddings import Embeddings
from adapters.postgres.database import Database
from adapters.postgres.embedding_spaces import EmbeddingSpaces, begin_move, call_off_move
from adapters.postgres.passages import Passages
from adapters.postgres.tables import KnowledgeBase
from adapters.query_embeddings import QueryEmbeddings
from adapters.retrieval import Retriever
from adapters.temporal.plugin import parley_plugin
from adapters.vectors.index import EmbeddingSpace, VectorIndex
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from contracts.embedding import (
    EmbeddingModel,
    FailedReembedding,
    ReembeddedBatch,
    ReembedKnowledgeBase,
)
from contracts.ids import OrganizationId, PassageId, reembedding_workflow_id
from contracts.ingestion import (
    ActivateVersion,
    ChunkedDocument,
    EmbedPassages,
    IngestDocument,
)
from contracts.names import SPACE_CHANGED_SIGNAL
from tests.embedding_server import EmbeddingServer, Failure, vector_of
from tests.http_server import serving
from tests.ingestion import ingestion_activities, words
from tests.knowledge import MODEL, Knowledge, MemoryUsage, new_knowledge
from tests.pinecone_emulator.app import PineconeEmulator
from tests.workflows.ingestion_worker import KEY_RING
from workflows.reembed_knowledge_base import ReembedKnowledgeBaseWorkflow

HISTORIES = Path(__file__).parent.parent / "histories" / "reembed_knowledge_base"

OTHER = "another-model"
NEW = EmbeddingModel(name=OTHER, dimensions=32)
BATCH = 4
"""Passages of a step, so that a few make several."""


@dataclass
class Costs(MemoryUsage):
    """What embedding for another model costs, by the first passage of a batch."""

    batches: dict[tuple[PassageId, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    async def record_reembedding(
        self,
        organization_id: OrganizationId,  # noqa: ARG002 - one organisation is enough here
        *,
        passage_id: PassageId,
        number: int,
        model: str,  # noqa: ARG002 - the tests have one
        tokens: int,
    ) -> None:
        self.batches.setdefault((passage_id, number), tokens)


class Mortal:
    """The real activities; each dies once at the named points: `before switch_space`, …"""

    def __init__(self, real: ReembeddingActivities) -> None:
        self._real = real
        self.dies: set[str] = set()
        self.meanwhile: dict[str, Callable[[], Awaitable[None]]] = {}
        """What happens once, before the step of that name."""
        self.batches = 0

    @activity.defn(name="reembed_batch")
    async def reembed_batch(self, ref: ReembedKnowledgeBase) -> ReembeddedBatch:
        await self._begin("reembed_batch")
        done = await self._real.reembed_batch(ref)
        self.batches += 1
        self._end("reembed_batch")
        return done

    @activity.defn(name="switch_space")
    async def switch_space(self, ref: ReembedKnowledgeBase) -> bool:
        await self._begin("switch_space")
        done = await self._real.switch_space(ref)
        self._end("switch_space")
        return done

    @activity.defn(name="forget_spaces")
    async def forget_spaces(self, ref: ReembedKnowledgeBase) -> None:
        await self._begin("forget_spaces")
        await self._real.forget_spaces(ref)
        self._end("forget_spaces")

    @activity.defn(name="fail_reembedding")
    async def fail_reembedding(self, request: FailedReembedding) -> None:
        await self._begin("fail_reembedding")
        await self._real.fail_reembedding(request)
        self._end("fail_reembedding")

    async def _begin(self, step: str) -> None:
        happening = self.meanwhile.pop(step, None)
        if happening is not None:
            await happening()
        self._die(f"before {step}")

    def _end(self, step: str) -> None:
        self._die(f"after {step}")

    def _die(self, point: str) -> None:
        if point in self.dies:
            self.dies.remove(point)
            raise RuntimeError(point)


class World:
    """A knowledge base whose passages are to get another model's vectors."""

    def __init__(self, knowledge: Knowledge, client: AsyncOpenAI, index: VectorIndex) -> None:
        embeddings = Embeddings(client, model=MODEL, count_tokens=words, offered=[OTHER])
        self.knowledge = knowledge
        self.index = index
        self.costs = Costs()
        self.spaces = EmbeddingSpaces(knowledge.database)
        self.ingestion = ingestion_activities(
            knowledge, client, offered=[OTHER], index=index, usage=self.costs
        )
        self.mortal = Mortal(
            ReembeddingActivities(
                self.spaces,
                embeddings=embeddings,
                index=index,
                usage=self.costs,
                batch=BATCH,
            )
        )
        self.retriever = Retriever(
            Passages(knowledge.database), index=index, embeddings=QueryEmbeddings(embeddings)
        )
        self.ref = ReembedKnowledgeBase(
            organization_id=knowledge.organization_id,
            knowledge_base_id=knowledge.knowledge_base_id,
        )

    async def base(self) -> KnowledgeBase:
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            return await session.get_one(KnowledgeBase, self.ref.knowledge_base_id)

    async def aim(self, model: EmbeddingModel | None) -> None:
        """Send the knowledge base on its way, or call that off."""
        async with self.knowledge.database.tenant(self.ref.organization_id) as session:
            base = await session.get_one(KnowledgeBase, self.ref.knowledge_base_id)
            if model is None:
                call_off_move(base)
            else:
                begin_move(base, to=model)
            session.add(base)

    async def embedded(self, ref: IngestDocument) -> ActivateVersion:
        """A document that is cut and embedded, and not switched on."""
        chunked: ChunkedDocument = await self.ingestion._chunk_document(ref, Position())
        await self.ingestion._embed_passages(
            EmbedPassages(
                document=ref,
                version=chunked.version,
                start=0,
                end=chunked.passage_count,
                passage_count=chunked.passage_count,
            ),
            Position(),
        )
        return ActivateVersion(
            document=ref,
            version=chunked.version,
            passage_count=chunked.passage_count,
            content_sha256=chunked.content_sha256,
        )

    async def switch_on(self, request: ActivateVersion) -> None:
        while await self.ingestion._activate(request) is None:
            await self.ingestion._embed_again(request, Position())

    async def add(self, *texts: str) -> None:
        for text in texts:
            await self.switch_on(await self.embedded(await self.knowledge.add(text)))

    async def found_by_meaning(self, query: str) -> str | None:
        """The text of the passage whose vector is nearest, through the whole retriever."""
        found = await self.retriever.search(
            self.ref.organization_id,
            knowledge_base_ids=[self.ref.knowledge_base_id],
            queries=[query],
            limit=1,
        )
        assert not found.lexical_only
        [best] = found.hits
        return best.text if best.dense_score is not None else None

    async def vectors(self, model: str, dimension: int) -> int:
        """How many there are in a space."""
        [hits] = await self.index.search(
            self.ref.organization_id,
            space=EmbeddingSpace(model, dimension),
            knowledge_base_ids=[self.ref.knowledge_base_id],
            vectors=[vector_of("any", dimension=dimension)],
            limit=1000,
        )
        return len(hits)

    @asynccontextmanager
    async def working(self, client: Client, *, queue: str | None = None) -> AsyncIterator[str]:
        queue = queue or f"reembedding-{ULID()}"
        async with Worker(
            client,
            task_queue=queue,
            # The test server waits for a worker that has it in its cache, also when that is gone.
            max_cached_workflows=0,
            workflows=[ReembedKnowledgeBaseWorkflow],
            activities=[
                self.mortal.reembed_batch,
                self.mortal.switch_space,
                self.mortal.forget_spaces,
                self.mortal.fail_reembedding,
            ],
        ):
            yield queue

    async def move(self, client: Client, queue: str) -> None:
        """As the API does it: start, or tell the one that runs; and wait for its end."""
        handle = await client.start_workflow(
            ReembedKnowledgeBaseWorkflow.run,
            self.ref,
            id=reembedding_workflow_id(self.ref.knowledge_base_id),
            task_queue=queue,
            start_signal=SPACE_CHANGED_SIGNAL,
        )
        await handle.result()


DAYS = [f"On day {n} we serve dish{n}." for n in range(10)]


@pytest.fixture
async def client(time_skipping_env: WorkflowEnvironment) -> Client:
    return await time_skipping_env.connect_client(plugins=[parley_plugin(KEY_RING)])


@pytest.fixture
async def world(database: Database, embedding_client: AsyncOpenAI) -> World:
    return World(await new_knowledge(database), embedding_client, PgVectorIndex(database))


@pytest.fixture
async def moving(world: World) -> World:
    await world.add(*DAYS)
    await world.aim(NEW)
    return world


async def arrived(world: World, *, passages: int = len(DAYS)) -> None:
    base = await world.base()
    assert (base.embedding_model, base.embedding_dimension) == (OTHER, 32)
    assert (base.next_space_number, base.reindexing_error) == (None, None)
    assert await world.vectors(OTHER, 32) == passages
    assert await world.vectors(MODEL, 64) == 0
    assert await world.found_by_meaning("dish7") == DAYS[7]


async def test_all_passages_get_vectors_of_the_new_model_and_the_old_ones_go(
    client: Client, moving: World
) -> None:
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    await arrived(moving)
    assert moving.mortal.batches == 3
    assert len(moving.costs.batches) == 3


@pytest.mark.parametrize(
    "point",
    [
        f"{when} {step}"
        for step in ("reembed_batch", "switch_space", "forget_spaces")
        for when in ("before", "after")
    ],
)
async def test_a_step_that_dies_changes_nothing_in_the_end(
    client: Client, moving: World, point: str
) -> None:
    moving.mortal.dies = {point}
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    assert moving.mortal.dies == set()
    await arrived(moving)


async def test_a_worker_that_is_gone_in_the_middle_is_followed_by_one_that_goes_on(
    client: Client, moving: World, embedding_server: EmbeddingServer
) -> None:
    before = len(embedding_server.inputs)
    stopped = asyncio.Event()

    async def hang() -> None:
        stopped.set()
        await asyncio.Event().wait()

    async def later() -> None:
        moving.mortal.meanwhile["reembed_batch"] = hang

    moving.mortal.meanwhile["reembed_batch"] = later
    async with moving.working(client) as queue:
        task = asyncio.create_task(moving.move(client, queue))
        await stopped.wait()
    async with moving.working(client, queue=queue):
        await task
    assert len(embedding_server.inputs) - before == len(DAYS), "nothing is embedded twice"
    await arrived(moving)


async def test_the_old_model_answers_until_the_switch(client: Client, moving: World) -> None:
    seen: list[tuple[str | None, float]] = []

    async def look() -> None:
        seen.append(
            (await moving.found_by_meaning("dish7"), (await moving.base()).reindexing_progress)
        )

    moving.mortal.meanwhile["switch_space"] = look
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    assert seen == [(DAYS[7], 1.0)]


async def test_a_document_that_comes_in_meanwhile_is_caught_up(
    client: Client, moving: World
) -> None:
    moving.mortal.meanwhile["switch_space"] = lambda: moving.add("On day 11 we rest.")
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    await arrived(moving, passages=len(DAYS) + 1)
    assert await moving.found_by_meaning("day 11 rest") == "On day 11 we rest."


async def test_a_version_that_was_embedded_before_the_switch_is_embedded_again_after_it(
    client: Client, moving: World
) -> None:
    late = await moving.embedded(await moving.knowledge.add("On day 11 we rest."))
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    await moving.switch_on(late)
    await arrived(moving, passages=len(DAYS) + 1)


async def test_a_deleted_document_stops_nothing(client: Client, moving: World) -> None:
    gone = await moving.knowledge.add("On day 11 we rest.")
    await moving.switch_on(await moving.embedded(gone))

    async def delete() -> None:
        async with moving.knowledge.database.tenant(gone.organization_id) as session:
            await session.delete(await moving.knowledge.document(gone))

    moving.mortal.meanwhile["switch_space"] = delete
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    await arrived(moving)


async def test_a_failure_is_a_sentence_and_the_old_model_goes_on(
    client: Client, moving: World, embedding_server: EmbeddingServer
) -> None:
    embedding_server.failures += [Failure(401)]
    async with moving.working(client) as queue:
        await moving.move(client, queue)
        base = await moving.base()
        assert "API key" in (base.reindexing_error or "")
        assert (base.embedding_model, base.next_embedding_model) == (MODEL, OTHER)
        assert await moving.found_by_meaning("dish7") == DAYS[7]
        await moving.move(client, queue)
    await arrived(moving)


async def test_a_model_server_that_ignores_the_size_is_said_so(
    client: Client, moving: World, embedding_server: EmbeddingServer
) -> None:
    embedding_server.ignores_dimensions = True
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    assert "32 were asked for" in ((await moving.base()).reindexing_error or "")


async def test_a_model_that_is_not_offered_any_more_is_said_so(
    client: Client, moving: World
) -> None:
    await moving.aim(EmbeddingModel(name="forgotten"))
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    assert "forgotten is not offered" in ((await moving.base()).reindexing_error or "")


async def test_what_is_called_off_leaves_nothing_behind(client: Client, moving: World) -> None:
    told = asyncio.Event()

    async def call_off() -> None:
        assert await moving.vectors(OTHER, 32) == len(DAYS)
        await moving.aim(None)
        told.set()

    moving.mortal.meanwhile["switch_space"] = call_off
    async with moving.working(client) as queue:
        task = asyncio.create_task(moving.move(client, queue))
        await told.wait()
        await moving.move(client, queue)
        await task
    base = await moving.base()
    assert (base.embedding_model, base.embedding_dimension) == (MODEL, 64)
    assert await moving.vectors(OTHER, 32) == 0
    assert await moving.vectors(MODEL, 64) == len(DAYS)
    assert await moving.found_by_meaning("dish7") == DAYS[7]


async def test_it_can_be_called_off_while_the_model_server_is_down_and_begun_again(
    client: Client, moving: World, embedding_server: EmbeddingServer
) -> None:
    asked = asyncio.Event()
    embedding_server.down = True

    async def note() -> None:
        asked.set()

    moving.mortal.meanwhile["reembed_batch"] = note
    async with moving.working(client) as queue:
        task = asyncio.create_task(moving.move(client, queue))
        await asked.wait()
        await moving.aim(None)
        await moving.move(client, queue)
        await task
        assert (await moving.base()).reindexing_error is None
        embedding_server.down = False
        await moving.aim(NEW)
        await moving.move(client, queue)
    await arrived(moving)


async def test_a_deleted_knowledge_base_ends_it(client: Client, moving: World) -> None:
    async def delete() -> None:
        async with moving.knowledge.database.tenant(moving.ref.organization_id) as session:
            await session.delete(await moving.base())

    moving.mortal.meanwhile["reembed_batch"] = delete
    async with moving.working(client) as queue:
        await moving.move(client, queue)
    assert await moving.vectors(MODEL, 64) == await moving.vectors(OTHER, 32) == 0


async def test_pinecone_gets_an_index_for_the_new_model_and_forgets_the_old_vectors(
    client: Client, database: Database, embedding_client: AsyncOpenAI
) -> None:
    emulator = PineconeEmulator(api_key="pc-test")
    emulator.lag = 2
    async with serving(emulator.application) as url:
        emulator.url = url
        index = PineconeIndex(
            api_key=SecretStr("pc-test"),
            index_name="parley",
            default_model=MODEL,
            controller_host=url,
        )
        world = World(await new_knowledge(database), embedding_client, index)
        await world.add(*DAYS)
        await world.aim(NEW)
        async with world.working(client) as queue:
            await world.move(client, queue)
        assert await world.found_by_meaning("dish7") == DAYS[7]
        old, new = emulator.indexes.values()
        assert old.namespaces[world.ref.organization_id].latest() == {}
        assert len(new.namespaces[world.ref.organization_id].latest()) == len(DAYS)
        await index.close()


@pytest.mark.parametrize("history", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_released_histories_still_replay(history: Path) -> None:
    replayer = Replayer(workflows=[ReembedKnowledgeBaseWorkflow], plugins=[parley_plugin(KEY_RING)])
    recorded = WorkflowHistory.from_json(history.stem, history.read_text())  # noqa: ASYNC240 - nothing else runs
    await replayer.replay_workflow(recorded)


def test_there_are_released_histories() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {"moved", "failed"}
