"""Every key begins with its organisation: two organisations never have an item in common."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from adapters.dynamodb import keys

ORGANIZATION, ANOTHER = "org_1", "org_2"
OTHER_THAN_TEXT: Final = {
    "window": 1,
    "version": 1,
    "number": 1,
    "start": 0,
    "quarter": datetime(2026, 1, 1, tzinfo=UTC),
    "moment": datetime(2026, 1, 1, tzinfo=UTC),
    "alias": keys.Key(f"{ORGANIZATION}/person-alias/wa_id/1", "alias"),
}
"""Arguments by name; any other is a text."""
FUNCTIONS = [
    function
    for name, function in inspect.getmembers(keys, inspect.isfunction)
    if function.__module__ == keys.__name__ and not name.startswith("_") and name != "foreign"
]
"""Whatever is new there, too. `foreign` makes a part of a key."""


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)
def test_a_key_begins_with_its_organization(function: Callable[..., Any]) -> None:
    first, *others = inspect.signature(function).parameters
    assert first == "organization"
    arguments = {name: OTHER_THAN_TEXT.get(name, name) for name in others}
    for organization in (ORGANIZATION, ANOTHER):
        key = function(organization=organization, **arguments)
        assert _partition(key).startswith(f"{organization}/")


def _partition(key: Any) -> str:
    partition: str = key.partition if isinstance(key, keys.Key) else key
    return partition
