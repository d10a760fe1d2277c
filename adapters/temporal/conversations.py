"""Conversations as running workflows: what people and operators tell them, durably."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contracts import names
from contracts.conversation import (
    PROTOCOL,
    AcceptedMessage,
    CloseConversation,
    ConversationInput,
    ConversationRef,
    ConversationState,
    Operator,
    OperatorMessage,
    Release,
    TakeOver,
)
from contracts.ids import conversation_workflow_id
from contracts.model import Contract

UPDATE_TIMEOUT: Final = timedelta(seconds=10)
"""Of one update: a worker has to take it. Past this, the caller had better ask again."""
CLOSING_ATTEMPTS: Final = 3
"""Tries of an update that meets a run which is just ending."""
SETTLE_SECONDS: Final = 10.0
"""For a message of the assistant that was being handed to Meta at the moment of a take-over."""
SETTLE_POLL_SECONDS: Final = 0.1

Result = TypeVar("Result")


class ConversationRefused(Exception):
    """The conversation does not take it now; the message says why."""


class ConversationNotRunning(Exception):
    """There is nothing to change: the conversation is closed."""


class ConversationDesk:
    """What operators do in a conversation.

    Every method may raise `TimeoutError` when no worker takes the update in time, and `RPCError`
    when Temporal does not answer. An update that is sent again under the same id is done once.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def take_over(
        self, ref: ConversationRef, operator: Operator, *, update_id: str
    ) -> ConversationState:
        """Silence the assistant. When this returns, nothing of it is on its way any more."""
        state = await self._update_with_start(
            ref, "take_over", TakeOver(operator=operator), update_id, ConversationState
        )
        if state.sending:
            await self._until_nothing_is_sent(ref)
        return state

    async def release(
        self, ref: ConversationRef, operator: Operator, *, update_id: str
    ) -> ConversationState:
        """Let the assistant answer again; `ConversationNotRunning` when it is closed."""
        return await self._update(
            ref, "release", Release(operator=operator), update_id, ConversationState
        )

    async def close(
        self, ref: ConversationRef, operator: Operator, *, update_id: str
    ) -> ConversationState:
        """End it until the person writes again; `ConversationNotRunning` when it is closed."""
        return await self._update(
            ref, "close", CloseConversation(operator=operator), update_id, ConversationState
        )

    async def send_message(self, ref: ConversationRef, post: OperatorMessage) -> AcceptedMessage:
        """Have a message sent, once for each `post_id`.

        Raises:
            ConversationRefused: too many wait to be sent.
        """
        return await self._update_with_start(
            ref, "send_message", post, f"post-{post.post_id}", AcceptedMessage
        )

    async def _update_with_start(
        self,
        ref: ConversationRef,
        name: str,
        argument: Contract,
        update_id: str,
        result_type: type[Result],
    ) -> Result:
        async def update() -> Result:
            result: Result = await self._client.execute_update_with_start_workflow(
                name,
                argument,
                start_workflow_operation=WithStartWorkflowOperation(
                    names.CONVERSATION_WORKFLOW,
                    ConversationInput(conversation=ref, protocol=PROTOCOL),
                    **start_options(ref),
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                ),
                id=update_id,
                result_type=result_type,
            )
            return result

        return await _patiently(update)

    async def _update(
        self,
        ref: ConversationRef,
        name: str,
        argument: Contract,
        update_id: str,
        result_type: type[Result],
    ) -> Result:
        handle = self._client.get_workflow_handle(workflow_id(ref))

        async def update() -> Result:
            result: Result = await handle.execute_update(
                name, argument, id=update_id, result_type=result_type
            )
            return result

        return await _patiently(update)

    async def _until_nothing_is_sent(self, ref: ConversationRef) -> None:
        handle = self._client.get_workflow_handle(workflow_id(ref))
        async with asyncio.timeout(SETTLE_SECONDS):
            state = await handle.query("state", result_type=ConversationState)
            while state.sending:
                await asyncio.sleep(SETTLE_POLL_SECONDS)
                state = await handle.query("state", result_type=ConversationState)


def workflow_id(ref: ConversationRef) -> str:
    return conversation_workflow_id(ref.channel_id, ref.person_id)


def start_options(ref: ConversationRef) -> dict[str, Any]:
    """How the workflow of a conversation is started, by whoever needs it first."""
    return {
        "id": workflow_id(ref),
        "task_queue": names.conversations_queue(ref.organization_id),
        "static_summary": "WhatsApp conversation",
        "search_attributes": TypedSearchAttributes(
            [
                SearchAttributePair(names.ORGANIZATION_ID, ref.organization_id),
                SearchAttributePair(names.CHANNEL_ID, ref.channel_id),
                SearchAttributePair(names.CONVERSATION_ID, ref.conversation_id),
                SearchAttributePair(names.CONVERSATION_STATUS, "bot"),
            ]
        ),
        "priority": Priority(fairness_key=ref.organization_id),
    }


async def _patiently(update: Callable[[], Awaitable[Result]]) -> Result:
    """The update's result, also when it first meets a run that is just ending."""
    for attempt in range(CLOSING_ATTEMPTS):
        try:
            async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
                return await update()
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and _ran_out(error.cause):
                continue
            raise ConversationRefused(str(error.cause)) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise TimeoutError("no worker took the update") from error
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                # The task that the update came with was refused: a message came in just when the
                # run wanted to end. It runs again, without the update.
                if attempt == CLOSING_ATTEMPTS - 1:
                    raise TimeoutError("no task of the conversation took the update") from error
                continue
            if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED):
                raise
            if attempt == CLOSING_ATTEMPTS - 1 or error.status is RPCStatusCode.NOT_FOUND:
                raise ConversationNotRunning from error
    raise ConversationNotRunning


def _ran_out(error: ApplicationError) -> bool:
    """The run completed while the update waited for it (the server's own failure type)."""
    return error.type == "AcceptedUpdateCompletedWorkflow"
