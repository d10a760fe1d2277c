"""When the questions are asked: always the same Thursday morning, so that prompts are the same."""

from datetime import UTC, datetime
from typing import Final

NOW: Final = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
