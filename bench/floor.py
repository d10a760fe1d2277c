"""The raw floor: what Temporal alone takes on this machine, in this run."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import PollerBehaviorAutoscaling, Worker

QUEUE = "bench-floor"


@activity.defn
async def nothing() -> None:
    """A no-op."""


class LastStep:
    """The third no-op: tells this process when it ran."""

    def __init__(self) -> None:
        self.ran: asyncio.Queue[float] = asyncio.Queue()

    @activity.defn
    async def last(self) -> None:
        self.ran.put_nowait(time.monotonic())


@workflow.defn
class Idle:
    """Takes signals and does nothing: what a bare SignalWithStart costs."""

    def __init__(self) -> None:
        self.signals = 0

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.signals > 1_000_000)

    @workflow.signal
    def receive(self, _text: str) -> None:
        self.signals += 1


@workflow.defn
class ThreeActivities:
    """One signal, then three no-op activities: the least that a turn can take."""

    def __init__(self) -> None:
        self._pending = 0

    @workflow.run
    async def run(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._pending > 0)
            self._pending -= 1
            for step in ("nothing", "nothing", "last"):
                await workflow.execute_activity(step, start_to_close_timeout=timedelta(seconds=10))

    @workflow.signal
    def receive(self) -> None:
        self._pending += 1


def worker(client: Client, last_step: LastStep) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[Idle, ThreeActivities],
        activities=[nothing, last_step.last],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


@dataclass(frozen=True)
class Turns:
    """What turns took, and what each left in the history."""

    seconds: list[float]
    events: float
    size: float
    """Bytes."""


async def signal_with_start_rate(
    client: Client, *, people: int, messages: int, in_flight: int
) -> tuple[float, list[float]]:
    """Signals a second at `in_flight`, and the seconds that each took."""
    prefix, gate = str(uuid4()), asyncio.Semaphore(in_flight)

    async def one(number: int) -> float:
        async with gate:
            began = time.monotonic()
            await client.start_workflow(
                Idle.run,
                id=f"floor/{prefix}/{number % people}",
                task_queue=QUEUE,
                start_signal="receive",
                start_signal_args=["x" * 300],
            )
            return time.monotonic() - began

    began = time.monotonic()
    seconds = await asyncio.gather(*(one(number) for number in range(messages)))
    return messages / (time.monotonic() - began), list(seconds)


async def turns(client: Client, last_step: LastStep, *, count: int) -> Turns:
    """Signal to the third activity, one turn at a time in one conversation."""
    handle = await client.start_workflow(
        ThreeActivities.run, id=f"floor/{uuid4()}", task_queue=QUEUE
    )
    seconds: list[float] = []
    for _ in range(count):
        began = time.monotonic()
        await handle.signal(ThreeActivities.receive)
        seconds.append(await last_step.ran.get() - began)
    history = await history_of(handle)
    await handle.terminate()
    return Turns(seconds, events=history[0] / count, size=history[1] / count)


async def history_of(handle: WorkflowHandle[Any, Any]) -> tuple[float, float]:
    """Events and bytes of a workflow's history so far."""
    info = (await handle.describe()).raw_description.workflow_execution_info
    return info.history_length, info.history_size_bytes
