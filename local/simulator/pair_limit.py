"""Meta's pair limit: how many messages one business may send to one person (code 131056)."""


class PairLimit:
    """A token bucket per pair: `burst` messages at once, one more every `refill_seconds`.

    Kept in memory: a restart fills the buckets. With `burst` of `None` nothing is limited.
    """

    def __init__(self, *, burst: int | None, refill_seconds: float) -> None:
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, *, phone_number_id: str, address: str, now: float) -> bool:
        """Whether one more message may go to this person now; takes its token if so."""
        if self._burst is None:
            return True
        pair = (phone_number_id, address)
        tokens, at = self._buckets.get(pair, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - at) / self._refill_seconds)
        allowed = tokens >= 1
        self._buckets[pair] = (tokens - 1 if allowed else tokens, now)
        return allowed
