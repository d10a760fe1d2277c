"""Real servers for tests: one set per test process, started when first asked for."""

import os
import secrets
import shutil
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from temporalio.client import Client

from local.aws import AwsServer, aws_part
from local.ports import free_port
from local.postgres import PostgresServer, postgres_part
from local.process import Part, PartProcess
from local.temporal_server import TemporalServer, temporal_part

TIME_SKIPPING_SERVER = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
START_SECONDS = 60.0
DIRECTORY_PREFIX = "parley-test-"

NewDatabase = Callable[[], Awaitable[str]]
"""Makes an empty database and returns its `DATABASE_URL`; it is dropped after the test module."""

ConnectTemporal = Callable[..., Awaitable[Client]]
"""`Client.connect` with the test server's address filled in; takes all of its options."""


@asynccontextmanager
async def running_postgres(directory: Path) -> AsyncIterator[PostgresServer]:
    server = PostgresServer(port=free_port(), password=SecretStr(secrets.token_hex(16)))
    part = postgres_part(
        server,
        data_dir=directory / "postgres",
        log_file=directory / "postgres.log",
        durable=False,
    )
    async with running(part):
        yield server


@asynccontextmanager
async def running_temporal(directory: Path) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(port=free_port(), http_port=free_port())
    part = temporal_part(server, log_file=directory / "temporal.log", database_file=None)
    async with running(part):
        yield server


@asynccontextmanager
async def running_aws(directory: Path) -> AsyncIterator[AwsServer]:
    server = AwsServer(port=free_port())
    part = aws_part(server, data_dir=directory / "aws", log_file=directory / "aws.log")
    async with running(part):
        yield server


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[PartProcess]:
    """Start the part, wait until it is healthy, and stop it at the end."""
    process = await PartProcess.start(part)
    try:
        await process.wait_healthy(timeout=START_SECONDS)
        yield process
    finally:
        await process.stop()


def make_directory() -> Path:
    """A directory for this process's servers; those of dead processes are removed.

    Not pytest's own: under root the PostgreSQL user must pass through it, and pytest closes its
    directory to other users whenever another pytest process starts.
    """
    parent = Path(tempfile.gettempdir())
    for directory in parent.glob(f"{DIRECTORY_PREFIX}*"):
        owner = directory.name.removeprefix(DIRECTORY_PREFIX).partition("-")[0]
        if owner.isdigit() and not _exists(int(owner)):
            shutil.rmtree(directory, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-", dir=parent))


def _exists(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
