"""The application on real servers, as the tests of the API have it."""

from collections.abc import AsyncIterator

import pytest

from local.temporal_server import TemporalServer
from tests.api.conftest import (
    app,
    aws_environment,
    connect,
    ours,
    platform,
    settings,
    stranger,
    theirs,
)
from tests.servers import make_directory, running_temporal

__all__ = [
    "app",
    "aws_environment",
    "connect",
    "ours",
    "platform",
    "settings",
    "stranger",
    "theirs",
]


@pytest.fixture(scope="module")
async def temporal_server(
    temporal_may_settle: None,  # noqa: ARG001 - it must be torn down after the server
) -> AsyncIterator[TemporalServer]:
    """One of its own: what other tests leave open would come to the workers of these."""
    async with running_temporal(make_directory()) as server:
        yield server
