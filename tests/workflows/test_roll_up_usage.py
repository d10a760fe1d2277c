"""The roll-up as Temporal runs it. What its activity does is tested with the real stores."""

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer
from ulid import ULID

from adapters.temporal.plugin import parley_plugin
from contracts.usage import RollUpUsage
from domain.usage import quarter_of
from tests.workflows.ingestion_worker import KEY_RING
from tests.workflows.usage_pages import Pages, a_page, rolling_up
from workflows.roll_up_usage import RollUpUsageWorkflow

FRESH = RollUpUsage()
HISTORIES = Path(__file__).parent.parent / "histories" / "roll_up_usage"


@pytest.fixture
async def client(time_skipping_env: WorkflowEnvironment) -> Client:
    return await time_skipping_env.connect_client(plugins=[parley_plugin(KEY_RING)])


async def run(
    client: Client, pages: Pages, request: RollUpUsage = FRESH
) -> tuple[RollUpUsage, WorkflowHandle[RollUpUsageWorkflow, RollUpUsage]]:
    async with rolling_up(client, pages) as queue:
        handle = await client.start_workflow(
            RollUpUsageWorkflow.run, request, id=f"roll-up-{ULID()}", task_queue=queue
        )
        return await handle.result(), handle


async def test_page_follows_page_to_the_end_with_one_time_for_all(client: Client) -> None:
    pages = Pages(
        a_page(next_after="org_1"), a_page(failed=3, next_after="org_2"), a_page(rolled=5)
    )
    result, handle = await run(client, pages)
    assert [page.after for page in pages.asked] == ["", "org_1", "org_2"]
    [until] = {page.until for page in pages.asked}
    assert until == quarter_of(until)
    assert (result.rolled, result.failed, result.quarters) == (205, 3, 205)
    history = await handle.fetch_history()
    summaries = [
        (await client.data_converter.decode([event.user_metadata.summary]))[0]
        for event in history.events
        if event.HasField("user_metadata") and event.user_metadata.HasField("summary")
    ]
    assert summaries[:2] == [
        "roll up 100 organisations",
        "roll up 100 organisations after org_1",
    ]


async def test_an_attempt_that_dies_is_made_again(client: Client) -> None:
    pages = Pages(RuntimeError("the worker died"), a_page(rolled=2))
    result, _ = await run(client, pages)
    assert result.rolled == 2
    assert pages.asked[0] == pages.asked[1]


async def test_it_stops_where_nothing_works_and_leaves_the_rest_to_the_next_run(
    client: Client,
) -> None:
    pages = Pages(a_page(next_after="org_1"), a_page(rolled=0, failed=100, next_after="org_2"))
    result, _ = await run(client, pages)
    assert (result.rolled, result.failed, result.after) == (100, 100, "org_2")
    assert len(pages.asked) == 2


async def test_many_pages_go_on_in_a_new_run_and_are_added_up(
    client: Client,
) -> None:
    answers = [a_page(next_after=f"org_{number}") for number in range(5)]
    pages = Pages(*answers, a_page(rolled=1))
    result, handle = await run(client, pages, RollUpUsage(pages_per_run=2))
    assert [page.after for page in pages.asked] == ["", *(f"org_{n}" for n in range(5))]
    assert len({page.until for page in pages.asked}) == 1
    assert result.rolled == 501
    first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW


@pytest.mark.parametrize("history", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_recorded_histories_still_replay(history: Path) -> None:
    replayer = Replayer(workflows=[RollUpUsageWorkflow], plugins=[parley_plugin(KEY_RING)])
    recorded = WorkflowHistory.from_json(history.stem, history.read_text())  # noqa: ASYNC240 - nothing else runs
    await replayer.replay_workflow(recorded)


def test_there_are_recorded_histories() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {"pages", "stopped", "continued"}
