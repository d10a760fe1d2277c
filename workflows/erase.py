"""Removes an organisation or a person from every store, however long that takes.

Each step may be repeated and waits for its store for ever. They are taken in passes: what was under
way when the erasure began may land behind a step, so the last pass is one that found nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from contracts.activities import (
        begin_erasure,
        end_workflows,
        erase_files,
        erase_histories,
        erase_items,
        erase_rows,
        erase_vectors,
        finish_erasure,
    )
    from contracts.erasure import Erase
    from contracts.names import ERASE_WORKFLOW

Step = Callable[[Erase], Awaitable[int]]

_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)
_LONGEST: Final = timedelta(days=1)
"""Of one attempt; the next one goes on where it stopped."""
_HEARTBEAT: Final = timedelta(seconds=30)


@workflow.defn(name=ERASE_WORKFLOW)
class EraseWorkflow:
    """Ends when a whole pass has found nothing of the subject, and the erasure says so."""

    @workflow.run
    async def run(self, request: Erase) -> None:
        await _record(begin_erasure, request, "let nobody find it any more")
        await _settle(request, "deliveries under way land")
        await self._pass(request, number=1)
        number = 2
        while await self._pass(request, number=number):
            number += 1
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
        await _record(finish_erasure, request, "say that nothing is left")
        _show(f"finished after {number} passes")

    async def _pass(self, request: Erase, *, number: int) -> bool:
        """Whether anything was there. Ends with a pause if so: the next pass looks later."""
        found = await _step(end_workflows, request, f"pass {number}: end workflows")
        if found:
            await _settle(request, "steps of workflows that were terminated come to their end")
        found += await _erase(erase_histories, request, number, "histories")
        of_organization = request.kind == "organization"
        # Erasures of people that began before people's files were kept have none to remove.
        if of_organization or workflow.patched("files-of-people"):
            found += await _erase(erase_files, request, number, "files")
        if of_organization:
            found += await _erase(erase_vectors, request, number, "vectors")
        found += await _erase(erase_items, request, number, "conversations, messages, people")
        found += await _erase(erase_rows, request, number, "rows")
        if found or number == 1:
            await _settle(request, "look again later")
        return found > 0


async def _erase(step: Step, request: Erase, number: int, what: str) -> int:
    return await _step(step, request, f"pass {number}: remove {what}")


async def _step(step: Step, request: Erase, summary: str) -> int:
    _show(summary)
    return await workflow.execute_activity(
        step,
        request,
        start_to_close_timeout=_LONGEST,
        heartbeat_timeout=_HEARTBEAT,
        retry_policy=_RETRIES,
        summary=summary,
    )


async def _record(step: Callable[[Erase], Awaitable[None]], request: Erase, summary: str) -> None:
    await workflow.execute_activity(
        step,
        request,
        start_to_close_timeout=timedelta(minutes=1),
        retry_policy=_RETRIES,
        summary=summary,
    )


async def _settle(request: Erase, summary: str) -> None:
    _show(f"waiting: {summary}")
    await workflow.sleep(timedelta(seconds=request.settle_seconds), summary=summary)


def _show(details: str) -> None:
    workflow.set_current_details(details)
