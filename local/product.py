"""The whole product as a child process on free ports: what the end-to-end tests and the benchmarks
look at from outside, as a user's `parley run` would be."""

import asyncio
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx
from pydantic import BaseModel, ConfigDict

from local.ports import free_port

START_SECONDS = 120.0
STOP_SECONDS = 30.0


class Product(BaseModel):
    """Where a running product is to be found, and the keys to it."""

    model_config = ConfigDict(frozen=True)

    process_id: int
    data_dir: Path
    api_url: str
    simulator_url: str
    temporal_address: str
    temporal_ui_url: str
    admin_key: str
    app_secret: str
    verify_token: str

    @property
    def webhook_url(self) -> str:
        return f"{self.api_url}/webhooks/whatsapp"


class ProductFailed(Exception):
    """It did not get ready; the message ends with what it printed last."""


@asynccontextmanager
async def running_product(
    data_dir: Path, *, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Product]:
    """`parley run` with this data directory, ready, and stopped with Ctrl-C at the end.

    Args:
        data_dir: may hold the data of an earlier run.
        environment: settings on top of those that keep it apart from other products.
    """
    ports = {name: free_port() for name in ("API", "SIMULATOR", "TEMPORAL", "TEMPORAL_UI")}
    own = {
        **{f"PARLEY_{name}_PORT": str(port) for name, port in ports.items()},
        "PARLEY_DATA_DIR": str(data_dir),
        "PARLEY_ADMIN_KEY": secrets.token_urlsafe(32),
        "WHATSAPP_APP_SECRET": secrets.token_hex(16),
        "WHATSAPP_VERIFY_TOKEN": secrets.token_hex(16),
        **(environment or {}),
    }
    # A file, not a pipe: nobody reads it unless something goes wrong.
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("parley")),
            "run",
            env={**os.environ, **own},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        product = Product(
            process_id=process.pid,
            data_dir=data_dir,
            api_url=f"http://127.0.0.1:{ports['API']}",
            simulator_url=f"http://127.0.0.1:{ports['SIMULATOR']}",
            temporal_address=f"127.0.0.1:{ports['TEMPORAL']}",
            temporal_ui_url=f"http://127.0.0.1:{ports['TEMPORAL_UI']}",
            admin_key=own["PARLEY_ADMIN_KEY"],
            app_secret=own["WHATSAPP_APP_SECRET"],
            verify_token=own["WHATSAPP_VERIFY_TOKEN"],
        )
        try:
            await _wait_ready(product, process, output)
            yield product
        finally:
            await _stop(process)


async def _wait_ready(
    product: Product, process: asyncio.subprocess.Process, output: IO[bytes]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None and time.monotonic() < deadline:
            try:
                answer = await client.get(f"{product.api_url}/readyz", timeout=5)
                if answer.status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # Nobody listens yet.
            await asyncio.sleep(0.1)
    raise ProductFailed(f"exit code {process.returncode}; its last words:\n{_last_words(output)}")


def _last_words(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")[-4000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
