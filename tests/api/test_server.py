"""The process `parley api`: it serves, it stops, and it says why it cannot start."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from local.aws import AwsServer
from local.ports import free_port
from settings import Settings


def environment(settings: Settings, aws: AwsServer, *, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        **aws.environment(),
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "PARLEY_SECRET_KEYS": "the key ring of this test and of no other",
        "PARLEY_API_PORT": str(port),
    }


@asynccontextmanager
async def api(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "api",
        env=variables,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("told", "codes"),
    # A process that ends by SIGTERM may say so: uvicorn does.
    [(signal.SIGTERM, (0, -signal.SIGTERM)), (signal.SIGINT, (0,))],
)
async def test_it_serves_until_it_is_told_to_stop(
    settings: Settings, aws: AwsServer, told: signal.Signals, codes: tuple[int, ...]
) -> None:
    port = free_port()
    async with (
        api(environment(settings, aws, port=port)) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        asyncio.timeout(60),
    ):
        status = None
        while status != 200:
            assert process.returncode is None
            try:
                status = (await client.get("/healthz")).status_code
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        missing = await client.get("/v1/organizations")
        assert missing.status_code == 401
        assert "server" not in missing.headers

        process.send_signal(told)
        _, output = await process.communicate()
    assert process.returncode in codes, output.decode()
    assert b"Application shutdown complete" in output
    assert b"Traceback" not in output
    assert b'"route": "/v1/organizations"' in output


async def test_a_taken_port_is_named_with_its_setting(settings: Settings, aws: AwsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with api(environment(settings, aws, port=port)) as process, asyncio.timeout(60):
            _, output = await process.communicate()
    assert process.returncode == 2
    assert output.decode().startswith(f"PARLEY_API_PORT: port {port} of 127.0.0.1")
    assert b"Traceback" not in output
