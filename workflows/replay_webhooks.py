"""Has what happened in a time told to an endpoint once more, page by page of the log."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from contracts.activities import replay_webhooks_page
    from contracts.names import REPLAY_WEBHOOKS_WORKFLOW
    from contracts.webhooks import ReplayPage, ReplayWebhooks

PAGE: Final = 100

_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)


@workflow.defn(name=REPLAY_WEBHOOKS_WORKFLOW)
class ReplayWebhooksWorkflow:
    """Ends when all of it waits for its delivery, or when the endpoint is disabled or deleted."""

    @workflow.run
    async def run(self, replay: ReplayWebhooks) -> int:
        """How many events are delivered once more."""
        while True:
            page = await workflow.execute_activity(
                replay_webhooks_page,
                ReplayPage(replay=replay, limit=PAGE),
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=_RETRIES,
                summary=f"replay {PAGE} events" + (f" after {replay.after}" * bool(replay.after)),
            )
            replay = replay.model_copy(
                update={
                    "after": page.next_after or "",
                    "replayed": replay.replayed + page.replayed,
                }
            )
            workflow.set_current_details(f"{replay.replayed} events wait for their delivery")
            if page.next_after is None:
                return replay.replayed
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replay)
