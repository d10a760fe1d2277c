"""Records the histories that later versions must still replay.

Run it (`python -m tests.workflows.record_webhook_histories`) when a workflow changes on purpose,
and keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from contracts.ids import OrganizationId, WebhookEndpointId
from contracts.webhooks import ReplayedPage, ReplayWebhooks
from tests.servers import TIME_SKIPPING_SERVER
from tests.workflows.erase_world import client_of
from tests.workflows.webhook_world import Endpoint, delivering, event, tell
from workflows.replay_webhooks import ReplayWebhooksWorkflow

DIRECTORY = Path(__file__).parent.parent / "histories" / "deliver_webhooks"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record() -> None:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TIME_SKIPPING_SERVER)
    ) as environment:
        client = client_of(environment)
        async with delivering(client, Endpoint()) as queue:
            await _keep("told", client, await tell(client, queue, 1, 1, 2))
        endpoint = Endpoint(failing={"evt_1"}, refused={"evt_2": "It answered 410 Gone."})
        async with delivering(client, endpoint) as queue:
            await _keep("buried", client, await tell(client, queue, 1, 2, 3))
        async with delivering(client, Endpoint()) as queue:
            handle = await tell(client, queue, 1, 2, 3, events_per_run=2)
            await _keep("continued", client, handle)
        endpoint = Endpoint(pages=[ReplayedPage(replayed=100, next_after="2026-03-01T12")])
        async with delivering(client, endpoint) as queue:
            replay = ReplayWebhooks(
                organization_id=OrganizationId("org_1"),
                endpoint_id=WebhookEndpointId("whe_1"),
                since=event(0).occurred_at,
                until=event(0).occurred_at + timedelta(days=1),
            )
            started = await client.start_workflow(
                ReplayWebhooksWorkflow.run, replay, id="replay", task_queue=queue
            )
            await _keep("replay", client, started)
    await asyncio.sleep(SETTLE_SECONDS)


async def _keep(name: str, client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    await handle.result()
    first = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    history = (await first.fetch_history()).to_json()
    (DIRECTORY / f"{name}.json").write_text(_anonymous(history))


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
