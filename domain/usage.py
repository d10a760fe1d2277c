"""Usage by quarters of an hour: what one thing used, and what all of a quarter add up to.

A metric's name is in `usage_metrics` and in DynamoDB's items, so it keeps its meaning:

- `messages_inbound.<type>`: messages that people sent, each once however often Meta delivered it
- `messages_outbound.<type>`: messages that were handed to Meta, each once, in the quarter of the
  first attempt; also those that Meta refused
- `tokens_input`, `tokens_cached` (a part of the input), `tokens_output`: of generations, also of
  those that a newer message superseded, and of transcriptions
- `audio_seconds`: of recordings that were transcribed by a model that is paid by the second
- `tokens_embedding`: of passages that were embedded
- `cost_microusd`: of all tokens, by the price table at the time of the roll-up
- levels, which are measured and not summed: `documents`, `passages`, `storage_bytes`
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from contracts.ids import ChannelId
from domain.pricing import PriceTable

QUARTER: Final = timedelta(minutes=15)
"""All time zones in use differ from UTC by multiples of it."""
SETTLED_AFTER: Final = timedelta(minutes=15)
"""After its end a quarter takes in no more: by then the index shows all that was written in it."""

INBOUND: Final = "messages_inbound."
OUTBOUND: Final = "messages_outbound."
TOKENS_INPUT: Final = "tokens_input"
TOKENS_CACHED: Final = "tokens_cached"
TOKENS_OUTPUT: Final = "tokens_output"
TOKENS_EMBEDDING: Final = "tokens_embedding"
AUDIO_SECONDS: Final = "audio_seconds"
COST: Final = "cost_microusd"
LEVELS: Final = ("documents", "passages", "storage_bytes")


@dataclass(frozen=True)
class Usage:
    """What one stored thing used. Made once with it, so counting things counts usage once."""

    counts: Mapping[str, int]
    channel_id: ChannelId | None = None
    model: str | None = None


class Cell(NamedTuple):
    """What a number is about: a row of `usage_metrics`."""

    quarter: datetime
    channel_id: ChannelId | None
    model: str | None
    metric: str


def inbound_message(channel_id: ChannelId, message_type: str) -> Usage:
    return Usage({INBOUND + message_type: 1}, channel_id)


def outbound_message(channel_id: ChannelId, message_type: str) -> Usage:
    return Usage({OUTBOUND + message_type: 1}, channel_id)


def generation(
    channel_id: ChannelId, model: str, *, input_tokens: int, cached_tokens: int, output_tokens: int
) -> Usage:
    counts = {
        TOKENS_INPUT: input_tokens,
        TOKENS_CACHED: cached_tokens,
        TOKENS_OUTPUT: output_tokens,
    }
    return Usage(counts, channel_id, model)


def transcription(
    channel_id: ChannelId, model: str, *, input_tokens: int, output_tokens: int, seconds: int
) -> Usage:
    counts = {TOKENS_INPUT: input_tokens, TOKENS_OUTPUT: output_tokens, AUDIO_SECONDS: seconds}
    return Usage(counts, channel_id, model)


def embedding(model: str, *, tokens: int) -> Usage:
    return Usage({TOKENS_EMBEDDING: tokens}, model=model)


def quarter_of(moment: datetime) -> datetime:
    """The beginning of the quarter, in UTC, that the moment lies in."""
    utc = moment.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % 15, second=0, microsecond=0)


def quarters(start: datetime, end: datetime) -> Iterator[datetime]:
    """The quarters that begin in `start <= quarter < end`; `start` is one itself."""
    while start < end:
        yield start
        start += QUARTER


def settled_until(now: datetime) -> datetime:
    """Quarters before this one are final."""
    return quarter_of(now - SETTLED_AFTER)


def aggregate(quarter: datetime, usages: Iterable[Usage], *, prices: PriceTable) -> dict[Cell, int]:
    """All of a quarter's usage by channel, model and metric, with its cost.

    Each cost is rounded once, to whole micro-USD, of all that a channel used of a model in the
    quarter: sums of costs are exact from there on.
    """
    totals: Counter[Cell] = Counter()
    for usage in usages:
        for metric, count in usage.counts.items():
            totals[Cell(quarter, usage.channel_id, usage.model, metric)] += count
    for channel_id, model in {(cell.channel_id, cell.model) for cell in totals}:
        if model is None:
            continue
        tokens = {
            metric: totals[Cell(quarter, channel_id, model, metric)]
            for metric in (TOKENS_INPUT, TOKENS_CACHED, TOKENS_OUTPUT, TOKENS_EMBEDDING)
        }
        totals[Cell(quarter, channel_id, model, COST)] = prices.cost_microusd(
            model,
            input_tokens=tokens[TOKENS_INPUT] + tokens[TOKENS_EMBEDDING],
            cached_tokens=tokens[TOKENS_CACHED],
            output_tokens=tokens[TOKENS_OUTPUT],
        )
    return {cell: value for cell, value in totals.items() if value}
