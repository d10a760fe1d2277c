"""One conversation of thousands of turns: does every run of it continue as new in time?

python -m bench.long_conversation [--turns N] [--quiet SECONDS]

The real workflow on a real Temporal server, with activities that keep everything in memory, and
payloads encrypted as in production. Exits with 1 when the history of a run grew beyond the size at
which Temporal suggests to continue as new.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from adapters.keyring import KeyRing
from adapters.temporal.plugin import parley_plugin
from domain import pacing
from telemetry import configure_logging
from tests.servers import make_directory, running_temporal
from tests.workflows.conversation_world import RunningConversation, World, eventually, message

SUGGESTED_EVENTS = 4096
SUGGESTED_BYTES = 4 * 2**20
"""Temporal's defaults: `limit.historyCount.suggestContinueAsNew` and `…historySize…`."""


@dataclass(frozen=True)
class Run:
    run_id: str
    events: int
    size: int


def _at_once(_whole_at: int, *, now: datetime) -> timedelta:  # noqa: ARG001 - as the original has it
    return timedelta()


async def main(*, turns: int, quiet: float, show: bool) -> int:
    # Meta's pair limit would make this take hours; the wait is one timer more in the history.
    pacing.wait_before_next = _at_once  # type: ignore[assignment]
    configure_logging(level="WARNING", output="console", process="bench")
    async with running_temporal(make_directory()) as server:
        key_ring = KeyRing(["bench" * 8])
        client = await Client.connect(server.address, plugins=[parley_plugin(key_ring)])
        world = World()
        began = time.monotonic()
        async with RunningConversation(client, world) as conversation:
            for number in range(1, turns + 1):
                received = message(number).model_copy(update={"debounce_seconds": quiet})
                await conversation.receive(received)
                await eventually(lambda number=number: len(world.sent) == number, within=60)  # type: ignore[misc]
            seconds = time.monotonic() - began
            runs = [run async for run in _runs(client, conversation.workflow_id)]
            if show:
                await _show_events(client, conversation.workflow_id)
    answers = Counter(world.replies)
    complete = len(answers) == turns and set(answers.values()) == {1}
    events, size = max(run.events for run in runs), max(run.size for run in runs)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"turns            {turns}, each answered once: {'yes' if complete else 'NO'}")
    print(f"runs             {len(runs)}")
    print(f"events of a run  at most {events}, suggested are {SUGGESTED_EVENTS}")
    print(f"bytes of a run   at most {size}, suggested are {SUGGESTED_BYTES}")
    print(f"events of a turn {sum(run.events for run in runs) / turns:.1f}")
    print(f"bytes of a turn  {sum(run.size for run in runs) / turns:.0f}")
    print(f"seconds          {seconds:.0f}, {turns / seconds:.1f} turns a second, load {load}")
    in_time = events <= SUGGESTED_EVENTS and size <= SUGGESTED_BYTES
    return 0 if complete and in_time else 1


async def _runs(client: Client, workflow_id: str) -> AsyncIterator[Run]:
    async for found in client.list_workflows(f"WorkflowId = '{workflow_id}'"):
        handle = client.get_workflow_handle(workflow_id, run_id=found.run_id)
        info = (await handle.describe()).raw_description.workflow_execution_info
        yield Run(found.run_id, info.history_length, info.history_size_bytes)


async def _show_events(client: Client, workflow_id: str) -> None:
    """What the last run's history consists of."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for event in history.events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        sizes[name] += event.ByteSize()
        counts[name] += 1
    for name, size in sizes.most_common():
        print(f"{name:<40}{counts[name]:>6}{size:>10} bytes{size / counts[name]:>8.0f} each")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.long_conversation", description=__doc__)
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--quiet", type=float, default=0, help="the assistant's quiet period")
    parser.add_argument("--show", action="store_true", help="what the last history consists of")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(turns=arguments.turns, quiet=arguments.quiet, show=arguments.show)))
