"""What went wrong at an OpenAI-compatible server, told apart by what helps: waiting or a person."""

import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

MAX_RETRY_AFTER_SECONDS = 300.0
"""A server that asks for more is treated as down: the caller's own retry schedule takes over."""

_RETRYABLE_STATUS = frozenset([408, 409, 425, 429])
_NOT_IMPLEMENTED = 501


class ModelServerError(Exception):
    """A call that failed. Its text is one sentence for a person, without what was sent.

    Attributes:
        retryable: the same call may succeed later.
        retry_after: seconds that the server asked to wait, if it did.
        status: HTTP status; `None` when no answer came.
        code: the provider's own code, such as `insufficient_quota`.
    """

    def __init__(
        self,
        sentence: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.retryable = retryable
        self.retry_after = retry_after
        self.status = status
        self.code = code


def model_server_error(error: APIError) -> ModelServerError:
    """Translate what the OpenAI SDK raised."""
    if isinstance(error, APITimeoutError):
        return ModelServerError("The model server did not answer in time.", retryable=True)
    if isinstance(error, APIConnectionError):
        return ModelServerError("The model server could not be reached.", retryable=True)
    if not isinstance(error, APIStatusError):
        return ModelServerError("The model server's answer could not be read.", retryable=True)
    status, code = error.status_code, error.code
    # An exhausted quota is a 429 too, but only its owner can end it.
    exhausted = code in {"insufficient_quota", "billing_hard_limit_reached"}
    return ModelServerError(
        _sentence(status, exhausted=exhausted),
        retryable=_may_succeed_later(status) and not exhausted,
        retry_after=retry_after_seconds(error.response.headers.get("retry-after")),
        status=status,
        code=code,
    )


def _may_succeed_later(status: int) -> bool:
    if status == _NOT_IMPLEMENTED:
        return False
    return status >= 500 or status in _RETRYABLE_STATUS


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds of a `Retry-After` header (RFC 9110: a number or a date); `None` if of no use."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - time.time()
    return seconds if 0 < seconds <= MAX_RETRY_AFTER_SECONDS else None


def _sentence(status: int, *, exhausted: bool) -> str:
    if exhausted:
        return "The quota at the model provider is used up: raise it there, or use another key."
    match status:
        case 401 | 403:
            return "The model server refused the API key: check that it may use this model."
        case 404:
            return "The model server does not know this model: check the model's name."
        case 413:
            return "The request was too large for the model server."
        case 429:
            return "The model server is being asked too often."
        case _ if status >= 500:
            return f"The model server failed with status {status}."
        case _:
            return f"The model server refused the request with status {status}."
