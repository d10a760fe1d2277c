"""Steps of ingestion begin in the pauses of conversations, and after a while in any case."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from contracts import names
from tests.worker.test_registry import made
from worker import giving_way
from worker.giving_way import Conversations, GivingWay
from worker.registry import registrations


class Step(ActivityInboundInterceptor):
    """An activity that knows how often it ran."""

    def __init__(self) -> None:
        self.inputs: list[ExecuteActivityInput] = []

    @property
    def runs(self) -> int:
        return len(self.inputs)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self.inputs.append(input)
        await asyncio.sleep(0)
        return self.runs


@pytest.fixture
def conversations() -> Conversations:
    return Conversations()


async def write(conversations: Conversations, step: Step, *, times: int | None) -> None:
    """Steps of a conversation that follow one another as closely as those of a turn."""
    noted = conversations.intercept_activity(step)
    while times is None or step.runs < times:
        await noted.execute_activity(Mock())
        await asyncio.sleep(giving_way.PAUSE_SECONDS / 20)


async def test_a_step_waits_until_the_conversation_pauses(
    conversations: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "PAUSE_SECONDS", 1)
    monkeypatch.setattr(giving_way, "LONGEST_SECONDS", 60)
    turn, ingestion = Step(), Step()
    writing = asyncio.create_task(write(conversations, turn, times=10))
    await asyncio.sleep(0)
    gives_way = GivingWay(conversations).intercept_activity(ingestion)
    assert await gives_way.execute_activity(Mock()) == 1
    assert turn.runs == 10
    await writing


async def test_a_step_does_not_wait_for_ever(
    conversations: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "PAUSE_SECONDS", 1)
    monkeypatch.setattr(giving_way, "LONGEST_SECONDS", 0.2)
    turn, ingestion = Step(), Step()
    writing = asyncio.create_task(write(conversations, turn, times=None))
    await asyncio.sleep(0)
    gives_way = GivingWay(conversations).intercept_activity(ingestion)
    assert await gives_way.execute_activity(Mock()) == 1
    assert not writing.done()
    writing.cancel()


async def test_a_step_begins_at_once_where_nobody_writes(
    conversations: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.giving_way.asyncio.sleep", Mock(side_effect=AssertionError))
    ingestion = Mock(spec=ActivityInboundInterceptor)
    gives_way = GivingWay(conversations).intercept_activity(ingestion)
    await gives_way.execute_activity(Mock())
    ingestion.execute_activity.assert_awaited_once()


def test_documents_give_way_to_people() -> None:
    registered = registrations(made())
    assert {each.task_queue for each in registered if each.gives_way} == {names.INGESTION_QUEUE}
    assert {each.task_queue for each in registered if each.people_wait} == {
        *names.CONVERSATIONS_QUEUES,
        names.LLM_QUEUE,
        names.WHATSAPP_QUEUE,
        names.MEDIA_QUEUE,
    }
