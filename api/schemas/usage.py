"""Usage in the API."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from adapters.usage import UsageReport
from domain.pricing import PriceTable
from domain.usage import (
    AUDIO_SECONDS,
    COST,
    INBOUND,
    OUTBOUND,
    TOKENS_CACHED,
    TOKENS_EMBEDDING,
    TOKENS_INPUT,
    TOKENS_OUTPUT,
)
from domain.usage_periods import Granularity

Group = TypeVar("Group")


class UsageMessages(BaseModel):
    inbound: int = Field(description="Messages that people sent.", examples=[12])
    outbound: int = Field(
        description="Messages that were handed to Meta, also those that it refused.", examples=[14]
    )
    inbound_by_type: dict[str, int] = Field(examples=[{"text": 11, "image": 1}])
    outbound_by_type: dict[str, int] = Field(examples=[{"text": 14}])


class UsageTokens(BaseModel):
    input: int = Field(
        description="Of prompts, the cached ones too, and of recordings.", examples=[41200]
    )
    cached: int = Field(description="A part of the input that cost less.", examples=[20480])
    output: int = Field(examples=[2900])
    embedding: int = Field(description="Of passages that were embedded.", examples=[0])


class UsageSums(BaseModel):
    """What adds up: a total is the sum of its parts."""

    messages: UsageMessages
    tokens: UsageTokens
    audio_seconds: int = Field(
        description="Of recordings that were transcribed by models that tell no tokens.",
        examples=[0],
    )
    cost_microusd: int = Field(description="Millionths of a US dollar.", examples=[11512])
    cost_usd: str = Field(description="The same in US dollars.", examples=["0.011512"])


class UsageTotals(UsageSums):
    """With what there was at the end. It is measured, not added up; null where it is not known."""

    documents: int | None = Field(examples=[6])
    passages: int | None = Field(description="Those that can be found.", examples=[142])
    storage_bytes: int | None = Field(
        description="Of documents' files; files of the same content count once.", examples=[81920]
    )


class UsageBucket(UsageTotals):
    start: datetime = Field(description="In the organisation's time zone.")
    end: datetime = Field(description="When the next one begins.")


class ChannelUsage(UsageSums):
    channel_id: str | None = Field(description="null: belongs to no channel, such as embeddings.")


class ModelUsage(UsageSums):
    model: str | None = Field(description="null: took no model, such as messages.")


class UsagePublic(BaseModel):
    """Usage by hours, days or months of the organisation's time zone."""

    start: datetime = Field(description="Of the first bucket: `from`, back to where one begins.")
    end: datetime = Field(description="Of the last bucket.")
    granularity: Granularity
    timezone: str = Field(examples=["Europe/Madrid"])
    buckets: list[UsageBucket] = Field(description="Oldest first, empty ones too.")
    by_channel: list[ChannelUsage]
    by_model: list[ModelUsage]
    totals: UsageTotals
    unpriced_models: list[str] = Field(
        description="Models whose price is not known, so that their tokens cost nothing here."
    )
    complete: bool = Field(
        description="false while the roll-up is more than two days behind: then something is "
        "missing, and will be there later."
    )

    @classmethod
    def of(
        cls,
        report: UsageReport,
        *,
        zone: ZoneInfo,
        granularity: Granularity,
        prices: PriceTable,
    ) -> "UsagePublic":
        by_period = _grouped(
            (period, metric, value) for (period, _, _, metric), value in report.sums.items()
        )
        by_channel = _grouped(
            (channel, metric, value) for (_, channel, _, metric), value in report.sums.items()
        )
        by_model = _grouped(
            (model, metric, value) for (_, _, model, metric), value in report.sums.items()
        )
        totals = sum(by_period.values(), start=Counter[str]())
        spans = [
            (start.astimezone(zone), end.astimezone(zone)) for start, end in report.periods.spans()
        ]
        return cls(
            start=spans[0][0],
            end=spans[-1][1],
            granularity=granularity,
            timezone=zone.key,
            buckets=[
                UsageBucket(
                    start=start,
                    end=end,
                    **_used(by_period.get(period, Counter())),
                    **{metric: levels[period] for metric, levels in report.levels.items()},
                )
                for period, (start, end) in enumerate(spans)
            ],
            by_channel=[
                ChannelUsage(channel_id=channel, **_used(metrics))
                for channel, metrics in _in_order(by_channel)
            ],
            by_model=[
                ModelUsage(model=model, **_used(metrics)) for model, metrics in _in_order(by_model)
            ],
            totals=UsageTotals(
                **_used(totals),
                **{metric: _last_known(levels) for metric, levels in report.levels.items()},
            ),
            unpriced_models=sorted(
                model for model in by_model if model is not None and prices.price(model) is None
            ),
            complete=report.complete,
        )


def _grouped(numbers: Iterable[tuple[Group, str, int]]) -> dict[Group, Counter[str]]:
    groups: dict[Group, Counter[str]] = {}
    for group, metric, value in numbers:
        groups.setdefault(group, Counter())[metric] += value
    return groups


def _in_order(
    groups: dict[str | None, Counter[str]],
) -> list[tuple[str | None, Counter[str]]]:
    return sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))


def _used(metrics: Counter[str]) -> dict[str, Any]:
    """The fields of `UsageSums`."""
    inbound, outbound = _by_type(metrics, INBOUND), _by_type(metrics, OUTBOUND)
    return {
        "messages": UsageMessages(
            inbound=sum(inbound.values()),
            outbound=sum(outbound.values()),
            inbound_by_type=inbound,
            outbound_by_type=outbound,
        ),
        "tokens": UsageTokens(
            input=metrics[TOKENS_INPUT],
            cached=metrics[TOKENS_CACHED],
            output=metrics[TOKENS_OUTPUT],
            embedding=metrics[TOKENS_EMBEDDING],
        ),
        "audio_seconds": metrics[AUDIO_SECONDS],
        "cost_microusd": metrics[COST],
        "cost_usd": f"{Decimal(metrics[COST]).scaleb(-6):f}",
    }


def _by_type(metrics: Counter[str], prefix: str) -> dict[str, int]:
    return {
        metric.removeprefix(prefix): value
        for metric, value in sorted(metrics.items())
        if metric.startswith(prefix)
    }


def _last_known(levels: Sequence[int | None]) -> int | None:
    return next((level for level in reversed(levels) if level is not None), None)
