"""Changes well-formed deliveries into what no sender should send, and knows their structure.

Every choice comes from the random generator that is handed in: the same one gives the same bytes.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

_DEEP: Final = "\ue000deep:"
_DIGITS: Final = "\ue000digits:"
_RAW: Final = re.compile('"(?:\ue000|\\\\ue000)(deep|digits):(\\d+)"')
"""Marks for what Python's own writer would refuse: they become text at the end."""

_ODD_TEXTS: Final = (
    "", " ", "\x00", "a\x00b", "\ud800", "a\udfffb", "\u202eright to left", "👩‍👩‍👧‍👦",
    "\ufeff", "\u2028", "ß" * 600, "🚲" * 5_000, "x" * 20_000, "'; DROP TABLE messages; --",
    "{{7*7}}", "<script>", "../../etc/passwd", "null", "true", "0", "-1", "1e999", "NaN", "US.1",
    "+34600111222", "9" * 400, "%s%n", "wamid.", "2026-01-01T00:00:00Z",
)  # fmt: skip
_ODD_NUMBERS: Final = (
    0, -1, 1, 2**31, 2**53, 2**63, 10**30, -(10**30), 1.5, -0.0, 1e308, float("inf"),
    float("-inf"), float("nan"), 253_402_300_800,
)  # fmt: skip
_ODD_TYPES: Final = (
    "text", "image", "system", "edit", "hologram", "unsupported", "interactive", "nfm_reply",
    "button_reply", "failed", "sent", "read", "stop", "group", "user_changed_number",
)  # fmt: skip


class _Place(NamedTuple):
    """Where something stands: in what, and under which key or position."""

    parent: Any
    at: Any


class Mutator:
    def __init__(self, random: Random, *, others: list[Json]) -> None:
        """
        Args:
            others: deliveries whose parts may be put where they do not belong.
        """
        self._random = random
        self._others = others
        self._changes: tuple[Callable[[_Place], None], ...] = (
            self._remove, self._remove, self._rename, self._odd_value, self._odd_value,
            self._odd_value, self._other_type, self._wrap, self._unwrap, self._repeat,
            self._transplant, self._add, self._deep, self._digits, self._shuffle,
        )  # fmt: skip

    def mutate(self, delivery: Json, *, changes: int) -> bytes:
        """The bytes of the delivery after so many changes, which it goes through itself."""
        for _ in range(changes):
            places = list(_places(delivery))
            if not places:
                break
            self._random.choice(self._changes)(self._random.choice(places))
        return self._garbled(self._written(delivery))

    def _remove(self, place: _Place) -> None:
        del place.parent[place.at]

    def _rename(self, place: _Place) -> None:
        if isinstance(place.parent, dict):
            name = self._random.choice([place.at.upper(), f"{place.at}_", "", "\x00", "\ud800"])
            place.parent[name] = place.parent.pop(place.at)

    def _odd_value(self, place: _Place) -> None:
        place.parent[place.at] = self._odd()

    def _other_type(self, place: _Place) -> None:
        """What a type, a status or a kind may say, beside content of another one."""
        place.parent[place.at] = self._random.choice(_ODD_TYPES)

    def _wrap(self, place: _Place) -> None:
        value = place.parent[place.at]
        place.parent[place.at] = self._random.choice([[value], {"": value}, [[value], value]])

    def _unwrap(self, place: _Place) -> None:
        value = place.parent[place.at]
        if isinstance(value, dict):
            place.parent[place.at] = list(value.values())
        elif isinstance(value, list):
            place.parent[place.at] = {str(at): each for at, each in enumerate(value)}
        else:
            place.parent[place.at] = str(value)

    def _repeat(self, place: _Place) -> None:
        value = place.parent[place.at]
        times = self._random.choice([2, 3, 50])
        place.parent[place.at] = (value * times)[:500] if isinstance(value, list) else [value] * 2

    def _transplant(self, place: _Place) -> None:
        donor = self._random.choice(list(_places(self._random.choice(self._others))))
        place.parent[place.at] = copy.deepcopy(donor.parent[donor.at])

    def _add(self, place: _Place) -> None:
        value = place.parent[place.at]
        if isinstance(value, dict):
            names = ["id", "type", "text", "errors", "group_id", "context", "user_id", "new_key"]
            value[self._random.choice(names)] = self._odd()
        elif isinstance(value, list):
            value.insert(self._random.randint(0, len(value)), self._odd())

    def _deep(self, place: _Place) -> None:
        depth = self._random.choice([20, 200, 900, 980, 1_500, 100_000])
        place.parent[place.at] = f"{_DEEP}{depth}"

    def _digits(self, place: _Place) -> None:
        place.parent[place.at] = f"{_DIGITS}{self._random.choice([20, 400, 5_000])}"

    def _shuffle(self, place: _Place) -> None:
        value = place.parent[place.at]
        if isinstance(value, dict) and len(value) > 1:
            values = list(value.values())
            self._random.shuffle(values)
            place.parent[place.at] = dict(zip(value, values, strict=True))

    def _odd(self) -> Any:
        kind = self._random.randrange(10)
        if kind < 5:
            return self._random.choice(_ODD_TEXTS)
        if kind < 7:
            return self._random.choice(_ODD_NUMBERS)
        return self._random.choice([None, True, False, [], {}, [None], {"": None}, [[]], [{}]])

    def _written(self, delivery: Any) -> bytes:
        """As JSON, with keys that stand there twice, numbers and depths beyond what Python writes.

        Meta escapes what is not ASCII; others do not."""
        text = json.dumps(delivery, ensure_ascii=self._random.random() < 0.8)
        text = _RAW.sub(_raw, text)
        if self._random.random() < 0.1:
            text = self._with_a_key_twice(text)
        return text.encode("utf-8", "surrogatepass")

    def _with_a_key_twice(self, text: str) -> str:
        objects = [found.start() for found in re.finditer(r'\{"', text)]
        if not objects:
            return text
        at = self._random.choice(objects) + 1
        key = text[at : text.index('"', at + 1) + 1]
        return f"{text[:at]}{key}: {self._random.choice(['null', '[]', '1', '{}'])}, {text[at:]}"

    def _garbled(self, body: bytes) -> bytes:
        """Now and then not even JSON."""
        chance = self._random.random()
        if chance < 0.01:
            return body[: self._random.randrange(len(body))]
        if chance < 0.02:
            at = self._random.randrange(len(body))
            return body[:at] + self._random.randbytes(3) + body[at:]
        return body


def _raw(mark: re.Match[str]) -> str:
    size = int(mark[2])
    return "[" * size + "]" * size if mark[1] == "deep" else "9" * size


def _places(value: Any) -> Iterator[_Place]:
    """Every place inside a value, the outer ones first."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for at, inner in list(entries):
        yield _Place(value, at)
        if isinstance(inner, dict | list):
            yield from _places(inner)
