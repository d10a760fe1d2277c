"""Compares sources with their schedules in Temporal, both ways."""

from datetime import timedelta
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.heartbeats import heartbeating
from adapters.dynamodb.values import utc_now
from adapters.postgres import sources
from adapters.postgres.database import Database
from adapters.postgres.tables import Source
from adapters.temporal.source_schedules import SourceSchedules, TimingRefused
from contracts.sources import ReconciledPage, ReconcilePage
from telemetry import get_logger

PATIENCE: Final = timedelta(minutes=1)
"""With whoever has asked for a sync and is about to begin it."""

_log = get_logger(__name__)


class SourceScheduleActivities:
    """Implements the activities of `ReconcileSchedules`."""

    def __init__(self, database: Database, *, schedules: SourceSchedules) -> None:
        self._database = database
        self._schedules = schedules

    @activity.defn(name="reconcile_schedules_page")
    async def reconcile_schedules_page(self, page: ReconcilePage) -> ReconciledPage:
        """Make and mend the schedules of the next sources."""
        made = mended = 0
        async with heartbeating():
            async with self._database.platform() as session:
                found = await sources.after(session, page.after, limit=page.limit)
            for source_id in found:
                # Locked, so that a change under way is not undone with what was read before it.
                async with self._database.platform() as session:
                    source = await sources.lock(session, source_id)
                    if source is None:
                        continue
                    try:
                        done = await self._schedules.ensure(source)
                    except TimingRefused:
                        _log.warning("schedule_refused", source_id=source_id)
                        continue
                    await self._begin_what_was_asked_for(session, source)
                made += done == "made"
                mended += done == "mended"
        more = len(found) == page.limit
        return ReconciledPage(made=made, mended=mended, next_after=found[-1] if more else None)

    @activity.defn(name="delete_orphaned_schedules")
    async def delete_orphaned_schedules(self) -> int:
        """Delete the schedules whose source is no more; how many. A new one is left alone: its
        source may be about to be there."""
        async with heartbeating():
            scheduled = await self._schedules.listed()
            async with self._database.platform() as session:
                there = await sources.existing(session, scheduled)
            deleted = 0
            for source_id in scheduled:
                if source_id in there or await self._schedules.is_new(source_id, now=utc_now()):
                    continue
                await self._schedules.delete(source_id)
                deleted += 1
        return deleted

    async def _begin_what_was_asked_for(self, session: AsyncSession, source: Source) -> None:
        """A process may have died before it had the first sync begin, or one that it had noted."""
        run = await sources.open_run(session, source_id=source.id)
        asked_at = source.created_at if run is None else run.created_at
        if utc_now() - asked_at < PATIENCE:
            return
        if run is None and source.last_run_at is None and not source.paused:
            run = await sources.ask_for_run(
                session,
                run_id=sources.new_run_id(),
                source_id=source.id,
                owner=source.organization_id,
            )
        if run is not None and run.status == "pending":
            await self._schedules.trigger(source.id)
