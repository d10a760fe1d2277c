"""When a message that cannot go out now is tried again; and whose fault it is that it cannot.

What is remembered here is this process's alone. It decides delays, and never whether something is
sent twice.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple

from cachetools import LRUCache, TTLCache

from adapters.whatsapp.client import GraphError
from contracts.ids import ChannelId, MessageId
from domain.graph_errors import Verdict

BACK_OFF_CAP: Final = timedelta(minutes=5)
PAIR_BACK_OFF_BASE: Final = 4
"""Meta's advice on 131056: wait 4^n seconds before the n-th try."""

PAUSED_DELAY: Final = timedelta(seconds=15)
"""How long after its channel is mended a waiting message goes out, at most."""
PAUSED_DELAY_CAP: Final = timedelta(minutes=2)
PAUSED_TRIES_PER_SECOND: Final = 10
"""Of this process, for messages of paused channels: a large queue is asked less often."""
OWN_FAULT_AFTER: Final = 2
"""A message that meets the same refusal so often again, although others of its channel went out
between, is refused for itself: it must not stop the channel once more."""
JITTER: Final = 0.2
REMEMBERED: Final = 20_000


class _Refusal(NamedTuple):
    at: float
    again: int = 0
    """How often others went out before it was refused once more."""


class WaitingSends:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: TTLCache[MessageId, None] = TTLCache(
            REMEMBERED, ttl=2 * PAUSED_DELAY_CAP.total_seconds(), timer=clock
        )
        self._refused: LRUCache[MessageId, _Refusal] = LRUCache(REMEMBERED)
        self._went_out: LRUCache[ChannelId, float] = LRUCache(REMEMBERED)

    def knows(self, message_id: MessageId) -> bool:
        """Whether the message has waited here for its channel."""
        return message_id in self._waiting

    def for_resumption(self, message_id: MessageId) -> timedelta:
        """How long a message of a paused channel waits before it looks again."""
        self._waiting[message_id] = None
        fair = timedelta(seconds=len(self._waiting) / PAUSED_TRIES_PER_SECOND)
        return _jittered(min(max(PAUSED_DELAY, fair), PAUSED_DELAY_CAP))

    def is_at_fault(self, channel_id: ChannelId, message_id: MessageId) -> bool:
        """Note that the message was refused for what stops a channel; whether it stops itself."""
        before, now = self._refused.get(message_id), self._clock()
        again = 0
        if before is not None:
            between = self._went_out.get(channel_id, before.at) > before.at
            again = before.again + between
        self._refused[message_id] = _Refusal(now, again)
        return again >= OWN_FAULT_AFTER

    def went_out(self, channel_id: ChannelId, message_id: MessageId) -> None:
        self._waiting.pop(message_id, None)
        self._refused.pop(message_id, None)
        self._went_out[channel_id] = self._clock()


def until(moment: float) -> timedelta:
    """From now to the moment (epoch seconds) and a little more, so that not all come at once."""
    return _jittered(timedelta(seconds=max(0.5, moment - time.time()) * (1 + JITTER)))


def back_off(error: GraphError, *, attempt: int) -> timedelta:
    """What Meta asks for; otherwise longer from try to try."""
    if error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), BACK_OFF_CAP)
    base = PAIR_BACK_OFF_BASE if error.verdict is Verdict.PAIR_BACK_OFF else 2
    return min(timedelta(seconds=base ** min(attempt - 1, 8)), BACK_OFF_CAP)


def _jittered(delay: timedelta) -> timedelta:
    return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret hangs on it
