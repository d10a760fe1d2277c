"""A workflow that puts something secret everywhere a payload can be."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import ConversationSnapshot, Turn

ONCE = RetryPolicy(maximum_attempts=1)


@workflow.defn(name="Discreet")
class Discreet:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @workflow.signal
    def hear(self, what: str) -> None:
        self.heard.append(what)

    @workflow.query
    def snapshot(self) -> ConversationSnapshot:
        return ConversationSnapshot(
            status="bot", turns=0, pending=len(self.heard), doing="|".join(self.heard)
        )

    @workflow.run
    async def run(self, turn: Turn) -> str:
        secret = turn.trace_id
        workflow.set_current_details(f"details: {secret}")
        await workflow.wait_condition(
            lambda: bool(self.heard), timeout_summary=f"timer: {secret}", timeout=60
        )
        answer: str = await workflow.execute_activity(
            "whisper",
            turn,
            result_type=str,
            start_to_close_timeout=timedelta(seconds=10),
            summary=f"summary: {secret}",
        )
        try:
            await workflow.execute_activity(
                "stumble",
                turn,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=ONCE,
            )
        except ActivityError:
            answer += " (stumbled)"
        if self.heard[-1].startswith("fail"):
            raise ApplicationError(f"workflow failed: {secret}", secret, type="Refused")
        return answer
