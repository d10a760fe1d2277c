"""What a step's failure tells people."""

from collections.abc import Collection

from temporalio.exceptions import ApplicationError, TimeoutError


def failure_type(error: BaseException) -> str | None:
    """Type of the failure that an activity ended with, if it named one."""
    cause = error.__cause__
    return cause.type if isinstance(cause, ApplicationError) else None


def sentence_of(
    error: BaseException, *, told: Collection[str], too_long: str, unexpected: str
) -> str:
    """What to tell: a step that ran out of patience carries its last failure as a cause.

    Args:
        error: what the activity failed with.
        told: types of failure whose message was written for a person.
        too_long: what to tell of a step that ran out of patience without one.
        unexpected: what to tell of any other failure.
    """
    cause = error.__cause__
    timed_out = isinstance(cause, TimeoutError)
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in told:
            return cause.message
        cause = cause.__cause__
    return too_long if timed_out else unexpected
