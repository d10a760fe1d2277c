"""What a simulator can be told at its start. Every time is in seconds."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DAY = 24 * 3600.0


class SimulatorConfig(BaseModel):
    """How the simulated network behaves; the defaults are as close to Meta's as a demo can be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    """Folder of the SQLite file and of the media; made when it is missing."""

    temporal_ui_url: str = "http://127.0.0.1:8233"
    temporal_namespace: str = "default"

    sent_delay_seconds: float = Field(default=0.2, ge=0)
    delivered_delay_seconds: float = Field(default=0.6, ge=0)
    """Both counted from the moment a message is accepted."""

    webhook_timeout_seconds: float = Field(default=10, gt=0)
    webhook_concurrency: int = Field(default=64, ge=1)
    webhook_version: int = Field(default=24, ge=20)
    """Graph version whose webhook shape is sent: below 24, statuses carry `conversation`."""

    retry_base_seconds: float = Field(default=1, gt=0)
    """First wait after a failed delivery; doubled for each further one."""
    retry_cap_seconds: float = Field(default=3600, gt=0)
    retry_for_seconds: float = Field(default=7 * DAY, gt=0)
    """A delivery older than this is dropped (Meta's webhooks overview: up to 7 days)."""

    service_window: Literal["async", "sync", "off"] = "async"
    """How free-form messages outside 24 h fail with 131047: as a `failed` status, or at once."""

    messages_per_second: float | None = Field(default=80, gt=0, le=1000)
    """Messages a number may send in a second before 130429 (Meta: 80, 1,000 when upgraded)."""

    pair_burst: int | None = Field(default=None, ge=1)
    """Messages one person may get in a burst before 131056; `None` switches the limit off."""
    pair_refill_seconds: float = Field(default=6, gt=0)
    """One further message to the same person is earned in this time (Meta: 1 per 6 s)."""

    typing_seconds: float = Field(default=25, gt=0)
    media_url_seconds: float = Field(default=300, gt=0)
    lost_answer_seconds: float = Field(default=120, ge=0)
    """How long a lost answer keeps its caller waiting before the connection is cut."""
