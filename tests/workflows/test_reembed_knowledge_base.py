"""A knowledge base's move to another embedding model, as Temporal runs it."""

import asyncio
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from adapters.vectors.pgvector import PgVectorIndex
from adapters.vectors.pinecone import PineconeIndex
from contracts.embedding import (
    EmbeddingModel,
)
from tests.embedding_server import EmbeddingServer, Failure
from tests.http_server import serving
from tests.knowledge import MODEL, new_knowledge
from tests.pinecone_emulator.app import PineconeEmulator
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.reembedding_world import DAYS, NEW, OTHER, World
from workflows.reembed_knowledge_base import ReembedKnowledgeBaseWorkflow

HISTORIES = Path(__file__).parent.parent / "histories" / "reembed_knowledge_base"


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
