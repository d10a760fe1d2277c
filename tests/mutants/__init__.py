"""The rules that keep organisations apart, each with how to take it out and what should notice.

They are derived from the code: a new table, key, session of a tenant or condition of a query is one
by itself. A pytest plugin (`-p tests.mutants`): the mutant named in the environment is made when
pytest starts, before any test is imported. See `tests.isolation_mutations`.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from local.aws import AwsServer
from local.postgres import PostgresServer
from local.temporal_server import TemporalServer
from tests.mutants import dynamodb, elsewhere, postgres
from tests.mutants.rule import Mutant

VARIABLE: Final = "PARLEY_TEST_MUTANT"
SERVERS_VARIABLE: Final = "PARLEY_TEST_SERVERS"

MUTANTS: Final[tuple[Mutant, ...]] = (
    *postgres.mutants(),
    *dynamodb.mutants(),
    *elsewhere.mutants(),
)


class Servers(BaseModel):
    """Where the servers of all mutants listen; their tests leave nothing that others find."""

    postgres_port: int
    postgres_password: str
    aws: AwsServer
    temporal: TemporalServer

    def postgres(self) -> PostgresServer:
        return PostgresServer.model_validate(
            {"port": self.postgres_port, "password": self.postgres_password}
        )


def pytest_configure(config: pytest.Config) -> None:
    if given := os.environ.get(SERVERS_VARIABLE):
        servers = Servers.model_validate_json(given)
        (conftest,) = (
            plugin
            for plugin in config.pluginmanager.get_plugins()
            if hasattr(plugin, "running_postgres")
        )
        conftest.running_postgres = _lent(servers.postgres())
        conftest.running_aws = _lent(servers.aws)
        conftest.running_temporal = _lent(servers.temporal)
    if wanted := os.environ.get(VARIABLE):
        (mutant,) = (one for one in MUTANTS if one.name == wanted)
        mutant.make()


def _lent(server: Any) -> Callable[[Path], AbstractAsyncContextManager[Any]]:
    """In place of what would start one."""

    @asynccontextmanager
    async def running(_directory: Path) -> AsyncIterator[Any]:
        yield server

    return running
