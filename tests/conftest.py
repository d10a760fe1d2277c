"""Fixtures that every test may ask for: the real servers, and room of its own on each."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from local.aws import AwsServer
from local.postgres import PostgresServer
from local.temporal_server import TemporalServer
from tests.servers import (
    TIME_SKIPPING_SERVER,
    ConnectTemporal,
    NewDatabase,
    make_directory,
    running_aws,
    running_postgres,
    running_temporal,
)

SETTLE_SECONDS = 0.3


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Data and logs of this process's servers."""
    directory = make_directory()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
async def postgres_server(server_directory: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL server with pgvector."""
    async with running_postgres(server_directory) as server:
        yield server


@pytest.fixture(scope="module")
async def new_database(postgres_server: PostgresServer) -> AsyncIterator[NewDatabase]:
    """Makes empty databases, as many as the module wants."""
    made: list[str] = []

    async def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        await postgres_server.ensure_database(name)
        made.append(name)
        return postgres_server.url(name)

    yield make
    for name in made:
        await postgres_server.drop_database(name)


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> str:
    """`DATABASE_URL` of an empty database of the test module's own."""
    return await new_database()


@pytest.fixture(scope="session")
async def aws(server_directory: Path) -> AsyncIterator[AwsServer]:
    """DynamoDB and S3: `endpoint_url`, `region` and credentials; `environment()` for the SDK."""
    async with running_aws(server_directory) as server:
        yield server


@pytest.fixture(scope="session")
def new_table_name() -> Callable[[], str]:
    """Names that no other test uses, for a DynamoDB table or an S3 bucket."""
    return lambda: f"test-{secrets.token_hex(8)}"


@pytest.fixture
def table_name(new_table_name: Callable[[], str]) -> str:
    """Name of a DynamoDB table or S3 bucket that does not exist yet."""
    return new_table_name()


@pytest.fixture(scope="session")
async def temporal_may_settle() -> AsyncIterator[None]:
    """Runs the event loop a little longer after the last Temporal call.

    A process that leaves right after its last call dies in the interpreter's shutdown (SIGSEGV, the
    work already done): sdk-python #300. Nothing tells when it is over, hence the fixed time.
    """
    yield
    await asyncio.sleep(SETTLE_SECONDS)


@pytest.fixture(scope="session")
async def temporal_server(
    server_directory: Path,
    temporal_may_settle: None,  # noqa: ARG001 - it must be torn down after the server
) -> AsyncIterator[TemporalServer]:
    """A Temporal server with the search attributes registered; histories in memory."""
    async with running_temporal(server_directory) as server:
        yield server


@pytest.fixture(scope="session")
def connect_temporal(temporal_server: TemporalServer) -> ConnectTemporal:
    """Connects a client with the options of your choice: `await connect_temporal(plugins=[…])`."""

    async def connect(**options: Any) -> Client:
        return await Client.connect(
            temporal_server.address, namespace=temporal_server.namespace, **options
        )

    return connect


@pytest.fixture(scope="session")
async def time_skipping_env(
    temporal_may_settle: None,  # noqa: ARG001 - it must be torn down after the server
) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clock jumps to the next timer; `connect_client(…)` for own options.

    Time is one for all its workflows: a test that leaves one running disturbs the next.
    """
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TIME_SKIPPING_SERVER)
    ) as environment:
        yield environment
