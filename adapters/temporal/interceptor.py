"""What the log says of activities: whose they were, how long they took, how they ended."""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from telemetry import get_logger

_IDS: Final = (
    "organization_id",
    "conversation_id",
    "turn_id",
    "trace_id",
    "message_id",
    "knowledge_base_id",
    "document_id",
)
_NESTED: Final = ("turn", "conversation", "document")
"""Fields of an activity's argument that carry the ids."""


class ActivityLogging(Interceptor):
    """Binds an activity's ids to all that is logged within it; one line when it ends.

    Arguments, results and the words of errors are never logged: they may hold what people said.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _LoggedActivity(next)


@asynccontextmanager
async def without_words_of_errors() -> AsyncIterator[None]:
    """Keep the SDK from logging failed activities while workers run: it would print the error's
    message and its traceback. `ActivityLogging` tells of the same failures."""
    drop = _NotActivityFailure()
    sdk_logger = activity.logger.logger
    sdk_logger.addFilter(drop)
    try:
        yield
    finally:
        sdk_logger.removeFilter(drop)


class _NotActivityFailure(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        # The attribute that the SDK marks these records with.
        return record.__dict__.get("__temporal_error_identifier") != "ActivityFailure"


class _LoggedActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        context: dict[str, Any] = {
            "activity": info.activity_type,
            "attempt": info.attempt,
            "workflow_id": info.workflow_id,
            **dict(_ids(input.args)),
        }
        logger = get_logger("activity")
        with structlog.contextvars.bound_contextvars(**context):
            start = time.perf_counter()
            try:
                result = await self.next.execute_activity(input)
            except (CancelledError, asyncio.CancelledError):
                logger.info("activity_cancelled", milliseconds=_since(start))
                raise
            except Exception as error:
                expected = (
                    isinstance(error, ApplicationError)
                    and error.category == ApplicationErrorCategory.BENIGN
                )
                log = logger.info if expected else logger.warning
                log("activity_failed", milliseconds=_since(start), **_about(error))
                raise
            logger.info("activity_finished", milliseconds=_since(start))
            return result


def _ids(arguments: Sequence[object]) -> Iterator[tuple[str, str]]:
    for argument in arguments:
        for name in _NESTED:
            nested = getattr(argument, name, None)
            if nested is not None:
                yield from _ids([nested])
        for name in _IDS:
            value = getattr(argument, name, None)
            if isinstance(value, str) and value:
                yield name, value


def _about(error: Exception) -> dict[str, str]:
    """What an error is and where it came from, without its words."""
    about = {"error_type": _type_of(error)}
    if error.__cause__ is not None:
        about["error_cause"] = _type_of(error.__cause__)
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        about["error_at"] = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return about


def _type_of(error: BaseException) -> str:
    if isinstance(error, ApplicationError) and error.type:
        return error.type
    return type(error).__name__


def _since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 1)
