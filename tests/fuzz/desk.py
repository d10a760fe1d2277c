"""The product's own worker, with nobody outside: what would ask a model or Meta answers at once."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio import activity
from temporalio.worker import Worker

from adapters.temporal.client import connect
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import (
    CannedReply,
    DraftedReply,
    FetchedMedia,
    FetchMedia,
    GenerateReply,
    MarkRead,
    RefreshedMemory,
    RefreshMemory,
    RetrievedPassages,
    SendPart,
    SentPart,
    Turn,
    WriteReply,
)
from contracts.ids import MessageId
from settings import Settings
from worker.assembly import open_activities
from worker.registry import registrations

_DRAFT = DraftedReply(draft_id="draft", parts=1)


class Desk:
    """Stands in for what is outside. Whatever it does not name is the product's own."""

    def __init__(self) -> None:
        self.answered: Counter[MessageId] = Counter()
        """Messages that a reply went out for, with how many did."""

    @activity.defn(name="fetch_media")
    async def fetch_media(self, request: FetchMedia) -> FetchedMedia:
        return FetchedMedia(failed=request.turn.message_ids)

    @activity.defn(name="retrieve_passages")
    async def retrieve_passages(self, turn: Turn) -> RetrievedPassages:  # noqa: ARG002 - signature
        return RetrievedPassages()

    @activity.defn(name="write_reply")
    async def write_reply(self, request: WriteReply) -> DraftedReply:  # noqa: ARG002 - signature
        return _DRAFT

    @activity.defn(name="generate_reply")
    async def generate_reply(self, request: GenerateReply) -> DraftedReply:  # noqa: ARG002 - signature
        return _DRAFT

    @activity.defn(name="draft_canned_reply")
    async def draft_canned_reply(self, request: CannedReply) -> DraftedReply:  # noqa: ARG002 - signature
        return _DRAFT

    @activity.defn(name="mark_read")
    async def mark_read(self, request: MarkRead) -> None:
        pass

    @activity.defn(name="refresh_memory")
    async def refresh_memory(self, request: RefreshMemory) -> RefreshedMemory:  # noqa: ARG002 - signature
        return RefreshedMemory()

    @activity.defn(name="send_part")
    async def send_part(self, request: SendPart) -> SentPart:
        self.answered.update(request.turn.message_ids)
        return SentPart(outcome="sent")

    def instead_of(self, activities: Sequence[Callable[..., Any]]) -> list[Callable[..., Any]]:
        own = {
            _name(each): each
            for each in (
                self.fetch_media, self.retrieve_passages, self.write_reply, self.generate_reply,
                self.draft_canned_reply, self.mark_read, self.refresh_memory, self.send_part,
            )
        }  # fmt: skip
        return [own.get(_name(each), each) for each in activities]


@asynccontextmanager
async def staffed_desk(settings: Settings) -> AsyncIterator[Desk]:
    """The desk, with workers on every queue."""
    desk, client = Desk(), await connect(settings)
    async with (
        open_activities(settings, client, metrics=WorkerMetrics()) as activities,
        AsyncExitStack() as stack,
    ):
        for registration in registrations(activities):
            worker = Worker(
                client,
                task_queue=registration.task_queue,
                workflows=registration.workflows,
                activities=desk.instead_of(registration.activities),
                max_concurrent_activities=registration.max_concurrent_activities,
            )
            await stack.enter_async_context(worker)
        yield desk


def _name(implementation: Callable[..., Any]) -> str:
    return activity._Definition.must_from_callable(implementation).name or ""
