"""An erasure as Temporal runs it: it ends with a pass that found nothing, and not sooner."""

from collections import deque
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.temporal.plugin import parley_plugin
from tests.workflows.erase_world import STORES, Stores, a_request, client_of, erase
from tests.workflows.ingestion_worker import KEY_RING
from workflows.erase import EraseWorkflow

HISTORIES = Path(__file__).parent.parent / "histories" / "erase"
OF_PEOPLE = ("end_workflows", "erase_histories", "erase_files", "erase_items", "erase_rows")


@pytest.fixture
def client(time_skipping_env: WorkflowEnvironment) -> Client:
    return client_of(time_skipping_env)


async def test_even_where_there_is_nothing_it_looks_twice(client: Client) -> None:
    stores = Stores()
    await erase(client, stores, a_request())
    assert stores.asked == ["begin_erasure", *STORES, *STORES, "finish_erasure"]


@pytest.mark.parametrize("late", STORES)
async def test_it_goes_on_until_no_store_finds_anything(client: Client, late: str) -> None:
    stores = Stores(found={late: deque([1, 1, 1])})
    await erase(client, stores, a_request())
    assert stores.asked == ["begin_erasure", *STORES * 4, "finish_erasure"]


async def test_of_a_person_there_are_no_vectors(client: Client) -> None:
    stores = Stores()
    await erase(client, stores, a_request("whatsapp_user"))
    assert stores.asked == ["begin_erasure", *OF_PEOPLE, *OF_PEOPLE, "finish_erasure"]


async def test_it_waits_for_what_was_under_way(client: Client) -> None:
    """After it began, after workflows were terminated, and before it looks again."""
    handle = await erase(client, Stores(found={"end_workflows": deque([1])}), a_request())
    history = await handle.fetch_history()
    waited = [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    ]
    assert waited == [timedelta(seconds=30)] * 3


async def test_a_store_that_is_down_is_waited_for(client: Client) -> None:
    stores = Stores(dies={"begin_erasure", *STORES, "finish_erasure"})
    await erase(client, stores, a_request())
    assert stores.dies == set()
    assert stores.asked == ["begin_erasure", *STORES, *STORES, "finish_erasure"]


@pytest.mark.parametrize("history", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_released_histories_still_replay(history: Path) -> None:
    replayer = Replayer(workflows=[EraseWorkflow], plugins=[parley_plugin(KEY_RING)])
    recorded = WorkflowHistory.from_json(history.stem, history.read_text())  # noqa: ASYNC240 - nothing else runs
    await replayer.replay_workflow(recorded)


def test_there_are_released_histories() -> None:
    released = {path.stem for path in HISTORIES.glob("*.json")}
    assert released >= {"organization", "whatsapp_user", "empty", "retried"}
