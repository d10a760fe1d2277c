"""Parley's own metrics in a worker, on the port of Temporal's. Labels are names, never ids."""

from temporalio.common import MetricCounter, MetricMeter

from adapters.cache_lookups import CacheName, Outcome
from contracts.quotas import QuotaName
from domain.quotas import Level


class WorkerMetrics:
    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        """
        Args:
            meter: of the runtime that the worker's client has; by default nothing is counted.
        """
        self._lookups = meter.create_counter(
            "parley_cache_lookups", "Look-ups in caches, by what came of them."
        )
        self._quotas_reached = meter.create_counter(
            "parley_quotas_reached", "Limits of quotas reached, once in each of their windows."
        )
        self._messages_refused = meter.create_counter(
            "parley_messages_over_quota", "Messages that were not answered because of a quota."
        )
        # Labels are made ready once: a look-up is quicker than making them.
        self._labelled: dict[tuple[CacheName, Outcome], MetricCounter] = {}

    def count_lookup(self, cache: CacheName, outcome: Outcome) -> None:
        counter = self._labelled.get((cache, outcome))
        if counter is None:
            labels = {"cache": cache, "outcome": outcome}
            counter = self._lookups.with_additional_attributes(labels)
            self._labelled[cache, outcome] = counter
        counter.add(1)

    def quota_reached(self, quota: QuotaName, level: Level) -> None:
        self._quotas_reached.add(1, {"quota": quota, "level": level})

    def messages_refused(self, quota: QuotaName, count: int) -> None:
        self._messages_refused.add(count, {"quota": quota})
