"""Mutated deliveries at the door of the product: none is a 500, none gets a conversation stuck.

`python -m tests.fuzz.webhooks` runs many of them; here are as many as a test run has time for.
"""

import asyncio
import logging
import os
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any, Final

import httpx
import pytest
import structlog
from fastapi import FastAPI
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from adapters.postgres.channel_routes import ChannelRoute
from api.conversation_signals import ConversationSignals
from api.services import Services
from contracts.conversation import (
    ConversationState,
    InboundMessage,
    ReceivedEcho,
    ReceivedMessage,
)
from contracts.ids import (
    ConversationId,
    MessageId,
    OrganizationId,
    PersonId,
    conversation_id,
    conversation_workflow_id,
)
from domain.webhook.delivery import MalformedDelivery, read_delivery
from settings import Settings
from tests.api.conftest import Organization
from tests.api.test_webhooks import deliver, make_channel
from tests.fuzz.deliveries import MutatedDeliveries
from tests.fuzz.desk import Desk, staffed_desk
from tests.fuzz.storable import check
from tests.fuzz.webhooks import COUNT, DOOR, SEED

READ: Final = int(os.environ.get(COUNT, "2000"))
DELIVERED: Final = int(os.environ.get(DOOR, "200"))
FIRST: Final = int(os.environ.get(SEED, "1"))
PEOPLE: Final = 400
AT_ONCE: Final = 8
GOES_ON_SECONDS: Final = 120
_BUSY: Final = "Potential deadlock detected"
"""Temporal's SDK of a workflow that the machine had no time for; it is tried again."""
CHUNK: Final = 10_000
"""Read by a process at a time."""
NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

Talk = tuple[ChannelRoute, PersonId]


