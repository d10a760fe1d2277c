"""Meta's limits on how fast a business may send: per recipient (131056), per number (130429)."""

from collections.abc import Hashable


class TokenBuckets:
    """A token bucket per key: a burst at once, then one more token every so many seconds.

    Kept in memory: a restart fills the buckets.
    """

    def __init__(self) -> None:
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, *, burst: float, refill_seconds: float, now: float) -> bool:
        """Whether there is a token left for this key; takes it if so."""
        tokens, at = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - at) / refill_seconds)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        return allowed
