"""The base of everything that crosses a process boundary."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """Immutable, and permissive to newer senders: an unknown field is ignored, not an error."""

    model_config = ConfigDict(frozen=True, extra="ignore")
