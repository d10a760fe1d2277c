"""Ends workflows and removes what Temporal remembers of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution as ExecutionId
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

CONCURRENCY: Final = 16
CHUNK: Final = 500
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 600.0
"""A server deletes a run that has just ended once it has noted all that led to its end: by default
that takes up to a minute (`history.transferProcessorUpdateAckInterval`)."""

_REASON: Final = "what it belongs to is being erased"
_RPC_TIMEOUT: Final = timedelta(seconds=10)


class Executions:
    """Runs of workflows, whatever they are of. Filters are those of Temporal's lists."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at_once = asyncio.Semaphore(CONCURRENCY)

    async def terminate(self, workflow_ids: Iterable[str]) -> None:
        """End the open runs of the workflows; nothing happens where there is none."""
        await asyncio.gather(*map(self._terminate, workflow_ids))

    async def cancel(self, workflow_ids: Iterable[str]) -> None:
        """Ask the open runs of the workflows to stop; nothing happens where there is none."""
        for workflow_id in workflow_ids:
            handle = self._client.get_workflow_handle(workflow_id)
            await _unless_gone(handle.cancel(rpc_timeout=_RPC_TIMEOUT))

    async def terminate_listed(self, query: str) -> int:
        """End what is open, until Temporal lists nothing open more; how many runs that were.

        Raises:
            TimeoutError: nothing has changed for ten minutes; ask again.
        """

        async def end(execution: WorkflowExecution) -> None:
            # Not by run: it may have continued as new since it was listed.
            await self._terminate(execution.id)

        return await self._until_none(f"({query}) AND ExecutionStatus = 'Running'", end)

    async def remove_listed(self, query: str) -> int:
        """Delete the histories, until Temporal lists none more; how many. What is open is ended.

        Temporal deletes in the background, sooner what has been closed for a while.

        Raises:
            TimeoutError: nothing has changed for ten minutes; ask again.
        """

        async def remove(execution: WorkflowExecution) -> None:
            if execution.status is WorkflowExecutionStatus.RUNNING:
                await self._terminate(execution.id)
            await self._delete(execution)

        return await self._until_none(query, remove)

    async def _until_none(
        self, query: str, act: Callable[[WorkflowExecution], Awaitable[None]]
    ) -> int:
        """Act on each run that is listed, once. Lists are a moment behind, so wait for them."""
        known: set[str] = set()
        listed, pause, last_change = -1, FIRST_PAUSE_SECONDS, time.monotonic()
        while True:
            before, listed = listed, 0
            fresh: list[WorkflowExecution] = []
            async for found in self._client.list_workflows(query):
                listed += 1
                if found.run_id not in known:
                    known.add(found.run_id)
                    fresh.append(found)
                if len(fresh) == CHUNK:
                    await asyncio.gather(*map(act, fresh))
                    fresh = []
            await asyncio.gather(*map(act, fresh))
            if listed == 0:
                return len(known)
            if listed != before:
                last_change = time.monotonic()
            elif time.monotonic() - last_change > PATIENCE_SECONDS:
                raise TimeoutError(f"Temporal still lists {listed} runs that were to go")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _terminate(self, workflow_id: str) -> None:
        async with self._at_once:
            handle = self._client.get_workflow_handle(workflow_id)
            await _unless_gone(handle.terminate(reason=_REASON, rpc_timeout=_RPC_TIMEOUT))

    async def _delete(self, execution: WorkflowExecution) -> None:
        run = ExecutionId(workflow_id=execution.id, run_id=execution.run_id)
        request = DeleteWorkflowExecutionRequest(
            namespace=self._client.namespace, workflow_execution=run
        )
        async with self._at_once:
            delete = self._client.workflow_service.delete_workflow_execution
            await _unless_gone(delete(request, timeout=_RPC_TIMEOUT))


async def _unless_gone(call: Awaitable[object]) -> None:
    try:
        await call
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
