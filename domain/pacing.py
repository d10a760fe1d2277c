"""How quickly one person may be written to from one number, so that Meta never says "too many".

Meta lets a business send one message every 6 seconds to a person, and up to 45 at once, which it
takes off what may be sent later (code 131056; WhatsApp Cloud API, "Pair rate limits"). What was
sent is kept as one number: when the allowance will be whole again. That is a token bucket, counted
from the other side (the "generic cell rate algorithm"), in whole milliseconds, so that a replay is
exact.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

METAS_BURST: Final = 45
METAS_REFILL: Final = timedelta(seconds=6)

Whole = int
"""When the allowance is whole again: milliseconds since the epoch. 0: nothing was ever sent."""


class PairPace(NamedTuple):
    """The allowance: so many messages at once, then one in each `refill`."""

    burst: int = 20
    """Less than Meta's: replies typed in the WhatsApp Business app use up the same allowance."""
    refill: timedelta = METAS_REFILL


DEFAULT_PACE: Final = PairPace()


def wait_before_next(whole_at: Whole, *, now: datetime, pace: PairPace = DEFAULT_PACE) -> timedelta:
    """How long to wait before the next message; zero when it may go now."""
    owed = whole_at - _milliseconds(now)
    excess = owed - (pace.burst - 1) * _duration(pace.refill)
    return timedelta(milliseconds=max(0, excess))


def after_one(whole_at: Whole, *, now: datetime, pace: PairPace = DEFAULT_PACE) -> Whole:
    """The state once a message has gone now; whether it was allowed is not asked."""
    return max(whole_at, _milliseconds(now)) + _duration(pace.refill)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _duration(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
