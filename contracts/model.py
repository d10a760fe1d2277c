"""The base of everything that crosses a process boundary."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictInt


class Contract(BaseModel):
    """Immutable, and permissive to newer senders: an unknown field is ignored, not an error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[StrictInt, BeforeValidator(_whole)]
"""JSON knows one kind of number: 5.0 is an integer (JSON Schema, "Numeric types")."""
