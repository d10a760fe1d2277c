"""DynamoDB: the organisation in each key and index partition, in cursors and in what is scoped."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from adapters.dynamodb import keys
from adapters.dynamodb.people import People
from contracts.ids import ApiKeyId
from tests.mutants.rule import EVERYONE, KEYS, Mutant, replace

PEOPLE: Final = "tests/adapters/dynamodb/test_people.py"


def mutants() -> Iterator[Mutant]:
    for name, function in inspect.getmembers(keys, inspect.isfunction):
        if (
            function.__module__ == keys.__name__
            and "organization" in inspect.signature(function).parameters
            and not name.startswith("_")
        ):
            yield Mutant(
                f"key-{name}",
                f"the organisation in `keys.{name}`",
                _forgetful(name, function),
                (KEYS,),
            )
    yield Mutant(
        "idempotency-scope", "an `Idempotency-Key` is of one API key and organisation",
        _one_scope, ("tests/adapters/dynamodb/test_idempotency.py",),
    )  # fmt: skip
    yield Mutant("people-cache", "cache of people: the organisation", _people_of_all, (PEOPLE,))


def _forgetful(name: str, function: Callable[..., Any]) -> Callable[[], None]:
    def make() -> None:
        @functools.wraps(function)
        def forgetful(organization: str, *arguments: Any, **named: Any) -> Any:  # noqa: ARG001 - forgotten
            return function(EVERYONE, *arguments, **named)

        replace(keys, name, forgetful)

    return make


def _one_scope() -> None:
    key = keys.idempotency
    replace(
        keys, "idempotency", lambda _organization, _key, name: key(EVERYONE, ApiKeyId("any"), name)
    )


def _people_of_all() -> None:
    class Forgetful(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key[1], value)

        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(key[1], default)

    start = People.__init__

    def init(self: People, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        replace(self, "_by_id", Forgetful())

    replace(People, "__init__", init)
