"""The supervisor on small real programs."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from local.process import Part, PartFailed, PartProcess, Probe, nothing, plain_environment
from local.supervisor import Backoff, Supervisor

SLEEP = "import time; print('up', flush=True); time.sleep(3600)"


class Said:
    """A reporter that remembers, and lets a test wait for a sentence."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._news = asyncio.Event()

    def waiting(self, name: str) -> None:
        self._note(f"{name} waits")

    def starting(self, name: str) -> None:
        self._note(f"{name} starts")

    def up(self, name: str, *, seconds: float) -> None:
        assert seconds >= 0
        self._note(f"{name} is up")

    def failed(self, name: str) -> None:
        self._note(f"{name} failed")

    def say(self, sentence: str) -> None:
        self._note(sentence)

    def _note(self, event: str) -> None:
        self.events.append(event)
        self._news.set()

    async def hears(self, words: str, *, times: int = 1) -> str:
        """Wait until an event with these words was reported so many times; the last one."""
        async with asyncio.timeout(30):
            while True:
                matching = [event for event in self.events if words in event]
                if len(matching) >= times:
                    return matching[-1]
                self._news.clear()
                await self._news.wait()


Make = Callable[..., Part]


@pytest.fixture
def part(tmp_path: Path) -> Make:
    def make(
        name: str,
        program: str = SLEEP,
        *,
        needs: tuple[str, ...] = (),
        ends: bool = False,
        probe: Probe = nothing,
        stop_seconds: float = 8.0,
    ) -> Part:
        return Part(
            name=name,
            command=(sys.executable, "-c", program),
            environment=plain_environment(),
            log_file=tmp_path / f"{name}.log",
            needs=needs,
            ends=ends,
            probe=probe,
            stop_seconds=stop_seconds,
        )

    return make


@contextlib.asynccontextmanager
async def supervised(*parts: Part) -> AsyncIterator[tuple[Supervisor, Said]]:
    said = Said()
    supervisor = Supervisor(parts, reporter=said, clock=time.monotonic)
    try:
        yield supervisor, said
    finally:
        await supervisor.stop()


def prints_up(log_file: Path) -> Probe:
    async def probe() -> None:
        if not has_printed_up(log_file):
            raise ConnectionError("it has not said that it is up")

    return probe


def has_printed_up(log_file: Path) -> bool:
    return "up" in log_file.read_text()


async def test_parts_start_after_what_they_need_and_stop_before_it(
    part: Make, tmp_path: Path
) -> None:
    order = tmp_path / "order.txt"
    program = (
        "import signal, sys, time\n"
        f"note = lambda word: open({str(order)!r}, 'a').write(word + ' ')\n"
        "signal.signal(signal.SIGTERM, lambda *_: (note('-NAME'), sys.exit()))\n"
        "note('+NAME'); print('up', flush=True); time.sleep(3600)"
    )
    parts = [
        part(
            name,
            program.replace("NAME", name),
            needs=needs,
            probe=prints_up(tmp_path / f"{name}.log"),
        )
        for name, needs in {"c": ("b",), "b": ("a",), "a": ()}.items()
    ]
    async with supervised(*parts) as (supervisor, _):
        await supervisor.start()
    assert order.read_text().split() == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_step_has_ended_before_what_needs_it_starts(part: Make) -> None:
    step = part("migrate", "import time; time.sleep(0.3)", ends=True)
    async with supervised(step, part("api", needs=("migrate",))) as (supervisor, said):
        await supervisor.start()
        assert said.events.index("migrate is up") < said.events.index("api starts")
        assert supervisor.process_ids.keys() == {"api"}


async def test_a_failed_step_is_told_with_the_end_of_its_log(part: Make) -> None:
    step = part("migrate", "import sys; sys.exit('no such table')", ends=True)
    async with supervised(step, part("api", needs=("migrate",))) as (supervisor, said):
        with pytest.raises(PartFailed, match=r"migrate exited with code 1\. .* no such table"):
            await supervisor.start()
        assert "api starts" not in said.events


async def test_a_part_that_dies_again_and_again_is_said_to_keep_failing(part: Make) -> None:
    async with supervised(part("frail")) as (supervisor, said):
        await supervisor.start()
        for death in range(1, 4):
            await said.hears("is up", times=death)
            os.kill(supervisor.process_ids["frail"], signal.SIGKILL)
        sentence = await said.hears("keeps failing")
    assert "frail was killed by SIGKILL" in sentence
    assert "next try in" in sentence


async def test_pauses_grow_while_it_keeps_failing_and_shrink_after_a_quiet_time() -> None:
    now = 0.0
    backoff = Backoff(clock=lambda: now)
    quick = [backoff.next_pause() for _ in range(8)]
    assert quick == sorted(quick)
    assert quick[-1] == 15.0
    assert backoff.keeps_failing
    now += 3600
    assert backoff.next_pause() == quick[0]
    assert not backoff.keeps_failing


async def test_a_part_that_ignores_the_request_to_stop_is_killed(part: Make) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
    log_file = part("deaf").log_file
    deaf = part("deaf", program, probe=prints_up(log_file), stop_seconds=0.3)
    process = await PartProcess.start(deaf)
    await process.wait_healthy(timeout=10)
    await process.stop()
    assert process.return_code == -signal.SIGKILL


async def test_what_a_dead_part_started_does_not_stay(part: Make, tmp_path: Path) -> None:
    log_file = tmp_path / "parent.log"
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        "print(child.pid, 'up', flush=True); time.sleep(3600)"
    )
    process = await PartProcess.start(part("parent", program, probe=prints_up(log_file)))
    await process.wait_healthy(timeout=10)
    grandchild = psutil.Process(psutil.Process(process.process_id).children()[0].pid)
    os.kill(process.process_id, signal.SIGKILL)
    await process.wait()
    await asyncio.to_thread(psutil.wait_procs, [grandchild], timeout=10)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_a_part_that_never_answers_is_given_up_with_the_reason(part: Make) -> None:
    async def probe() -> None:
        raise ConnectionError("nobody listens")

    process = await PartProcess.start(part("mute", probe=probe))
    try:
        with pytest.raises(PartFailed, match=r"mute did not answer within 0 .*nobody listens"):
            await process.wait_healthy(timeout=0.2)
    finally:
        await process.stop()


async def test_needing_a_part_that_nobody_starts_is_refused(part: Make) -> None:
    with pytest.raises(ValueError, match="nobody starts"):
        Supervisor([part("api", needs=("ghost",))], reporter=Said(), clock=time.monotonic)
