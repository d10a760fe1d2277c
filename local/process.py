"""One program of the embedded stack: how it is started, checked and stopped."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

LAUNCHER = Path(__file__).with_name("child.py")
FIRST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.25
PROBE_SECONDS = 5.0
"""How long one health probe may take before it counts as not healthy yet."""
LARGEST_LOG_BYTES = 20 * 2**20
"""A log that is larger when its part starts is set aside, replacing the one set aside before."""
LAST_WORDS_BYTES = 600
LAST_WORDS = " Its log "
"""Begins the sentence that quotes the end of a part's log."""


class PartFailed(Exception):
    """A part did not start, or stopped by itself; the message is a sentence for the console."""


Probe = Callable[[], Awaitable[None]]
"""Asks a part for something real; raises when it gets no good answer."""


async def nothing() -> None:
    """The probe of a part that cannot be asked, the preparation of one that needs none."""


def plain_environment(**extra: str) -> dict[str, str]:
    """What any program needs of our environment (nothing secret), plus `extra`."""
    wanted = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
    return {name: os.environ[name] for name in wanted if name in os.environ} | extra


@dataclass(frozen=True, kw_only=True)
class Part:
    """A program, how to tell that it is healthy, and how it wants to be stopped.

    `probe` returns when the part answers a real request and raises otherwise. `prepare` runs before
    every start and clears what an earlier, killed one may have left behind.
    """

    name: str
    command: Sequence[str]
    log_file: Path
    probe: Probe = nothing
    environment: Mapping[str, str] = field(default_factory=plain_environment)
    prepare: Callable[[], Awaitable[None]] = nothing
    needs: tuple[str, ...] = ()
    """Names of the parts that must be healthy before this one is started."""
    ends: bool = False
    """Whether it is a step that does its work and ends, rather than a server that stays."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """What the part gets when the process that started it dies without stopping it."""
    stop_seconds: float = 8.0
    user: str | None = None


class PartProcess:
    """A started part. It dies with the process that started it, whatever kills that one."""

    def __init__(self, part: Part, *, process: asyncio.subprocess.Process) -> None:
        self.part = part
        self._process = process

    @classmethod
    async def start(cls, part: Part) -> Self:
        """Start the program, its output appended to its log file. See `wait_healthy` for the rest.

        Raises:
            PartFailed: its preparation failed, or the program is not there.
        """
        await part.prepare()
        part.log_file.parent.mkdir(parents=True, exist_ok=True)
        if part.log_file.exists() and part.log_file.stat().st_size > LARGEST_LOG_BYTES:
            part.log_file.replace(part.log_file.with_suffix(".old.log"))
        launcher = (sys.executable, "-I", "-S", str(LAUNCHER))
        terms = (str(os.getpid()), str(int(part.orphan_signal)), part.user or "-")
        with part.log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *launcher,
                *terms,
                *part.command,
                env=dict(part.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: a Ctrl-C in the terminal reaches the supervisor only.
                start_new_session=True,
            )
        return cls(part, process=process)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def return_code(self) -> int | None:
        return self._process.returncode

    async def wait_healthy(self, *, timeout: float) -> None:
        """Return as soon as the probe succeeds.

        Raises:
            PartFailed: the program ended, or did not get healthy within `timeout` seconds.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        pause, last_error = FIRST_POLL_SECONDS, "it was never asked"
        while True:
            if self._process.returncode is not None:
                raise PartFailed(f"{self.part.name} {self.how_it_ended()}.{self.last_words()}")
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self.part.probe()
            except Exception as error:  # a probe may fail in any way until the part is up
                last_error = str(error) or type(error).__name__
            else:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise PartFailed(
                    f"{self.part.name} did not answer within {timeout:.0f} seconds ({last_error}); "
                    f"its log is {self.part.log_file}."
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    async def wait_ended(self, *, timeout: float) -> None:
        """Return when the program has done its work.

        Raises:
            PartFailed: it ended with an error, or takes longer than `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                code = await self.wait()
        except TimeoutError:
            raise PartFailed(
                f"{self.part.name} did not finish within {timeout:.0f} seconds; "
                f"its log is {self.part.log_file}."
            ) from None
        if code != 0:
            raise PartFailed(f"{self.part.name} {self.how_it_ended()}.{self.last_words()}")

    async def wait(self) -> int:
        """Wait for the program's end, then sweep up what it may have left in its process group."""
        code = await self._process.wait()
        self._kill_group()
        return code

    async def stop(self) -> None:
        """Ask the program to stop, wait, and kill it when it takes longer than it may."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self.part.stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.part.stop_seconds):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End the program and its process group at once."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self.wait()

    def how_it_ended(self) -> str:
        """`exited with code 3` or `was killed by SIGKILL`."""
        code = self._process.returncode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"exited with code {code}"

    def last_words(self) -> str:
        """The last line of the part's log, where an error is most likely named, as a sentence."""
        try:
            with self.part.log_file.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return f"{LAST_WORDS}{self.part.log_file} ends with: {lines[-1].strip()}" if lines else ""

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
