"""Every key begins with its organisation: two organisations never have an item in common."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from adapters.dynamodb import keys

ORGANIZATION, ANOTHER = "org_1", "org_2"
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
    arguments = [1 if name == "window" else name for name in others]
    assert _partition(function(ORGANIZATION, *arguments)).startswith(f"{ORGANIZATION}/")
    assert _partition(function(ANOTHER, *arguments)).startswith(f"{ANOTHER}/")


def _partition(key: Any) -> str:
    partition: str = key.partition if isinstance(key, keys.Key) else key
    return partition
