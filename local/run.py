"""`parley run`: the whole product in the foreground, on embedded services where none are set."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rich.console import Console

from local.console import StartDisplay
from local.data_directory import DataDirectoryTaken, owned
from local.demo.seed import DemoSummary
from local.kept_secrets import keep_secrets
from local.ports import is_free
from local.process import PartFailed
from local.stack import Stack, plan_stack
from local.supervisor import Supervisor
from local.welcome import print_welcome
from settings import SettingsError, load_settings

PORT_PATIENCE_SECONDS = 2.0
"""How long a port may still be held by what a killed run has left."""
Result = TypeVar("Result")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PortTaken(Exception):
    """A port is in use; the message is a sentence that names it and its setting."""


class SeedDemo(Protocol):
    """Sets up the demo through the API, as often as it is called with the same result."""

    async def __call__(
        self,
        *,
        api_url: str,
        admin_key: str,
        simulator_url: str | None,
        simulator_access_token: str,
        webhook_url: str,
        app_secret: str,
        verify_token: str,
        offline_model: bool,
    ) -> DemoSummary: ...


def run(*, seed: SeedDemo, console: Console) -> int:
    """Run until Ctrl-C or SIGTERM; the exit code. Every problem is a sentence on the console."""
    os.umask(0o077)  # data, secrets and logs are the owner's alone, whatever part writes them
    try:
        settings = load_settings()
        with owned(Path(settings.parley_data_dir).resolve()) as data_dir:
            stack = plan_stack(
                settings,
                data_dir=data_dir,
                kept=keep_secrets(data_dir),
                environment=dict(os.environ),
            )
            return asyncio.run(_run(stack, seed=seed, console=console, data_dir=data_dir))
    except (SettingsError, DataDirectoryTaken, PortTaken) as problem:
        console.print(str(problem), style="red", markup=False, soft_wrap=True)
        return 1


async def _run(stack: Stack, *, seed: SeedDemo, console: Console, data_dir: Path) -> int:
    await _check_ports(stack.ports)
    stopping, forced = asyncio.Event(), asyncio.Event()
    _listen_for_signals(stopping, forced)
    display = StartDisplay(console)
    supervisor = Supervisor(stack.parts, reporter=display, clock=time.monotonic)
    began = time.monotonic()
    try:
        with display:
            await _unless(stopping, supervisor.start())
        if not stopping.is_set():
            demo = await _unless(stopping, _seed(seed, stack=stack, console=console))
        if not stopping.is_set():
            seconds = time.monotonic() - began
            print_welcome(stack, demo=demo, console=console, data_dir=data_dir, seconds=seconds)
        await stopping.wait()
        return 0
    except PartFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    finally:
        await _stop(supervisor, forced=forced, console=console)


async def _check_ports(ports: dict[str, int]) -> None:
    """Every port is free and named once, or the start ends here, before anything runs."""
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    seen: dict[int, str] = {}
    for setting, port in ports.items():
        if port in seen:
            raise PortTaken(f"{seen[port]} and {setting} are both {port}: give each its own port.")
        seen[port] = setting
        while not is_free(port):
            if time.monotonic() > deadline:
                raise PortTaken(
                    f"Port {port} is already in use. "
                    f"Stop what listens there, or set {setting} to a free port."
                )
            await asyncio.sleep(0.1)


def _listen_for_signals(stopping: asyncio.Event, forced: asyncio.Event) -> None:
    """The first signal asks for a clean stop, a second one for an immediate end."""

    def on_signal() -> None:
        (forced if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """The result of `work`, or `None` when a stop was asked for first; `work` is then cancelled."""
    task = asyncio.create_task(work)
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def _seed(seed: SeedDemo, *, stack: Stack, console: Console) -> DemoSummary | None:
    """Set up the demo where there is a phone to try it on; a failure is told, not fatal."""
    if stack.simulator_url is None:
        return None
    try:
        return await seed(
            api_url=stack.api_url,
            admin_key=stack.admin_key,
            simulator_url=stack.simulator_url,
            simulator_access_token=stack.simulator_access_token,
            webhook_url=f"{stack.api_url}/webhooks/whatsapp",
            app_secret=stack.app_secret,
            verify_token=stack.verify_token,
            offline_model=stack.model_url is not None,
        )
    except Exception as error:  # whatever it is, the product itself runs
        console.print(f"The demo could not be set up: {error}", style="red", markup=False)
        return None


async def _stop(supervisor: Supervisor, *, forced: asyncio.Event, console: Console) -> None:
    """Stop every part in order; a second signal ends them at once."""
    console.print("Stopping … (Ctrl-C again to force)", style="dim")
    stopping = asyncio.create_task(supervisor.stop())
    impatient = asyncio.create_task(forced.wait())
    await asyncio.wait({stopping, impatient}, return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()
    if not stopping.done():
        await supervisor.kill()
    await stopping
    console.print("Stopped. The data is kept; the next start finds it.", style="dim")
