"""Records the histories that later versions must still replay.

Run it (`python -m tests.workflows.record_roll_up_histories`) when the workflow changes on purpose,
and keep the old files for as long as runs of that version may be open.
"""

import asyncio
import re
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from adapters.temporal.plugin import parley_plugin
from contracts.usage import RollUpUsage
from tests.servers import TIME_SKIPPING_SERVER
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.usage_pages import Pages, a_page, rolling_up
from workflows.roll_up_usage import RollUpUsageWorkflow

DIRECTORY = Path(__file__).parent.parent / "histories" / "roll_up_usage"
SETTLE_SECONDS = 0.3
"""Lets Temporal's core finish: see `tests/conftest.py`."""


async def record() -> None:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TIME_SKIPPING_SERVER)
    ) as environment:
        client = await environment.connect_client(plugins=[parley_plugin(KEY_RING)])
        for name, request, pages in (
            (
                "pages",
                RollUpUsage(),
                Pages(
                    a_page(next_after="org_1"),
                    RuntimeError("the worker died"),
                    a_page(failed=3, next_after="org_2"),
                    a_page(rolled=5),
                ),
            ),
            (
                "continued",
                RollUpUsage(pages_per_run=1),
                Pages(a_page(next_after="org_1"), a_page(rolled=5)),
            ),
            ("stopped", RollUpUsage(), Pages(a_page(rolled=0, failed=100, next_after="org_1"))),
        ):
            async with rolling_up(client, pages) as queue:
                handle = await client.start_workflow(
                    RollUpUsageWorkflow.run, request, id=name, task_queue=queue
                )
                await handle.result()
            first = client.get_workflow_handle(name, run_id=handle.first_execution_run_id)
            history = await first.fetch_history()
            (DIRECTORY / f"{name}.json").write_text(_anonymous(history.to_json()))
    await asyncio.sleep(SETTLE_SECONDS)


def _anonymous(history: str) -> str:
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', history)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    asyncio.run(record())
