"""Killed at any call of its steps to the world, an ingestion ends as if nothing had happened.

A process dies right after its n-th call to a store or a server, before it knows the answer: from
then on, none of its calls gets through. Another worker goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapters.postgres.database import Database
from adapters.temporal.plugin import parley_plugin
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.ingestion_world import NEW, Process, World, a_world, make_small, replaced

CALLS = 24
"""Of an undisturbed ingestion; its test tells when there are others."""
PARTS = 2
"""Of each passage that differ: its sentence so and so many times, and what is left at the end."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


async def connected(environment: WorkflowEnvironment) -> Client:
    return await environment.connect_client(plugins=[parley_plugin(KEY_RING)])


@pytest.fixture
async def world(time_skipping_env: WorkflowEnvironment, database: Database) -> AsyncIterator[World]:
    async with a_world(await connected(time_skipping_env), database) as world:
        yield world


@pytest.fixture(scope="module")
async def undisturbed(time_skipping_env: WorkflowEnvironment, database: Database) -> dict[str, Any]:
    """The end of an ingestion that nobody has killed."""
    async with a_world(await connected(time_skipping_env), database) as world:
        ref = await replaced(world)
        async with world.worker(Process()):
            assert await (await world.start(ref)).result() == "ready"
        return await world.end(ref)


async def test_undisturbed(world: World) -> None:
    ref = await replaced(world)
    process = Process()
    async with world.worker(process):
        assert await (await world.start(ref)).result() == "ready"
    assert process.calls == CALLS
    assert len(world.server.inputs) == PARTS * (4 + 2)
    end = await world.end(ref)
    assert end["counts"] == (4, None, 4)
    assert {position for position, _ in end["vectors"]} == {0, 1, 2, 3}
    assert (len(end["kept"]), end["files"]) == (PARTS * 4, [NEW.encode()])


@pytest.mark.parametrize("dies_after", range(CALLS))
async def test_a_kill_changes_nothing_in_the_end(
    world: World, undisturbed: dict[str, Any], dies_after: int
) -> None:
    ref = await replaced(world)
    first = Process(dies_after=dies_after)
    handle = await world.start(ref)
    async with world.worker(first):
        died = asyncio.create_task(first.died.wait())
        ended = asyncio.create_task(handle.result())
        await asyncio.wait({died, ended}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        ended.cancel()
    async with world.worker(Process()):
        assert await handle.result() == "ready"

    assert await world.end(ref) == undisturbed
    # Two passages are new, in one request, which may have been on its way.
    assert len(world.server.inputs) <= PARTS * (4 + 2 + (2 if first.unkept else 0))
    assert sum(world.usage.tokens.values()) == 3  # requests, at a token each