class Complaints:
    """What was logged that nobody should have to read after hostile input."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, _logger: Any, level: str, event: structlog.typing.EventDict) -> Any:
        if level in ("error", "critical", "exception") or event.get("event") == "activity_failed":
            self.lines.append(f"{level}: {event}")
        raise structlog.DropEvent


class _Handler(logging.Handler):
    def __init__(self, complaints: Complaints) -> None:
        super().__init__(level=logging.WARNING)
        self._complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.name}: {record.getMessage()}"
        if record.exc_info:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info))
        if _BUSY not in line:
            self._complaints.lines.append(line)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    before, handler = structlog.get_config(), _Handler(complaints)
    structlog.configure(processors=[complaints])
    logging.getLogger().addHandler(handler)
    yield complaints
    for line in complaints.lines[:20]:
        print(line)
    logging.getLogger().removeHandler(handler)
    structlog.configure(**before)


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> dict[Talk, set[str]]:
    """Conversations that a signal was accepted for, with the ids of the messages."""
    heard: dict[Talk, set[str]] = defaultdict(set)
    original = ConversationSignals._signal_with_start

    async def listening(
        signals: ConversationSignals,
        route: ChannelRoute,
        person: PersonId,
        signal: str,
        argument: ReceivedMessage | ReceivedEcho,
    ) -> None:
        await original(signals, route, person, signal, argument)
        heard[route, person]  # An echo is not in the transcript of every version.
        if isinstance(argument, ReceivedMessage):
            heard[route, person].add(argument.message.whatsapp_message_id)

    monkeypatch.setattr(ConversationSignals, "_signal_with_start", listening)
    return heard


@pytest.mark.timeout(0 if READ > CHUNK else 120)
def test_whatever_is_read_can_be_kept() -> None:
    began, seen = time.time(), Counter[str]()
    chunks = [range(at, min(at + CHUNK, READ)) for at in range(0, READ, CHUNK)]
    if len(chunks) == 1:
        seen = _read(chunks[0])
    else:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
            for read in processes.map(_read, chunks):
                seen += read
    print(f"\n{READ} mutated deliveries read in {time.time() - began:.0f} s:", dict(seen))


def _read(positions: range) -> Counter[str]:
    """What these deliveries are read as; each update is held to what every store takes."""
    deliveries, seen = MutatedDeliveries(FIRST, people=PEOPLE), Counter[str]()
    for position in positions:
        try:
            updates = read_delivery(deliveries[position], received_at=NOW)
            for update in updates:
                check(update)
        except MalformedDelivery:
            seen["malformed"] += 1
        except Exception as error:
            raise AssertionError(f"delivery {position} of seed {FIRST}") from error
        else:
            seen.update(type(update).__name__ for update in updates)
    return seen


@pytest.mark.timeout(0 if DELIVERED > 2_000 else 300)
async def test_no_delivery_is_a_500_and_every_conversation_goes_on(
    settings: Settings,
    app: FastAPI,
    stranger: httpx.AsyncClient,
    ours: Organization,
    theirs: Organization,
    signalled: dict[Talk, set[str]],
    complaints: Complaints,
) -> None:
    services: Services = app.state.services
    channels = [await make_channel(owner) for owner in (ours, ours, theirs)]
    numbers = [channel["phone_number_id"] for channel in channels]
    deliveries = MutatedDeliveries(FIRST, phone_number_ids=numbers, people=PEOPLE)
    began = time.time()
    async with staffed_desk(settings) as desk:
        answers = await _deliver_all(stranger, deliveries)
        delivered = time.time() - began
        hostile = {talk: set(ids) for talk, ids in signalled.items()}
        normal = await _write_to_all(services, list(hostile))
        gate = asyncio.Semaphore(AT_ONCE)

        async def goes_on(talk: Talk) -> None:
            async with gate:
                await _goes_on(services, desk, talk, hostile[talk] | {normal})

        await asyncio.gather(*map(goes_on, hostile))
    outcomes = {
        (sample.labels["kind"], sample.labels["outcome"]): int(sample.value)
        for metric in services.metrics.webhook_updates.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    print(f"\n{DELIVERED} mutated deliveries taken in {delivered:.0f} s, by status:", dict(answers))
    print("updates:", {" ".join(names): count for names, count in sorted(outcomes.items())})
    print(f"{len(hostile)} conversations go on, after {time.time() - began:.0f} s")
    assert set(answers) <= {200, 400, 413}
    assert complaints.lines == []
    assert hostile


async def _deliver_all(client: httpx.AsyncClient, deliveries: MutatedDeliveries) -> Counter[int]:
    """The statuses of the answers; who gets no answer at all is told at once."""
    answers: Counter[int] = Counter()
    positions = iter(range(DELIVERED))

    async def post() -> None:
        for position in positions:
            answer = await deliver(client, deliveries[position])
            answers[answer.status_code] += 1
            assert answer.status_code < 500, f"delivery {position} of seed {FIRST}"

    await asyncio.gather(*(post() for _ in range(AT_ONCE)))
    return answers


async def _write_to_all(services: Services, talks: list[Talk]) -> str:
    """A normal message to every conversation, as the webhook would bring it; its id."""
    signals, message_id = ConversationSignals(services.temporal), f"wamid.normal.{time.time_ns()}"
    message = InboundMessage(
        whatsapp_message_id=message_id,
        type="text",
        reply="answer",
        text="Are you still there?",
        sent_at=datetime.now(UTC),
    )
    for route, person in talks:
        await signals.receive_message(route, person, message, trace_id="")
    return message_id


async def _goes_on(services: Services, desk: Desk, talk: Talk, expected: set[str]) -> None:
    """All that was accepted is in the transcript, the normal message is answered unless a human has
    the conversation, and the workflow has no task that fails."""
    route, person = talk
    conversation = conversation_id(route.channel_id, person)
    (normal,) = (wamid for wamid in expected if wamid.startswith("wamid.normal."))
    handle = services.temporal.get_workflow_handle(
        conversation_workflow_id(route.channel_id, person)
    )
    recorded: dict[str, MessageId] = {}
    try:
        async with asyncio.timeout(GOES_ON_SECONDS):
            while True:
                recorded = await _recorded(services, route.organization_id, conversation)
                if (
                    expected <= recorded.keys()
                    and (desk.answered[recorded[normal]] or await _has_human(handle))
                    and await _is_well(handle)
                ):
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        described = (await handle.describe()).raw_description
        raise AssertionError(
            f"{conversation} is stuck. Not recorded: {sorted(expected - recorded.keys())}; "
            f"answered: {desk.answered[recorded.get(normal, MessageId(''))]}; "
            f"task: {described.pending_workflow_task}; steps: {described.pending_activities}"
        ) from None


async def _has_human(handle: WorkflowHandle[Any, Any]) -> bool:
    """An echo is a human's word: the assistant is silent then."""
    try:
        state: ConversationState = await handle.query("state", result_type=ConversationState)
    except RPCError:
        return False  # A task of the workflow has failed; whether for good is seen by and by.
    return state.status == "human"


async def _is_well(handle: WorkflowHandle[Any, Any]) -> bool:
    """Nothing is being tried again and again."""
    described = (await handle.describe()).raw_description
    attempts = [pending.attempt for pending in described.pending_activities]
    return all(attempt <= 1 for attempt in (described.pending_workflow_task.attempt, *attempts))


async def _recorded(
    services: Services, organization: OrganizationId, conversation: ConversationId
) -> dict[str, MessageId]:
    """What was written, by Meta's id, with the id in the transcript."""
    return {
        message.whatsapp_message_id or "": message.id
        async for page in services.conversations.transcript(organization, conversation)
        for message in page
    }
