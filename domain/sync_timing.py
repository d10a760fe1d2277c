"""When a source is synced by itself."""

import re
from hashlib import sha256
from json import dumps
from typing import Any, Final

SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 366 * 24 * 3600
_CRON: Final = re.compile(r"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|"
                          r"[^\s=#]+(?:[ \t]+[^\s=#]+){4}")  # fmt: skip


def is_cron(expression: str) -> bool:
    """Whether it has the form of a cron expression that starts something once a minute at most.

    Temporal knows more of them: with seconds, and `@every 5s`. Its own answer says whether the
    numbers are right.
    """
    return _CRON.fullmatch(expression.strip()) is not None


def timing_digest(schedule: dict[str, Any] | None) -> str:
    """Eight digits that are others for another timing."""
    return sha256(dumps(schedule, sort_keys=True).encode()).hexdigest()[:8]
