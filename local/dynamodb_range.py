"""What a key condition of a query says: the range of its partition in which it is fulfilled."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ministack.services import dynamodb as emulator

from local.dynamodb_order import TOP, Item, Order, Range

Token = tuple[str, str]
Values = Mapping[str, Mapping[str, Any]]


class Condition(NamedTuple):
    attribute: str
    operator: str
    references: list[str]
    """To values: one, or two for BETWEEN."""


LAST_CHARACTER = "\U0010ffff"
COMPARISONS = {"EQ", "LT", "LE", "GT", "GE"}


class KeyCondition(NamedTuple):
    """Fulfilled by the items of a partition within a range whose keys have the right types."""

    places: Range
    types: tuple[tuple[str, str], ...]
    """Attributes that the condition names, and the types that it compares them with."""

    def is_typed(self, item: Item) -> bool:
        # The emulator's transactions take index keys of any type, and conditions turn those away.
        return all(kind in item[name] for name, kind in self.types)


def key_condition(
    expression: str, *, order: Order, names: Mapping[str, str], values: Values
) -> KeyCondition | None:
    """What the expression says, or None where it cannot be said as a range.

    None is for what is not simply one partition and at most one condition on its sort key, which
    is a text or a number: the emulator then has to look at each item.
    """
    conditions = _conditions(emulator._tokenize(expression), names)
    if conditions is None:
        return None
    of_partition = [each for each in conditions if each.attribute == order.partition]
    of_sort = [each for each in conditions if each.attribute == order.sort]
    if len(of_partition) != 1 or len(of_partition) + len(of_sort) != len(conditions):
        return None
    if of_partition[0].operator != "EQ" or len(of_sort) > 1:
        return None
    partition_type = next(iter(values.get(of_partition[0].references[0]) or ("",)))
    types = [(order.partition, partition_type)]
    if not of_sort:
        return KeyCondition(Range(), tuple(types))
    (condition,) = of_sort
    kind = dict(order.attributes)[condition.attribute]
    operands = [_value(values.get(reference), kind) for reference in condition.references]
    places = None if None in operands else _range(condition.operator, operands)
    return KeyCondition(places, (*types, (condition.attribute, kind))) if places else None


def _range(operator: str, operands: list[Any]) -> Range | None:
    first = operands[0]
    match operator:
        case "EQ":
            return Range((first,), (first, TOP))
        case "LT":
            return Range(None, (first,))
        case "LE":
            return Range(None, (first, TOP))
        case "GT":
            return Range((first, TOP), None)
        case "GE":
            return Range((first,), None)
        case "BETWEEN":
            return Range((first,), (operands[1], TOP))
        case "begins_with" if isinstance(first, str):
            after = _after_all_that_begin_with(first)
            return Range((first,), None if after is None else (after,))
        case _:
            return None


def _conditions(tokens: list[Token], names: Mapping[str, str]) -> list[Condition] | None:
    """Conditions that all have to hold; None where it is something else."""
    # Nothing but AND joins them, or it is not understood: so parentheses change nothing.
    left = [token for token in tokens if token[0] not in ("LPAREN", "RPAREN", "EOF")]
    found: list[Condition] = []
    while True:
        match left:
            case [("IDENT", "begins_with"), path, ("COMMA", _), ("VALUE_REF", value), *left]:
                operator, references = "begins_with", [value]
            case [path, (operator, _), ("VALUE_REF", value), *left] if operator in COMPARISONS:
                references = [value]
            case [path, ("IDENT", between), ("VALUE_REF", low), ("IDENT", conjunction),
                  ("VALUE_REF", high), *left] if (
                between.upper() == "BETWEEN" and conjunction.upper() == "AND"
            ):  # fmt: skip
                operator, references = "BETWEEN", [low, high]
            case _:
                return None
        attribute = _attribute(path, names)
        if attribute is None:
            return None
        found.append(Condition(attribute, operator, references))
        match left:
            case []:
                return found
            case [("IDENT", conjunction), *left] if conjunction.upper() == "AND":
                pass
            case _:
                return None


def _attribute(path: Token, names: Mapping[str, str]) -> str | None:
    kind, text = path
    return text if kind == "IDENT" else names.get(text) if kind == "NAME_REF" else None


def _value(value: Mapping[str, Any] | None, kind: str) -> str | Decimal | None:
    """The value as the emulator orders it, if it is a text or a number of the key's type."""
    if value is None or list(value) != [kind] or not isinstance(value[kind], str):
        return None
    if kind not in ("S", "N"):
        return None
    ordered: str | Decimal = emulator._sort_key_value(value, kind)
    return None if isinstance(ordered, Decimal) and not ordered.is_finite() else ordered


def _after_all_that_begin_with(prefix: str) -> str | None:
    """The first text after them; None when there is none."""
    stem = prefix.rstrip(LAST_CHARACTER)
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None
