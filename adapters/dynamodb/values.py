"""Between Python values and DynamoDB's typed ones.

A tenth of the cost of boto3's serializers, which matters where every message is read and written.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

AttributeValue: TypeAlias = dict[str, Any]
"""A value with its type, `{"S": "text"}`."""
Item: TypeAlias = dict[str, AttributeValue]
Plain: TypeAlias = dict[str, Any]


def attributes(values: Mapping[str, object]) -> Item:
    """Values as DynamoDB stores them; what is `None` is left out."""
    return {name: attribute(value) for name, value in values.items() if value is not None}


def attribute(value: object) -> AttributeValue:
    """One value; `TypeError` for a float, whose digits DynamoDB would not keep."""
    match value:
        case str():
            return {"S": storable(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case datetime():
            return {"S": timestamp(value)}
        case Mapping():
            return {"M": attributes(value)}
        case list() | tuple():
            return {"L": [attribute(entry) for entry in value]}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be stored in DynamoDB")


def plain(item: Mapping[str, Any]) -> Plain:
    """A stored item as Python values."""
    return {name: _plain_value(value) for name, value in item.items()}


def _plain_value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "M":
            return plain(content)
        case "L":
            return [_plain_value(entry) for entry in content]
        case _:
            return content


def storable(text: str) -> str:
    """Text that encodes to UTF-8: a surrogate without its pair becomes U+FFFD. NUL is kept."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: as text it sorts by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_now() -> datetime:
    return datetime.now(UTC)
