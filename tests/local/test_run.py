"""`parley run` on real embedded servers, with the product's own processes in miniature."""

import asyncio
import os
import re
import shutil
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import psutil
import pytest

from local.ports import free_port
from tests.servers import make_directory

STAND_IN = Path(__file__).with_name("stand_in_product.py")
PROGRAM = """
import sys
from rich.console import Console
from local.run import run
sys.exit(run(seed=None, console=Console()))
"""
PARTS = {"postgres", "aws", "temporal", "api", "worker"}
SECONDS = 60.0


class Run:
    """One `parley run` in a directory of its own, and what it prints."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.output = ""
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        self.output = ""
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM),
            cwd=self.directory,
            env=environment | self._settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def prints(self, pattern: str) -> None:
        """Wait until the output since the start matches."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while not re.search(pattern, self.output):
                line = await self.process.stdout.readline()
                assert line, f"ended without {pattern!r}: {self.output}"
                self.output += line.decode()

    async def ends(self) -> int:
        async with asyncio.timeout(SECONDS):
            rest, _ = await self.process.communicate()
        self.output += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    def parts(self) -> dict[str, psutil.Process]:
        """The running parts by name."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            words = " ".join(child.cmdline())
            for name, mark in {
                "postgres": "/postgres -D",
                "aws": "local.emulated_aws",
                "temporal": "server start-dev",
                "api": "-m cli api",
                "worker": "-m cli worker",
            }.items():
                if mark in words:
                    found[name] = child
        return found

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    directory = make_directory()
    shutil.copy(STAND_IN, directory / "cli.py")
    run = Run(
        directory,
        PARLEY_API_PORT=str(free_port()),
        PARLEY_TEMPORAL_PORT=str(free_port()),
        PARLEY_TEMPORAL_UI_PORT=str(free_port()),
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        WHATSAPP_GRAPH_URL="http://127.0.0.1:9",
    )
    yield run
    run.kill()
    shutil.rmtree(directory, ignore_errors=True)


async def all_gone(processes: dict[str, psutil.Process]) -> bool:
    _, alive = await asyncio.to_thread(psutil.wait_procs, list(processes.values()), timeout=15)
    return not alive


async def test_it_starts_everything_and_one_interrupt_stops_it_cleanly(run: Run) -> None:
    await run.start()
    await run.prints("Parley is ready")
    parts = run.parts()
    assert parts.keys() == PARTS
    began = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    assert await run.ends() == 0
    assert time.monotonic() - began < 15
    assert "Traceback" not in run.output
    assert await all_gone(parts)


async def test_a_second_interrupt_does_not_wait_for_a_part_that_will_not_stop(run: Run) -> None:
    product = run.directory / "cli.py"
    product.write_text(product.read_text().replace("def worker() -> None:\n", STUBBORN_WORKER))
    await run.start()
    await run.prints("Parley is ready")
    parts = run.parts()
    run.process.send_signal(signal.SIGINT)
    await run.prints("Stopping")
    began = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    assert await run.ends() == 0
    assert time.monotonic() - began < 5  # it would be given 8 seconds
    assert "Traceback" not in run.output
    assert await all_gone(parts)


STUBBORN_WORKER = (
    "def worker() -> None:\n    import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
)


async def test_a_part_that_is_killed_is_named_and_started_again(run: Run) -> None:
    await run.start()
    await run.prints("Parley is ready")
    before = run.parts()
    for name in sorted(PARTS):
        before[name].kill()
        await run.prints(rf"{name} was killed by SIGKILL; starting it again")
        await run.prints(rf"{name} is back after")
    after = run.parts()
    assert after.keys() == PARTS
    assert {before[name].pid for name in PARTS}.isdisjoint(part.pid for part in after.values())


async def test_nothing_outlives_a_killed_run_and_the_next_start_finds_the_data(run: Run) -> None:
    await run.start()
    await run.prints("Parley is ready")
    parts = run.parts()
    run.process.kill()
    await run.ends()
    assert await all_gone(parts)
    secrets_file = run.directory / ".parley" / "secrets.env"
    secrets = secrets_file.read_text()
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600

    await run.start()
    await run.prints("Parley is ready")
    assert secrets_file.read_text() == secrets
    assert (run.directory / "migrations.txt").read_text() == "postgresql+asyncpg\n" * 2
    run.process.terminate()
    assert await run.ends() == 0


async def test_a_second_run_on_the_same_data_is_refused_in_a_sentence(run: Run) -> None:
    await run.start()
    await run.prints("Parley is ready")
    second = await Run(run.directory, **run._settings).start()
    assert await second.ends() == 1
    assert f"already running on {run.directory / '.parley'} (process {run.process.pid})" in (
        second.output
    )
    assert run.parts().keys() == PARTS


async def test_a_taken_port_is_named_with_its_setting_before_anything_starts(run: Run) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    run._settings["PARLEY_TEMPORAL_UI_PORT"] = str(port)
    async with server:
        await run.start()
        assert await run.ends() == 1
    assert re.search(rf"Port {port} .* PARLEY_TEMPORAL_UI_PORT", run.output)
    assert not (run.directory / ".parley" / "logs").exists()


async def test_outside_services_are_used_instead_of_embedded_ones(run: Run) -> None:
    run._settings["TEMPORAL_ADDRESS"] = "temporal.example:7233"
    (run.directory / ".env").write_text("DATABASE_URL=postgres://parley@db.example/parley\n")
    await run.start()
    await run.prints("Parley is ready")
    assert run.parts().keys() == {"aws", "api", "worker"}
    assert (run.directory / "migrations.txt").read_text() == "outside\n"
    assert (run.directory / "worker.txt").read_text() == "temporal.example:7233"


async def test_a_part_that_cannot_start_ends_the_run_with_its_last_words(run: Run) -> None:
    product = run.directory / "cli.py"
    product.write_text(product.read_text().replace("def migrate() -> None:\n", BROKEN_MIGRATION))
    await run.start()
    assert await run.ends() == 1
    assert re.search(r"migrate exited with code 1\..*the table is on fire", run.output)
    assert "Traceback" not in run.output


BROKEN_MIGRATION = 'def migrate() -> None:\n    sys.exit("the table is on fire")\n'


async def test_a_bad_setting_is_a_sentence(run: Run) -> None:
    run._settings["PARLEY_API_PORT"] = "ninety"
    await run.start()
    assert await run.ends() == 1
    assert run.output.startswith("PARLEY_API_PORT: ")
    assert "Traceback" not in run.output
