"""What adapters raise, as Temporal understands it: retry, retry later, or give up."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from adapters.openai.errors import ModelServerError


def model_failure(error: ModelServerError) -> ApplicationError:
    """A retryable error keeps the wait that the server asked for; another ends the attempts."""
    return ApplicationError(
        str(error),
        type="ModelServerError",
        non_retryable=not error.retryable,
        next_retry_delay=timedelta(seconds=error.retry_after) if error.retry_after else None,
    )
