"""No delivery brings the reader down, and whatever it reads can be kept."""

import copy
import json
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.webhook.delivery import MalformedDelivery, read_delivery
from tests.fuzz import corpus
from tests.fuzz.deliveries import MutatedDeliveries, originals
from tests.fuzz.mutations import Mutator
from tests.fuzz.storable import check

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read_and_check(body: bytes) -> int:
    try:
        updates = read_delivery(body, received_at=NOW)
    except MalformedDelivery:
        return 0
    for update in updates:
        check(update)
    return len(updates)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    random=st.randoms(use_true_random=False),
    name=st.sampled_from(sorted(corpus.deliveries())),
    changes=st.integers(min_value=1, max_value=8),
)
def test_whatever_becomes_of_a_delivery_is_read(random: Random, name: str, changes: int) -> None:
    mutator = Mutator(random, others=list(corpus.deliveries().values()))
    delivery = copy.deepcopy(corpus.deliveries()[name])
    read_and_check(mutator.mutate(delivery, changes=changes))


@pytest.mark.parametrize("name", sorted(corpus.deliveries()))
def test_what_is_not_mutated_can_be_kept_too(name: str) -> None:
    assert read_and_check(json.dumps(corpus.deliveries()[name]).encode()) > 0


def test_the_same_number_is_the_same_delivery() -> None:
    first, second = (MutatedDeliveries(7, people=10) for _ in range(2))
    assert [first[position] for position in range(50)] == [
        second[position] for position in range(50)
    ]
    assert first[0] != first[1]


def test_most_mutations_are_still_deliveries_of_something() -> None:
    deliveries = MutatedDeliveries(7, people=10)
    read = [read_and_check(deliveries[position]) for position in range(300)]
    assert sum(1 for count in read if count) > 200
    assert originals()
