"""How the network behaves right now: what the configuration says, or what the page has switched."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.config import SimulatorConfig
from local.simulator.storage.database import Database

FACT = "behaviour"


class Behaviour(BaseModel):
    """The switches. Their meaning and units are those of `SimulatorConfig`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook_version: int = Field(ge=20, le=99)
    service_window: Literal["async", "sync", "off"]
    messages_per_second: float | None = Field(gt=0, le=1000)
    pair_burst: int | None = Field(ge=1, le=1000)
    media_url_seconds: float = Field(gt=0, le=86_400)


class Behaviours:
    """The behaviour in force. What was switched survives a restart; the rest is as configured."""

    def __init__(self, config: SimulatorConfig, *, database: Database) -> None:
        self._database = database
        configured = config.model_dump(include=set(Behaviour.model_fields))
        self._configured = Behaviour.model_validate(configured)
        switched = database.fact(FACT)
        self.now = self._configured if switched is None else Behaviour.model_validate_json(switched)

    def switch(self, behaviour: Behaviour) -> None:
        self.now = behaviour
        self._database.remember(FACT, behaviour.model_dump_json())

    def reset(self) -> None:
        """Behave as configured again."""
        self.now = self._configured
        self._database.forget(FACT)
