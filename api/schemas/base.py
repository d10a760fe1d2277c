"""What all schemas share: strict input that can be stored, and output read from rows."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contracts.model import WholeNumber

LARGEST_INTEGER: Final = 2**63 - 1
DEEPEST: Final = 32

Item = TypeVar("Item")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Secret = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id of another object."""


def exactly(what: str, *, longest: int = 200) -> Any:
    """A filter of a list, by the whole value."""
    return Query(max_length=longest, description=f"Only those with exactly this {what}.")


NameFilter = Annotated[str | None, exactly("name")]


Integer = WholeNumber


class Input(BaseModel):
    """A body. Unknown fields are refused, and so is what no store can keep.

    Nothing is converted: `"1"` and `true` are no numbers. A time, which JSON has as text, says so
    with `strict=False`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, data: Any) -> Any:
        for path, problem in _unstorable(data, (), depth=0):
            raise PydanticCustomError(
                "not_storable",
                "{path} {problem}",
                {"path": ".".join(path) or "the body", "problem": problem},
            )
        return data

    def changes(self) -> dict[str, Any]:
        """The fields that the client sent, for a partial update."""
        return self.model_dump(exclude_unset=True)


class Output(BaseModel):
    """An object as the API shows it."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Revised(Output):
    """An object that is changed: `revision` counts how often it was. Its ETag is made of it."""

    revision: int = Field(
        description='Counts the changes. The ETag of the object is `"<revision>"`: send it as '
        "`If-Match` with a change, and what somebody else has changed meanwhile stays."
    )


class Listing(BaseModel, Generic[Item]):
    """A page of a list, newest first."""

    items: list[Item]
    next_cursor: str | None = Field(
        default=None, description="Hand it in as `cursor` for the next page; null at the end."
    )


def _unstorable(value: Any, path: tuple[str, ...], *, depth: int) -> Iterator[tuple[Any, str]]:
    if depth > DEEPEST:
        yield path, f"is nested more than {DEEPEST} levels deep"
        return
    match value:
        case str():
            if "\x00" in value:
                yield path, "holds a NUL character"
            elif not _encodes(value):
                yield path, "holds a surrogate without its pair"
        case float() if not math.isfinite(value):
            yield path, "is not a finite number"
        case int() if abs(value) > LARGEST_INTEGER:
            yield path, "is too large a number"
        case dict():
            for key, entry in value.items():
                name = str(key)
                if "\x00" in name or not _encodes(name):
                    yield path, "has a field name that cannot be stored"
                else:
                    yield from _unstorable(entry, (*path, name), depth=depth + 1)
        case list():
            for position, entry in enumerate(value):
                yield from _unstorable(entry, (*path, str(position)), depth=depth + 1)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
