"""Compares sources with their schedules: what one process did before it died, another mends."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from contracts.activities import delete_orphaned_schedules, reconcile_schedules_page
    from contracts.names import RECONCILE_SCHEDULES_WORKFLOW
    from contracts.sources import ReconcilePage, ReconcileSchedules

PAGE: Final = 200
HEARTBEAT: Final = timedelta(seconds=30)
RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=5,
)
"""Few: the next comparison comes soon."""


@workflow.defn(name=RECONCILE_SCHEDULES_WORKFLOW)
class ReconcileSchedulesWorkflow:
    """Sees every source once, and every schedule once."""

    @workflow.run
    async def run(self, state: ReconcileSchedules) -> ReconcileSchedules:
        while True:
            page = await workflow.execute_activity(
                reconcile_schedules_page,
                ReconcilePage(after=state.after, limit=PAGE),
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRIES,
                summary=f"compare the schedules of {PAGE} sources",
            )
            state = state.model_copy(
                update={
                    "after": page.next_after or "",
                    "made": state.made + page.made,
                    "mended": state.mended + page.mended,
                }
            )
            if page.next_after is None:
                break
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(state)
        deleted = await workflow.execute_activity(
            delete_orphaned_schedules,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="delete schedules whose source is gone",
        )
        workflow.set_current_details(
            f"{state.made} schedules made, {state.mended} mended, {deleted} deleted"
        )
        return state.model_copy(update={"deleted": deleted})
