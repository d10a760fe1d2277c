"""What tokens cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing import DEFAULT_PRICES, ModelPrice, PriceTable
from settings import Settings

TOKENS = st.integers(0, 10**9)


def test_cached_input_costs_its_own_price_and_is_part_of_the_input() -> None:
    cost = PriceTable().cost_microusd(
        "gpt-5-mini", input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000
    )
    # 600,000 at 0.25, 400,000 at 0.025 and 100,000 at 2 dollars a million.
    assert cost == 150_000 + 10_000 + 200_000


def test_a_snapshot_costs_what_its_model_costs() -> None:
    table = PriceTable()
    assert table.price("gpt-5-mini-2025-08-07") == table.price("gpt-5-mini")


def test_a_name_that_only_begins_alike_has_no_price() -> None:
    assert PriceTable().price("gpt-5-minimal") is None


def test_a_model_without_a_price_costs_nothing() -> None:
    assert PriceTable().cost_microusd("our-own", input_tokens=10**9, output_tokens=10**9) == 0


def test_cached_input_without_a_price_of_its_own_costs_like_other_input() -> None:
    table = PriceTable({"m": ModelPrice(input=Decimal(3), output=Decimal(1))})
    assert table.cost_microusd("m", input_tokens=10, cached_tokens=10) == 30


def test_prices_that_are_set_go_before_the_known_ones() -> None:
    prices = '{"gpt-5-mini": {"input": 1.1, "output": 4}, "our-own": {"input": 0.5}}'
    settings = Settings(_env_file=None, parley_model_prices=prices)
    table = PriceTable(settings.parley_model_prices)
    assert table.cost_microusd("gpt-5-mini", input_tokens=1000) == 1100
    assert table.cost_microusd("our-own", input_tokens=1000) == 500
    assert table.price("gpt-5") == DEFAULT_PRICES["gpt-5"]


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ("cheap", "must be JSON such as"),
        ('{"m": {"input": -1}}', "greater than or equal to 0"),
        ('{"m": {"inputs": 1}}', "Field required"),
        ("[]", "valid dictionary"),
    ],
)
def test_prices_that_cannot_be_read_are_refused(prices: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Settings(_env_file=None, parley_model_prices=prices)


@given(model=st.sampled_from(sorted(DEFAULT_PRICES)), tokens=st.tuples(TOKENS, TOKENS, TOKENS))
def test_more_tokens_never_cost_less(model: str, tokens: tuple[int, int, int]) -> None:
    inputs, cached, outputs = tokens
    table = PriceTable()
    cost = table.cost_microusd(
        model, input_tokens=inputs, cached_tokens=cached, output_tokens=outputs
    )
    more = table.cost_microusd(
        model, input_tokens=inputs + 1000, cached_tokens=cached, output_tokens=outputs + 1000
    )
    assert 0 <= cost <= more
