"""Tells Temporal what helps after a failure: trying again, when, or nothing."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory


class _Retryable(Protocol):
    """What `ModelServerError` and `VectorIndexError` have in common."""

    retryable: bool
    retry_after: float | None


def retry_as_told(error: _Retryable) -> ApplicationError:
    """The failure of an outside service, with its own word on when to come back.

    The type is the error's class, the message its sentence.
    """
    after = error.retry_after
    return ApplicationError(
        str(error),
        type=type(error).__name__,
        non_retryable=not error.retryable,
        next_retry_delay=None if after is None else timedelta(seconds=after),
    )


def not_yet(at: datetime) -> ApplicationError:
    """Nothing failed, but it cannot go on before then."""
    return ApplicationError(
        f"it goes on at {at:%H:%M:%S} UTC",
        type="NotYet",
        next_retry_delay=max(at - datetime.now(UTC), timedelta(0)),
        category=ApplicationErrorCategory.BENIGN,
    )


def final(error: Exception, *, sentence: str | None = None) -> ApplicationError:
    """A failure that repeats however often it is tried; with `sentence` for an error without."""
    return ApplicationError(sentence or str(error), type=type(error).__name__, non_retryable=True)
