"""The schedules of the platform's own workflows, made and kept as they are meant to be."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from contracts.names import (
    RECONCILE_SCHEDULES_WORKFLOW,
    RECONCILIATION_SCHEDULE,
    ROLL_UP_USAGE_WORKFLOW,
    SOURCES_QUEUE,
    USAGE_QUEUE,
    USAGE_ROLLUP_SCHEDULE,
)
from contracts.sources import ReconcileSchedules
from contracts.usage import RollUpUsage
from telemetry import get_logger

EVERY: Final = timedelta(minutes=5)
COMPARED_EVERY: Final = timedelta(minutes=10)
JITTER: Final = timedelta(minutes=1)
CATCH_UP: Final = timedelta(hours=1)
"""What was missed while the server was down; its own default is a year."""

AGAIN_SECONDS: Final = 30.0
"""After the server has refused."""

_log = get_logger(__name__)


async def keep_ensuring_schedules(client: Client, *, again_seconds: float = AGAIN_SECONDS) -> None:
    """Try until all schedules are as they should be: a refusal must not cost them for as long as
    the worker runs."""
    while not await ensure_schedules(client):  # noqa: ASYNC110 - a server is asked
        await asyncio.sleep(again_seconds)


async def ensure_schedules(client: Client) -> bool:
    """Make what is missing and mend what was changed; a schedule that is paused stays paused.

    Safe to repeat, and beside others that do the same.

    Returns:
        Whether all are as they should be. If the server refuses, the log says so.
    """
    wanted = {
        USAGE_ROLLUP_SCHEDULE: _usage_rollup(),
        RECONCILIATION_SCHEDULE: _reconciliation(),
    }
    ensured = [await _ensure(client, name, schedule) for name, schedule in wanted.items()]
    return all(ensured)


async def _ensure(client: Client, name: str, schedule: Schedule) -> bool:
    try:
        try:
            await client.create_schedule(name, schedule, trigger_immediately=True)
        except ScheduleAlreadyRunningError:

            def mended(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
                now = found.description.schedule
                # The SDK sends no conflict token: an update overwrites what an operator does
                # meanwhile, a pause too. So there is none without need.
                if (now.spec, now.policy) == (schedule.spec, schedule.policy):
                    return None
                schedule.state = now.state
                return ScheduleUpdate(schedule)

            await client.get_schedule_handle(name).update(mended)
    except RPCError as error:
        _log.warning("schedule_not_ensured", schedule=name, status=error.status.name)
        return False
    return True


def _reconciliation() -> Schedule:
    return _every(
        COMPARED_EVERY,
        ScheduleActionStartWorkflow(
            RECONCILE_SCHEDULES_WORKFLOW,
            ReconcileSchedules(),
            id=RECONCILIATION_SCHEDULE,
            task_queue=SOURCES_QUEUE,
            static_summary="compares sources with their schedules",
        ),
    )


def _usage_rollup() -> Schedule:
    return _every(
        EVERY,
        ScheduleActionStartWorkflow(
            ROLL_UP_USAGE_WORKFLOW,
            RollUpUsage(),
            id=USAGE_ROLLUP_SCHEDULE,
            task_queue=USAGE_QUEUE,
            static_summary="writes down what all organisations used",
        ),
    )


def _every(interval: timedelta, action: ScheduleActionStartWorkflow) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=interval)], jitter=JITTER),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
