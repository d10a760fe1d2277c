"""Comparing webhooks with recorded ones of Meta, by their keys."""

import json
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[3] / "shared" / "whatsapp" / "fixtures"
NOT_EVERYWHERE = {
    # Meta sends these only to businesses in a portfolio with a parent account.
    "parent_user_id",
    "from_parent_user_id",
    "to_parent_user_id",
    # The simulator's people hide neither their name nor have they a username.
    "username",
}
EITHER_OF_THEM = {"image_url", "video_url", "thumbnail_url"}
"""An ad shows one of them."""


def recorded(name: str) -> dict[str, Any]:
    """A recorded delivery; the test is skipped where there are none."""
    path = FIXTURES / f"{name}.json"
    if not path.is_file():
        pytest.skip("no recorded webhooks here")
    body: dict[str, Any] = json.loads(path.read_text())
    return body


def missing_keys(recorded: Any, sent: Any, *, at: str = "") -> list[str]:
    """Paths of the keys that a recorded body has and the simulator's has not."""
    if isinstance(recorded, list):
        if not isinstance(sent, list) or not sent:
            return [at] if recorded else []
        return missing_keys(recorded[0], sent[0], at=f"{at}[]") if recorded else []
    if not isinstance(recorded, dict):
        return []
    if not isinstance(sent, dict):
        return [at]
    missing = []
    for key in recorded.keys() - NOT_EVERYWHERE - EITHER_OF_THEM:
        where = f"{at}.{key}"
        missing += missing_keys(recorded[key], sent[key], at=where) if key in sent else [where]
    return missing
