"""The application on real servers, as the tests of the API have it."""

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
