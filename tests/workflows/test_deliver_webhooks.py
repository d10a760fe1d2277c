"""The deliveries as Temporal runs them; what a try is, is tested with real HTTP elsewhere."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer
from ulid import ULID

from adapters.temporal.plugin import parley_plugin
from contracts.ids import OrganizationId, WebhookEndpointId
from contracts.webhooks import ReplayedPage, ReplayWebhooks, ToldEvents
from tests.workflows.conversation_world import eventually
from tests.workflows.erase_world import client_of
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.webhook_world import Endpoint, delivering, event, tell
from workflows import deliver_webhooks
from workflows.deliver_webhooks import WebhookDeliveriesWorkflow
from workflows.replay_webhooks import ReplayWebhooksWorkflow

HISTORIES = Path(__file__).parent.parent / "histories" / "deliver_webhooks"
NOON = event(0).occurred_at


@pytest.fixture
def client(time_skipping_env: WorkflowEnvironment) -> Client:
    return client_of(time_skipping_env)


async def test_events_are_told_in_order_and_the_run_ends_when_it_is_idle(client: Client) -> None:
    endpoint = Endpoint()
    async with delivering(client, endpoint) as queue:
        handle = await tell(client, queue, 1, 2, 3)
        assert await handle.result() == 3
    assert endpoint.told == ["evt_1", "evt_2", "evt_3"]
    described = await handle.describe()
    assert described.close_time is not None
    assert described.close_time - described.start_time >= deliver_webhooks.IDLE


async def test_an_event_that_is_told_of_again_is_delivered_once(client: Client) -> None:
    endpoint = Endpoint()
    async with delivering(client, endpoint) as queue:
        handle = await tell(client, queue, 1, 1, 2)
        await tell(client, queue, 2, 1, 3, workflow_id=handle.id)
        assert await handle.result() == 3
    assert endpoint.told == ["evt_1", "evt_2", "evt_3"]


async def test_who_asks_for_it_gets_it_again(client: Client) -> None:
    endpoint = Endpoint()
    async with delivering(client, endpoint) as queue:
        handle = await tell(client, queue, 1)
        await eventually(lambda: endpoint.told == ["evt_1"])
        await handle.signal("deliver", ToldEvents(events=[event(1), event(1)], again=True))
        assert await handle.result() == 2
    assert endpoint.told == ["evt_1", "evt_1"]


async def test_a_dead_endpoint_is_tried_for_most_of_a_day_with_growing_pauses(
    client: Client,
) -> None:
    endpoint = Endpoint(failing={"evt_1"})
    async with delivering(client, endpoint) as queue:
        handle = await tell(client, queue, 1, 2)
        assert await handle.result() == 1
    tries = [since for event_id, _, since in endpoint.tries if event_id == "evt_1"]
    assert len(tries) == 12
    assert timedelta(hours=22) < tries[-1] < timedelta(hours=28)
    pauses = [after - before for before, after in pairwise(tries)]
    assert timedelta(seconds=5) <= pauses[0] < timedelta(seconds=8)
    assert pauses[3] > 20 * pauses[0]
    assert endpoint.buried == [("evt_1", "It answered 500. It was tried 12 times.")]
    assert endpoint.told == ["evt_2"]
    # Tries are the activity's own: none of them is in the history.
    assert len((await handle.fetch_history()).events) < 40


async def test_what_is_refused_is_kept_with_its_reason(client: Client) -> None:
    endpoint = Endpoint(refused={"evt_1": "It answered 410 Gone."})
    async with delivering(client, endpoint) as queue:
        await (await tell(client, queue, 1, 2)).result()
    assert endpoint.buried == [("evt_1", "It answered 410 Gone.")]
    assert endpoint.told == ["evt_2"]


async def test_a_new_run_knows_what_waits_and_what_has_been_told(client: Client) -> None:
    endpoint = Endpoint()
    async with delivering(client, endpoint) as queue:
        handle = await tell(client, queue, 1, 2, 3, 4, 5, events_per_run=2)
        await eventually(lambda: len(endpoint.told) == 5)
        await tell(client, queue, 1, 2, 6, workflow_id=handle.id)
        assert await handle.result() == 6
    assert endpoint.told == [f"evt_{number}" for number in range(1, 7)]
    first = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW


async def test_more_than_can_wait_is_kept_as_dead_letters_at_once(
    client: Client,
) -> None:
    endpoint = Endpoint(failing={"evt_1"})
    async with delivering(client, endpoint) as queue:
        most = deliver_webhooks.MOST_WAITING
        handle = await tell(client, queue, 1)
        await eventually(lambda: bool(endpoint.tries))
        for first in range(2, most + 4, 250):
            numbers = range(first, min(first + 250, most + 4))
            await handle.signal("deliver", ToldEvents(events=[event(n) for n in numbers]))
        await eventually(lambda: len(endpoint.buried) == 3)
        await handle.terminate()
    assert sorted(endpoint.buried) == [
        (f"evt_{number}", f"{most} events wait before it.")
        for number in (most + 1, most + 2, most + 3)
    ]


async def test_a_replay_goes_on_to_the_end_of_the_log(client: Client) -> None:
    endpoint = Endpoint(
        pages=[
            ReplayedPage(replayed=100, next_after="2026-03-01T00:00:00.000000Z/evt_1"),
            ReplayedPage(replayed=0, next_after="2026-03-02T00:00:00.000000Z"),
            ReplayedPage(replayed=7, next_after=None),
        ]
    )
    replay = ReplayWebhooks(
        organization_id=OrganizationId("org_1"),
        endpoint_id=WebhookEndpointId("whe_1"),
        since=NOON,
        until=NOON + timedelta(days=1),
    )
    async with delivering(client, endpoint) as queue:
        replayed = await client.execute_workflow(
            ReplayWebhooksWorkflow.run, replay, id=f"replay/{ULID()}", task_queue=queue
        )
    assert replayed == 107
    assert [page.replay.after[:10] for page in endpoint.asked] == ["", "2026-03-01", "2026-03-02"]


@pytest.mark.parametrize("history", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_recorded_histories_still_replay(history: Path) -> None:
    replayer = Replayer(
        workflows=[WebhookDeliveriesWorkflow, ReplayWebhooksWorkflow],
        plugins=[parley_plugin(KEY_RING)],
    )
    recorded = WorkflowHistory.from_json(history.stem, history.read_text())  # noqa: ASYNC240 - nothing else runs
    await replayer.replay_workflow(recorded)


def test_there_are_recorded_histories() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {
        "told", "buried", "continued", "replay",
    }  # fmt: skip
