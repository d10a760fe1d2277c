"""The platform's schedules are made, mended and left paused, however many workers start."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from adapters.keyring import KeyRing
from adapters.temporal.plugin import parley_plugin
from adapters.temporal.schedules import ensure_schedules, keep_ensuring_schedules
from contracts.names import RECONCILIATION_SCHEDULE, USAGE_ROLLUP_SCHEDULE
from tests.servers import ConnectTemporal

SCHEDULES = (USAGE_ROLLUP_SCHEDULE, RECONCILIATION_SCHEDULE)


@pytest.fixture
async def client(connect_temporal: ConnectTemporal) -> Client:
    return await connect_temporal(plugins=[parley_plugin(KeyRing(["a key ring for tests, of 32"]))])


@pytest.fixture
async def schedule(client: Client) -> AsyncIterator[ScheduleHandle]:
    await asyncio.gather(*(ensure_schedules(client) for _ in range(3)))
    handles = [client.get_schedule_handle(name) for name in SCHEDULES]
    yield handles[0]
    for handle in handles:
        for execution in (await handle.describe()).info.running_actions:
            assert isinstance(execution, ScheduleActionExecutionStartWorkflow)
            await client.get_workflow_handle(execution.workflow_id).terminate()
        await handle.delete()


async def test_the_roll_up_starts_every_five_minutes_and_never_twice_at_once(
    schedule: ScheduleHandle,
) -> None:
    described = (await schedule.describe()).schedule
    assert [each.every for each in described.spec.intervals] == [timedelta(minutes=5)]
    assert described.spec.jitter == timedelta(minutes=1)
    assert described.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert isinstance(described.action, ScheduleActionStartWorkflow)
    assert (described.action.workflow, described.action.task_queue) == ("RollUpUsage", "usage")


async def test_sources_are_compared_with_their_schedules_every_ten_minutes(
    client: Client,
    schedule: ScheduleHandle,  # noqa: ARG001 - it is made together with this one
) -> None:
    described = (await client.get_schedule_handle(RECONCILIATION_SCHEDULE).describe()).schedule
    assert [each.every for each in described.spec.intervals] == [timedelta(minutes=10)]
    assert isinstance(described.action, ScheduleActionStartWorkflow)
    action = described.action
    assert (action.workflow, action.task_queue) == ("ReconcileSchedules", "sources")


async def test_a_changed_schedule_is_mended_and_a_paused_one_stays_paused(
    client: Client, schedule: ScheduleHandle
) -> None:
    def slower(found: ScheduleUpdateInput) -> ScheduleUpdate:
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))])
        return ScheduleUpdate(dataclasses.replace(found.description.schedule, spec=spec))

    await schedule.update(slower)
    await schedule.pause(note="while we look into it")
    # The scheduler takes up what it is told when it is not busy starting something.
    while not (await schedule.describe()).schedule.state.paused:  # noqa: ASYNC110 - a server is asked
        await asyncio.sleep(0.01)
    assert await ensure_schedules(client)
    described = (await schedule.describe()).schedule
    assert [each.every for each in described.spec.intervals] == [timedelta(minutes=5)]
    assert (described.state.paused, described.state.note) == (True, "while we look into it")


async def test_a_schedule_that_is_as_it_should_be_is_left_alone(
    client: Client, schedule: ScheduleHandle
) -> None:
    before = (await schedule.describe()).info.last_updated_at
    assert await ensure_schedules(client)
    assert (await schedule.describe()).info.last_updated_at == before


async def test_a_server_that_refuses_is_asked_again_until_the_schedule_is_there(
    client: Client, schedule: ScheduleHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, refused = client.create_schedule, 0

    async def unavailable_twice(*arguments: Any, **named: Any) -> Any:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise RPCError("not now", RPCStatusCode.UNAVAILABLE, b"")
        return await create(*arguments, **named)

    await schedule.delete()
    monkeypatch.setattr(client, "create_schedule", unavailable_twice)
    await asyncio.wait_for(keep_ensuring_schedules(client, again_seconds=0.01), 20)
    assert refused == 2
    assert (await schedule.describe()).schedule.spec.intervals
