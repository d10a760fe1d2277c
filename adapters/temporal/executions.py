"""Ends workflows and removes what Temporal remembers of them."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution as ExecutionId
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

CONCURRENCY: Final = 16
LISTED_AT_ONCE: Final = 1000
LISTING_PAUSE_SECONDS: Final = 0.5
_REASON: Final = "what it belongs to is being erased"
_RPC_TIMEOUT: Final = timedelta(seconds=10)


class Executions:
    """Runs of workflows, whatever they are of."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at_once = asyncio.Semaphore(CONCURRENCY)

    async def terminate(self, workflow_ids: Iterable[str]) -> None:
        """End the open runs of the workflows; nothing happens where there is none."""

        async def terminate(workflow_id: str) -> None:
            async with self._at_once:
                await self._terminate(workflow_id)

        await asyncio.gather(*map(terminate, workflow_ids))

    async def remove(self, query: str) -> int:
        """Terminate what is open and delete the histories, until Temporal lists nothing more.

        Temporal deletes in the background, and lists what has started or gone a moment later.

        Args:
            query: a list filter.

        Returns:
            How many runs it removed.
        """
        removed: set[str] = set()
        while True:
            listing = self._client.list_workflows(query, limit=LISTED_AT_ONCE)
            listed = [found async for found in listing]
            if not listed:
                return len(removed)
            await asyncio.gather(*map(self._remove, listed))
            removed |= {found.run_id for found in listed}
            await asyncio.sleep(LISTING_PAUSE_SECONDS)

    async def _remove(self, execution: WorkflowExecution) -> None:
        async with self._at_once:
            if execution.status is WorkflowExecutionStatus.RUNNING:
                # Not by run: it may have continued as new since it was listed.
                await self._terminate(execution.id)
            request = DeleteWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=ExecutionId(workflow_id=execution.id, run_id=execution.run_id),
            )
            try:
                await self._client.workflow_service.delete_workflow_execution(
                    request, timeout=_RPC_TIMEOUT
                )
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    async def _terminate(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).terminate(
                reason=_REASON, rpc_timeout=_RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
