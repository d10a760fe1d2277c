"""What models cost.

Defaults: OpenAI's standard tier (https://developers.openai.com/api/docs/pricing), for prompts of up
to 272,000 tokens, as independent records of that page had them in November 2026: simonw/llm-prices,
and github/docs or pydantic/genai-prices, on GitHub; the embedding models are in the last one only.
Prices change: `PARLEY_MODEL_PRICES` goes before them. What neither knows costs nothing here and is
named in the answer instead.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
"""`gpt-5-mini-2025-08-07` is a snapshot of `gpt-5-mini` and costs the same."""


class ModelPrice(BaseModel):
    """USD per million tokens, which is micro-USD per token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0, le=1_000_000)
    cached_input: Decimal | None = Field(default=None, ge=0, le=1_000_000)
    """Of input that the provider had cached; None: it costs like other input."""
    output: Decimal = Field(default=Decimal(0), ge=0, le=1_000_000)


def _price(input: str, cached: str | None, output: str) -> ModelPrice:
    return ModelPrice(
        input=Decimal(input),
        cached_input=None if cached is None else Decimal(cached),
        output=Decimal(output),
    )


DEFAULT_PRICES: Final[Mapping[str, ModelPrice]] = {
    "gpt-5.5": _price("5", "0.5", "30"),
    "gpt-5.4": _price("2.5", "0.25", "15"),
    "gpt-5.4-mini": _price("0.75", "0.075", "4.5"),
    "gpt-5.4-nano": _price("0.2", "0.02", "1.25"),
    "gpt-5.2": _price("1.75", "0.175", "14"),
    "gpt-5.1": _price("1.25", "0.125", "10"),
    "gpt-5": _price("1.25", "0.125", "10"),
    "gpt-5-mini": _price("0.25", "0.025", "2"),
    "gpt-5-nano": _price("0.05", "0.005", "0.4"),
    "gpt-4.1": _price("2", "0.5", "8"),
    "gpt-4.1-mini": _price("0.4", "0.1", "1.6"),
    "gpt-4.1-nano": _price("0.1", "0.025", "0.4"),
    "gpt-4o-mini": _price("0.15", "0.075", "0.6"),
    "text-embedding-3-small": _price("0.02", None, "0"),
    "text-embedding-3-large": _price("0.13", None, "0"),
}


class PriceTable:
    """Looks prices up; the platform's own go before the defaults."""

    def __init__(self, own: Mapping[str, ModelPrice] | None = None) -> None:
        self._prices = {**DEFAULT_PRICES, **(own or {})}

    def price(self, model: str) -> ModelPrice | None:
        """Of the model by this name, or of the one that it is a dated snapshot of."""
        return self._prices.get(model) or self._prices.get(_SNAPSHOT.sub("", model))

    def cost_microusd(
        self, model: str, *, input_tokens: int, cached_tokens: int = 0, output_tokens: int = 0
    ) -> int:
        """The cost in whole micro-USD, rounded once; 0 for a model without a price.

        Args:
            input_tokens: with the cached ones, as OpenAI counts them.
        """
        price = self.price(model)
        if price is None:
            return 0
        cached_price = price.input if price.cached_input is None else price.cached_input
        cached = min(cached_tokens, input_tokens)
        exact = (
            (input_tokens - cached) * price.input
            + cached * cached_price
            + output_tokens * price.output
        )
        return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
