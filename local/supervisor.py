"""Starts the parts of the embedded stack, keeps them running, and stops them.

Every part has one task. It waits for the parts that it needs, starts its own, and starts it again
when it dies. So what can go on side by side does, and there is no table of states to keep in step.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from local.process import LAST_WORDS, Part, PartFailed, PartProcess

START_SECONDS = 90.0
"""How long a part may take to get healthy on a slow machine, the first start's set-up included."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
DEATHS_IN_A_ROW = 3
"""From this many deaths within `MEMORY_SECONDS` on, a part counts as failing again and again."""
MEMORY_SECONDS = 120.0


class Backoff:
    """Pauses before each new start: none to speak of at first, longer and longer when it recurs."""

    def __init__(
        self, *, clock: Callable[[], float], longest_pause: float = LONGEST_PAUSE_SECONDS
    ) -> None:
        self._clock = clock
        self._longest_pause = longest_pause
        self._deaths: deque[float] = deque(maxlen=DEATHS_IN_A_ROW)
        self._pause = FIRST_PAUSE_SECONDS

    def next_pause(self) -> float:
        """Note a death; seconds to wait before the next start."""
        self._deaths.append(self._clock())
        grown = min(self._pause * 2, self._longest_pause)
        self._pause = grown if self.keeps_failing else FIRST_PAUSE_SECONDS
        return self._pause

    @property
    def keeps_failing(self) -> bool:
        oldest_counted = self._clock() - MEMORY_SECONDS
        return len(self._deaths) == DEATHS_IN_A_ROW and self._deaths[0] > oldest_counted


class Reporter(Protocol):
    """Whoever tells the person at the console what is going on."""

    def waiting(self, name: str) -> None: ...
    def starting(self, name: str) -> None: ...
    def up(self, name: str, *, seconds: float) -> None: ...
    def failed(self, name: str) -> None: ...
    def say(self, sentence: str) -> None: ...


class Supervisor:
    """Runs `parts`: `start` them, `watch` them until something is wrong for good, `stop` them.

    A part that dies is started again at once, then after longer and longer pauses; each time the
    reporter gets one sentence. Parts that need it are left alone: they have to live with an outage.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        reporter: Reporter,
        clock: Callable[[], float],
        longest_pause: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """
        Args:
            longest_pause: seconds before a part that keeps dying is started again.
        """
        self._parts = {part.name: part for part in parts}
        unknown = {need for part in parts for need in part.needs} - self._parts.keys()
        if unknown:
            raise ValueError(f"parts need {sorted(unknown)}, which nobody starts")
        self._reporter = reporter
        self._clock = clock
        self._longest_pause = longest_pause
        self._healthy = {name: asyncio.Event() for name in self._parts}
        self._stopped = {name: asyncio.Event() for name in self._parts}
        self._running: dict[str, PartProcess] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def process_ids(self) -> dict[str, int]:
        """Process id of each part that runs now."""
        return {name: process.process_id for name, process in self._running.items()}

    async def start(self) -> None:
        """Start every part; return when all are healthy.

        Raises:
            PartFailed: one could not be started. The others keep running until `stop`.
        """
        for name in self._parts:
            self._reporter.waiting(name)
        first_starts = [
            asyncio.create_task(self._first_start(part)) for part in self._parts.values()
        ]
        try:
            await asyncio.gather(*first_starts)
        finally:
            for task in first_starts:
                task.cancel()
            await asyncio.gather(*first_starts, return_exceptions=True)

    async def stop(self) -> None:
        """Stop every part, each after those that need it, side by side where possible."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._stop_part(name) for name in self._parts))

    async def kill(self) -> None:
        """End every part at once, without asking."""
        self._stopping = True
        await asyncio.gather(*(process.kill() for process in self._running.values()))

    async def _first_start(self, part: Part) -> None:
        for need in part.needs:
            await self._healthy[need].wait()
        self._reporter.starting(part.name)
        began = self._clock()
        try:
            await self._start_part(part)
        except PartFailed:
            self._reporter.failed(part.name)
            raise
        self._reporter.up(part.name, seconds=self._clock() - began)
        if not part.ends:
            self._keepers.append(asyncio.create_task(self._keep(part)))

    async def _start_part(self, part: Part) -> None:
        process = await PartProcess.start(part)
        self._running[part.name] = process
        if part.ends:
            await process.wait_ended(timeout=START_SECONDS)
            del self._running[part.name]
        else:
            await process.wait_healthy(timeout=START_SECONDS)
        self._healthy[part.name].set()

    async def _keep(self, part: Part) -> None:
        """Wait for the part's death and start it again, for as long as the stack runs."""
        backoff = Backoff(clock=self._clock, longest_pause=self._longest_pause)
        while True:
            process = self._running[part.name]
            await process.wait()
            died = self._clock()
            failure: str | None = f"{part.name} {process.how_it_ended()}"
            while failure is not None:
                pause = backoff.next_pause()
                if backoff.keeps_failing:
                    self._reporter.failed(part.name)
                    self._reporter.say(
                        f"{failure}, and it keeps failing; next try in {pause:.0f} s."
                        f"{self._running[part.name].last_words()}"
                    )
                else:
                    self._reporter.say(f"{failure}; starting it again.")
                await asyncio.sleep(pause)
                failure = await self._restart(part)
            self._reporter.up(part.name, seconds=self._clock() - died)
            self._reporter.say(f"{part.name} is back after {self._clock() - died:.1f} s.")

    async def _restart(self, part: Part) -> str | None:
        """Start the part again; what went wrong, or nothing."""
        self._reporter.starting(part.name)
        try:
            await self._start_part(part)
        except (PartFailed, OSError) as error:
            await self._running[part.name].kill()
            return str(error).partition(LAST_WORDS)[0].rstrip(".")
        return None

    async def _stop_part(self, name: str) -> None:
        dependants = [part.name for part in self._parts.values() if name in part.needs]
        for dependant in dependants:
            await self._stopped[dependant].wait()
        process = self._running.get(name)
        try:
            if process is not None:
                await process.stop()
        finally:
            self._stopped[name].set()
