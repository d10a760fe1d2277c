"""What it takes to say 200: every failure of a store told apart into ours to repeat, and the
update's own."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError, RPCStatusCode

CONCURRENCY: Final = 32
"""People (or statuses) of one delivery that are served at the same time."""

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)


class NotDurable(Exception):
    """Something that must keep the update did not answer: Meta has to deliver again."""


class Poison(Exception):
    """The update itself is refused, today and on every redelivery."""


_REFUSALS: Final = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}
)
"""What Temporal says to the call itself; anything else is its own trouble."""


async def durably(call: Awaitable[T]) -> T:
    """The call's result.

    Raises:
        NotDurable: a store or Temporal did not answer, or not yet.
        Poison: it never will take this.
    """
    try:
        return await call
    except RPCError as error:
        if error.status in _REFUSALS:
            raise Poison(f"Temporal refused it: {error.status.name}") from error
        raise NotDurable("Temporal") from error
    except (BotoCoreError, ClientError) as error:
        raise NotDurable("DynamoDB") from error
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise NotDurable("PostgreSQL") from error
    except (ValidationError, ValueError) as error:
        raise Poison(type(error).__name__) from error


async def run_all(jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run every job, also after one has failed; `NotDurable` if any did."""
    gate = asyncio.Semaphore(CONCURRENCY)

    async def guarded(job: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await job

    results = await asyncio.gather(*(guarded(job) for job in jobs), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, NotDurable):
            _log.error("update_failed", exc_info=failure)
    if failures:
        raise NotDurable(f"{len(failures)} of {len(jobs)}") from failures[0]
