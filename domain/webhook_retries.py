"""When an endpoint that did not take an event is tried again, and when no more."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

ATTEMPTS: Final = 12
FIRST_DELAY: Final = timedelta(seconds=5)
BACK_OFF: Final = 3.0
LONGEST_DELAY: Final = timedelta(hours=6)
"""The 11 delays add up to 22.5 hours: a receiver may be down for most of a day."""
JITTER: Final = 0.2
"""Up to so much more of each delay, so that many events do not come back at one moment."""

DISABLED_AFTER: Final = timedelta(days=3)
"""An endpoint that has taken nothing for so long is told nothing more."""
TRIES_BEFORE_DISABLED: Final = 3
"""Of one event: an endpoint that is told little may fail once in days by chance."""


def delay_after(attempt: int, *, jitter: float, retry_after: float | None = None) -> timedelta:
    """How long to wait after this attempt, which failed; attempts count from 1.

    Args:
        jitter: a random number from 0 to 1.
        retry_after: seconds that the receiver asks for. It may ask for longer than we would wait,
            up to the longest delay, not for less.
    """
    seconds = FIRST_DELAY.total_seconds() * BACK_OFF ** (attempt - 1)
    seconds = max(seconds, retry_after or 0)
    seconds = min(seconds, LONGEST_DELAY.total_seconds())
    return timedelta(seconds=seconds * (1 + JITTER * jitter))


def read_retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header, which is a number or a date (RFC 9110, section 10.2.3);
    None when it is neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def is_to_be_disabled(*, failing_since: datetime | None, attempt: int, now: datetime) -> bool:
    """Whether an endpoint that has failed once more is given up."""
    return (
        failing_since is not None
        and now - failing_since >= DISABLED_AFTER
        and attempt >= TRIES_BEFORE_DISABLED
    )
