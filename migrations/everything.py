"""All that a deployment must have before its processes start: `parley migrate`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from botocore.exceptions import BotoCoreError
from sqlalchemy.exc import DBAPIError
from temporalio.service import RPCError

from adapters.dynamodb.schema import ensure_table
from adapters.dynamodb.table import open_dynamodb
from adapters.objects.objects import open_objects
from adapters.temporal.client import connect, let_last_call_end
from adapters.temporal.search_attributes import ensure_search_attributes
from migrations import head_revision, upgrade
from settings import Settings

PAUSE_SECONDS: Final = 0.5

_UNREACHABLE: Final = (OSError, BotoCoreError, RPCError, RuntimeError, TimeoutError)


class MigrationError(Exception):
    """One sentence: which server, what is wrong, which setting to look at."""


async def migrate_everything(settings: Settings, *, patience_seconds: float) -> list[str]:
    """Create or upgrade every store; doing it again changes nothing.

    Args:
        patience_seconds: how long each server may take to answer for the first time.

    Returns:
        A sentence for each thing that is in place now.

    Raises:
        MigrationError: a server does not answer, or refuses.
    """
    steps: list[tuple[str, str, Callable[[Settings], Awaitable[str]]]] = [
        ("PostgreSQL", "DATABASE_URL", _postgres),
        ("DynamoDB", "AWS_ENDPOINT_URL_DYNAMODB", _dynamodb),
        ("S3", "AWS_ENDPOINT_URL_S3", _s3),
        ("Temporal", "TEMPORAL_ADDRESS", _temporal),
    ]
    try:
        return await asyncio.gather(
            *(
                _patiently(step, settings, server=server, setting=setting, seconds=patience_seconds)
                for server, setting, step in steps
            )
        )
    finally:
        await let_last_call_end()


async def _postgres(settings: Settings) -> str:
    await upgrade(settings.database_url)
    return f"PostgreSQL: the schema is at revision {head_revision()}."


async def _dynamodb(settings: Settings) -> str:
    async with open_dynamodb(settings) as table:
        await ensure_table(table)
    return f"DynamoDB: the table {settings.parley_dynamodb_table} is ready."


async def _s3(settings: Settings) -> str:
    async with open_objects(settings) as objects:
        await objects.ensure_bucket()
    return f"S3: the bucket {settings.parley_s3_bucket} is ready."


async def _temporal(settings: Settings) -> str:
    if await ensure_search_attributes(await connect(settings)):
        return "Temporal: the search attributes are registered."
    return "Temporal: the search attributes must be registered by hand; see the log."


async def _patiently(
    step: Callable[[Settings], Awaitable[str]],
    settings: Settings,
    *,
    server: str,
    setting: str,
    seconds: float,
) -> str:
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await step(settings)
        except Exception as error:
            if not _may_pass(error):
                raise MigrationError(f"{server} refused ({setting}): {_reason(error)}") from error
            if asyncio.get_running_loop().time() >= deadline:
                raise MigrationError(
                    f"{server} does not answer after {seconds:g} s. "
                    f"Is it running, and is {setting} right? ({_reason(error)})"
                ) from error
        await asyncio.sleep(PAUSE_SECONDS)


def _may_pass(error: Exception) -> bool:
    """Whether the server may just not be up yet."""
    if isinstance(error, DBAPIError):
        # Class 57: the server is starting up or shutting down.
        return str(getattr(error.orig, "sqlstate", "")).startswith(("08", "57"))
    return isinstance(error, _UNREACHABLE)


def _reason(error: Exception) -> str:
    """The first line: what follows is SQL, a driver's advice, or the insides of Temporal's SDK."""
    cause = getattr(error, "orig", None) or error
    line = (str(cause).splitlines() or [""])[0].partition(": tonic::")[0]
    return line or type(error).__name__
