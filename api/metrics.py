"""Prometheus metrics of an API process. Labels are route templates and codes, never values."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from adapters.cache_lookups import CacheName, Outcome

METHODS: Final = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


class Metrics:
    """The counters of one application; each has a registry of its own, so tests don't collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "parley_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "parley_http_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ["method", "route"],
            registry=self.registry,
        )
        self.webhook_updates = Counter(
            "parley_webhook_updates",
            "What deliveries told, by what became of it.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.account_alerts = Counter(
            "parley_account_alerts",
            "Trouble that Meta told of: with an account, a number or a template.",
            ["field"],
            registry=self.registry,
        )

        self._cache_lookups = Counter(
            "parley_cache_lookups",
            "Look-ups in caches, by what came of them.",
            ["cache", "outcome"],
            registry=self.registry,
        )

    def count_lookup(self, cache: CacheName, outcome: Outcome) -> None:
        self._cache_lookups.labels(cache, outcome).inc()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
