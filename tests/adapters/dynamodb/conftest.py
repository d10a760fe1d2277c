"""A table of the module's own on the real server."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from adapters.dynamodb.schema import ensure_table
from adapters.dynamodb.table import Table, open_dynamodb
from local.aws import AwsServer
from settings import Settings


@pytest.fixture(scope="module")
def dynamodb_settings(aws: AwsServer, new_table_name: Callable[[], str]) -> Settings:
    return Settings(
        _env_file=None,
        aws_endpoint_url_dynamodb=aws.endpoint_url,
        aws_region=aws.region,
        parley_dynamodb_table=new_table_name(),
    )


@pytest.fixture(scope="module")
async def table(
    dynamodb_settings: Settings, aws: AwsServer, module_environment: pytest.MonkeyPatch
) -> AsyncIterator[Table]:
    for name, value in aws.environment().items():
        module_environment.setenv(name, value)
    async with open_dynamodb(dynamodb_settings) as table:
        await ensure_table(table)
        yield table


@pytest.fixture(scope="module")
def module_environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def counted(table: Table) -> Iterator[list[str]]:
    """The operations that the test sends to the server, by name, in order."""
    operations: list[str] = []

    def note(event_name: str, **_: object) -> None:
        operations.append(event_name.rsplit(".", 1)[-1])

    events = table.client.meta.events
    events.register("before-call.dynamodb", note)
    yield operations
    events.unregister("before-call.dynamodb", note)
