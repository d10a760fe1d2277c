"""Pinecone's filters of metadata, as far as an index of passages uses them."""

from typing import Any


def matches(record: dict[str, Any], condition: dict[str, Any]) -> bool:
    return all(
        _holds(record.get(name), operator, operand)
        for name, test in condition.items()
        for operator, operand in test.items()
    )


def _holds(value: Any, operator: str, operand: Any) -> bool:
    match operator:
        case "$eq":
            return bool(value == operand)
        case "$lt":
            return bool(value < operand)
        case "$in":
            return value in operand
        case "$nin":
            return value not in operand
    raise ValueError(f"the emulator does not know {operator}")
