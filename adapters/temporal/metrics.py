"""Parley's own metrics in a worker, on the port of Temporal's. Labels are names, never ids."""

from collections.abc import Iterable
from typing import Literal

from temporalio.common import MetricCounter, MetricMeter

from adapters.cache_lookups import CacheName, Outcome
from contracts.quotas import QuotaName
from domain.graph_errors import Verdict
from domain.grounding import ClaimKind
from domain.organization_settings import UncertainSendPolicy
from domain.quotas import LimitKind

Correction = Literal["shortened", "withheld"]


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
        self._sends_refused = meter.create_counter(
            "parley_sends_refused", "Messages that Meta refused, by what it means."
        )
        self._channels_paused = meter.create_counter(
            "parley_channels_paused",
            "Channels that were paused because Meta refuses their messages.",
        )
        self._uncertain_sends = meter.create_counter(
            "parley_uncertain_sends", "Messages of which nobody told whether they arrived."
        )
        self._sends_given_up = meter.create_counter(
            "parley_sends_given_up", "Messages that could not be sent for as long as they may wait."
        )
        self._answers_corrected = meter.create_counter(
            "parley_answers_corrected",
            "Answers of which sentences were left out, or all of it: nobody had told the model.",
        )
        self._ungrounded_claims = meter.create_counter(
            "parley_ungrounded_claims", "What models claimed without a ground, by kind."
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

    def send_refused(self, verdict: Verdict) -> None:
        self._sends_refused.add(1, {"verdict": str(verdict)})

    def channel_paused(self, code: int | None) -> None:
        self._channels_paused.add(1, {"code": str(code)})

    def uncertain_send(self, decision: UncertainSendPolicy) -> None:
        self._uncertain_sends.add(1, {"decision": decision})

    def send_given_up(self, reason: str) -> None:
        self._sends_given_up.add(1, {"reason": reason})

    def answer_corrected(self, outcome: Correction, claims: Iterable[ClaimKind]) -> None:
        self._answers_corrected.add(1, {"outcome": outcome})
        for kind in claims:
            self._ungrounded_claims.add(1, {"kind": kind})

    def quota_reached(self, quota: QuotaName, limit: LimitKind) -> None:
        self._quotas_reached.add(1, {"quota": quota, "limit": limit})

    def messages_refused(self, quota: QuotaName, count: int) -> None:
        self._messages_refused.add(count, {"quota": quota})
