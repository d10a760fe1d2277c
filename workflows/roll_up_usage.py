"""Writes down what all organisations used, every quarter of an hour, page by page."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from contracts.activities import roll_up_usage_page
    from contracts.names import ROLL_UP_USAGE_WORKFLOW
    from contracts.usage import RolledUpPage, RollUpPage, RollUpUsage
    from domain.usage import settled_until

PAGE: Final = 100


@workflow.defn(name=ROLL_UP_USAGE_WORKFLOW)
class RollUpUsageWorkflow:
    """Sees every organisation with final quarters once. Those that fail wait for the next run."""

    @workflow.run
    async def run(self, request: RollUpUsage) -> RollUpUsage:
        """How far it got; `after` is where it stopped because nothing worked any more."""
        until = request.until or settled_until(workflow.now())
        state = request.model_copy(update={"until": until})
        for _ in range(request.pages_per_run):
            page = await workflow.execute_activity(
                roll_up_usage_page,
                RollUpPage(until=until, after=state.after, limit=PAGE),
                start_to_close_timeout=timedelta(minutes=30),
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=1),
                    maximum_interval=timedelta(seconds=30),
                    maximum_attempts=5,
                ),
                summary=f"roll up {PAGE} organisations{_after(state)}",
            )
            state = _added(state, page)
            workflow.set_current_details(_told(state))
            if page.next_after is None:
                return state
            if page.failed and not page.rolled:
                # A store is down: the next run finds all that is left to do.
                return state
        workflow.continue_as_new(state)


def _added(state: RollUpUsage, page: RolledUpPage) -> RollUpUsage:
    return state.model_copy(
        update={
            "after": page.next_after or "",
            "rolled": state.rolled + page.rolled,
            "failed": state.failed + page.failed,
            "quarters": state.quarters + page.quarters,
        }
    )


def _after(state: RollUpUsage) -> str:
    return f" after {state.after}" if state.after else ""


def _told(state: RollUpUsage) -> str:
    failed = f"; {state.failed} failed and are tried again by the next run" if state.failed else ""
    return (
        f"rolled up {state.quarters} quarters of an hour of {state.rolled} organisations, "
        f"up to {state.until:%Y-%m-%d %H:%M} UTC{failed}"
    )
