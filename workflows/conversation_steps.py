"""The steps of a conversation as Temporal runs them: where, how long, how often, under what words.

Local activities run in the worker that has the workflow: storage, which is quick and idempotent.
The others are on queues of their own, so that operators see them and each has its own limits.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from contracts import activities, names
    from contracts.conversation import (
        CannedReply,
        ChangedStatus,
        ChangeStatus,
        DraftedReply,
        FetchedMedia,
        FetchMedia,
        GenerateReply,
        MarkRead,
        PreparedKind,
        RecordEcho,
        RecordedInbound,
        RecordInbound,
        RefreshedMemory,
        RefreshMemory,
        RetrievedPassages,
        SendPart,
        SentPart,
        SettleUncertain,
        Turn,
        UncertainDecision,
        WithdrawPart,
        WriteReply,
    )
    from contracts.quotas import ReachedLimit

SERVICE_WINDOW: Final = timedelta(hours=24)
"""Meta's customer service window: after it a reply would be refused."""

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_STORAGE_TIMEOUT: Final = timedelta(seconds=10)
_STORAGE_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=15)
)
"""Storage that is down comes back: what was acknowledged waits for it rather than get lost."""

_MODEL_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=300),
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=4,
)
_SEND_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=60)
)


_PREPARED: Final[dict[PreparedKind, str]] = {
    "fallback": "the fallback message: no reply could be written",
    "handoff": "word that a human is called",
    "taken_over": "word that a human is here",
    "stopped": "word that promotions stop",
    "resumed": "word that promotions go on",
    "reopening": "the reopening template: the service window is closed",
}


def prepared(kind: PreparedKind) -> str:
    """What is sent, and why, in an operator's words."""
    return _PREPARED.get(kind, f"the {kind} message")


def counted(count: int, thing: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _stored(
    activity: Callable[[Argument], Awaitable[Result]], argument: Argument, *, summary: str
) -> Awaitable[Result]:
    return workflow.execute_local_activity(
        activity,
        argument,
        start_to_close_timeout=_STORAGE_TIMEOUT,
        retry_policy=_STORAGE_RETRY,
        summary=summary,
    )


def record(request: RecordInbound) -> Awaitable[RecordedInbound]:
    return _stored(
        activities.record_inbound,
        request,
        summary=f"record {counted(len(request.messages), 'message')}",
    )


def change_status(request: ChangeStatus) -> Awaitable[ChangedStatus]:
    return _stored(
        activities.change_status,
        request,
        summary=f"note that the conversation is {_whose(request)}",
    )


def _whose(request: ChangeStatus) -> str:
    if request.handoff is None:
        return "the assistant's"
    return "a human's" if request.handoff.operator else "waiting for a human"


def record_echo(request: RecordEcho) -> Awaitable[None]:
    return _stored(
        activities.record_echo, request, summary="record a reply from the WhatsApp Business app"
    )


def close(turn: Turn, *, because: str = "no message for 24 h") -> Awaitable[None]:
    return _stored(activities.close_conversation, turn, summary=f"close: {because}")


def start_mark_read(request: MarkRead) -> workflow.ActivityHandle[None]:
    return workflow.start_activity(
        activities.mark_read,
        request,
        task_queue=names.WHATSAPP_QUEUE,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(maximum_attempts=2),
        summary="mark as read, show typing" if request.typing else "mark as read",
    )


def start_fetching(turn: Turn) -> workflow.ActivityHandle[FetchedMedia]:
    """Two minutes; what is not read by then is answered as what could not be read."""
    return workflow.start_activity(
        activities.fetch_media,
        FetchMedia(turn=turn),
        task_queue=names.MEDIA_QUEUE,
        start_to_close_timeout=timedelta(seconds=100),
        schedule_to_close_timeout=timedelta(seconds=120),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=_MODEL_RETRY,
        summary=f"fetch and read the files of {counted(len(turn.message_ids), 'message')}",
    )


def start_retrieval(turn: Turn) -> workflow.ActivityHandle[RetrievedPassages]:
    """On the workflow's own queue: its worker starts it without a round trip."""
    return workflow.start_activity(
        activities.retrieve_passages,
        turn,
        start_to_close_timeout=timedelta(seconds=12),
        schedule_to_close_timeout=timedelta(seconds=45),
        retry_policy=_MODEL_RETRY,
        summary=f"look up passages for {counted(len(turn.message_ids), 'message')}",
    )


def start_generation(request: GenerateReply) -> workflow.ActivityHandle[DraftedReply]:
    """Three minutes are as long as a person is kept waiting before the fallback goes out."""
    return workflow.start_activity(
        activities.generate_reply,
        request,
        task_queue=names.LLM_QUEUE,
        start_to_close_timeout=timedelta(seconds=90),
        schedule_to_close_timeout=timedelta(seconds=180),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=_MODEL_RETRY,
        summary=f"write a reply from {counted(len(request.passages), 'passage')}",
    )


def start_writing(request: WriteReply) -> workflow.ActivityHandle[DraftedReply]:
    """Three minutes are as long as a person is kept waiting before the fallback goes out."""
    return workflow.start_activity(
        activities.write_reply,
        request,
        task_queue=names.LLM_QUEUE,
        start_to_close_timeout=timedelta(seconds=90),
        schedule_to_close_timeout=timedelta(seconds=180),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=_MODEL_RETRY,
        summary=f"write the answer to {counted(len(request.turn.message_ids), 'message')}",
    )


def start_refreshing(request: RefreshMemory) -> workflow.ActivityHandle[RefreshedMemory]:
    """What this one leaves, the next one takes in."""
    return workflow.start_activity(
        activities.refresh_memory,
        request,
        task_queue=names.LLM_QUEUE,
        start_to_close_timeout=timedelta(seconds=120),
        schedule_to_close_timeout=timedelta(seconds=300),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(maximum_attempts=2),
        summary="remember what was said",
    )


def draft_canned(
    turn: Turn, kind: PreparedKind, *, because: str = "", mark_read: str | None = None
) -> Awaitable[DraftedReply]:
    request = CannedReply(turn=turn, kind=kind)
    if mark_read is not None:
        request = CannedReply(turn=turn, kind=kind, mark_read=mark_read)
    return _stored(
        activities.draft_canned_reply, request, summary=f"{because}take the {kind} message"
    )


def start_send(request: SendPart, *, summary: str) -> workflow.ActivityHandle[SentPart]:
    """Once it is cancelled, its end says whether Meta has the message."""
    return workflow.start_activity(
        activities.send_part,
        request,
        task_queue=names.WHATSAPP_QUEUE,
        start_to_close_timeout=timedelta(seconds=45),
        heartbeat_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=SERVICE_WINDOW,
        retry_policy=_SEND_RETRY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


def withdraw(request: WithdrawPart) -> Awaitable[None]:
    return _stored(
        activities.withdraw_part,
        request,
        summary="withdraw what was not sent: a human has taken over",
    )


def tell_limit(turn: Turn, limit: ReachedLimit) -> Awaitable[DraftedReply]:
    """Who is too quick is told so; of the organisation's quotas there is one message."""
    slow_down = limit.quota == "messages_per_person_per_minute"
    return draft_canned(
        turn,
        "slow_down" if slow_down else "quota",
        because=f"{limit.quota} is reached: ",
    )


def settle(request: SettleUncertain, *, summary: str) -> Awaitable[UncertainDecision]:
    return _stored(activities.settle_uncertain_send, request, summary=summary)
