"""A schedule in Temporal for each source, made, changed and deleted with its row.

One without a timing is there as well: it starts nothing by itself, and is what somebody who asks
for a sync triggers. So there is never more than one sync of a source at a time.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.tables import Source
from adapters.temporal.schedules import CATCH_UP
from contracts.ids import OrganizationId, SourceId, source_schedule_id, sync_workflow_id
from contracts.names import ORGANIZATION_ID, SOURCES_QUEUE, SYNC_SOURCE_WORKFLOW
from contracts.sources import BEHIND_UPLOADS, SourceRef, SyncSource
from domain.sync_timing import timing_digest

LONGEST_JITTER: Final = timedelta(minutes=5)
JITTER_SHARE: Final = 10
"""Of an interval, by which syncs are spread: many sources begin at the full hour."""
SECONDS_AFTER_CRON: Final = 30
"""Somebody who names a minute means about that minute."""
STILL_NEW: Final = timedelta(minutes=5)
_PAUSED: Final = "An administrator has paused the source."
_PREFIX: Final = source_schedule_id(SourceId(""))


class TimingRefused(Exception):
    """Temporal cannot make anything of the timing. The message is its own."""


class SourceSchedules:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def ensure(self, source: Source) -> str | None:
        """Make the schedule, or make it as the source says; what was done, None for nothing.

        Raises:
            TimingRefused: the source's timing is none.
            RPCError: Temporal does not answer, or refuses.
        """
        try:
            return await self._ensure(source)
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                raise TimingRefused(error.message) from None
            raise

    async def _ensure(self, source: Source) -> str | None:
        wanted = _schedule(source)
        try:
            await self._client.create_schedule(
                source_schedule_id(source.id),
                wanted,
                search_attributes=_searched(source),
            )
        except ScheduleAlreadyRunningError:
            changed = False

            def mended(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
                nonlocal changed
                # Without need there is no update: the SDK sends no conflict token with it.
                changed = not _is_as_wanted(found.description.schedule, wanted)
                return ScheduleUpdate(wanted) if changed else None

            await self._client.get_schedule_handle(source_schedule_id(source.id)).update(mended)
            return "mended" if changed else None
        return "made"

    async def trigger(self, source_id: SourceId) -> None:
        """Sync it now, or as soon as the sync that is going on has ended; also when paused."""
        handle = self._client.get_schedule_handle(source_schedule_id(source_id))
        await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)

    async def next_run_at(self, source_id: SourceId) -> datetime | None:
        """When it is synced by itself, if it is; `RPCError` when there is no schedule."""
        handle = self._client.get_schedule_handle(source_schedule_id(source_id))
        described = await handle.describe()
        if described.schedule.state.paused:
            return None
        return next(iter(described.info.next_action_times), None)

    async def is_running(self, workflow_id: str) -> bool:
        """Whether the sync with this id goes on."""
        try:
            described = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    async def delete(self, source_id: SourceId) -> None:
        """Delete the schedule, and end the syncs that it has started. Safe to repeat."""
        handle = self._client.get_schedule_handle(source_schedule_id(source_id))
        try:
            running = (await handle.describe()).info.running_actions
            await handle.delete()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        for action in running:
            if isinstance(action, ScheduleActionExecutionStartWorkflow):
                await self._cancel(action.workflow_id)

    async def listed(self, *, organization_id: OrganizationId | None = None) -> list[SourceId]:
        """Sources that have a schedule, as far as Temporal lists them by now.

        Args:
            organization_id: of this one; None: of all.
        """
        query = None if organization_id is None else f"{ORGANIZATION_ID.name} = '{organization_id}'"
        return [
            SourceId(one.id.removeprefix(_PREFIX))
            async for one in await self._client.list_schedules(query)
            if one.id.startswith(_PREFIX)
        ]

    async def is_new(self, source_id: SourceId, *, now: datetime) -> bool:
        """Whether it was made a moment ago, so that its source may not be there yet."""
        handle = self._client.get_schedule_handle(source_schedule_id(source_id))
        try:
            return now - (await handle.describe()).info.created_at < STILL_NEW
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return True

    async def _cancel(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).cancel()
        except RPCError as error:
            # It ended by itself meanwhile.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def _schedule(source: Source) -> Schedule:
    ref = SourceRef(
        organization_id=source.organization_id,
        knowledge_base_id=source.knowledge_base_id,
        source_id=source.id,
    )
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SYNC_SOURCE_WORKFLOW,
            SyncSource(source=ref),
            id=sync_workflow_id(source.id, timing_digest(source.schedule)),
            task_queue=SOURCES_QUEUE,
            static_summary=f"reads a source of the type {source.type}",
            typed_search_attributes=_searched(source),
            priority=Priority(priority_key=BEHIND_UPLOADS, fairness_key=source.organization_id),
        ),
        spec=_spec(source.schedule),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
        state=ScheduleState(paused=source.paused, note=_PAUSED if source.paused else None),
    )


def _spec(timing: dict[str, Any] | None) -> ScheduleSpec:
    if timing is None:
        return ScheduleSpec()
    if (seconds := timing.get("every_seconds")) is not None:
        every = timedelta(seconds=seconds)
        return ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=every)],
            jitter=min(every / JITTER_SHARE, LONGEST_JITTER),
        )
    return ScheduleSpec(
        cron_expressions=[timing["cron"]],
        time_zone_name=timing.get("timezone"),
        jitter=timedelta(seconds=SECONDS_AFTER_CRON),
    )


def _is_as_wanted(found: Schedule, wanted: Schedule) -> bool:
    """Temporal keeps a cron expression as what it means, so the workflow's id tells the timing."""
    assert isinstance(wanted.action, ScheduleActionStartWorkflow)  # noqa: S101 - we made it
    return (
        isinstance(found.action, ScheduleActionStartWorkflow)
        and found.action.id == wanted.action.id
        and found.action.task_queue == wanted.action.task_queue
        and found.spec.intervals == wanted.spec.intervals
        and found.spec.jitter == wanted.spec.jitter
        and bool(found.spec.calendars) == bool(wanted.spec.cron_expressions)
        and found.policy == wanted.policy
        and found.state.paused == wanted.state.paused
    )


def _searched(source: Source) -> TypedSearchAttributes:
    """By which an erasure finds the schedule and its workflows."""
    return TypedSearchAttributes([SearchAttributePair(ORGANIZATION_ID, source.organization_id)])
