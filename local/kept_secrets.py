"""Secrets of the embedded stack: made once and kept in the data directory, for its owner only."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

FILE_NAME = "secrets.env"

MADE: Mapping[str, Callable[[], str]] = {
    "PARLEY_ADMIN_KEY": lambda: f"parley_{secrets.token_urlsafe(24)}",
    "PARLEY_SECRET_KEYS": lambda: secrets.token_hex(32),
    "PARLEY_CODEC_TOKEN": lambda: secrets.token_urlsafe(24),
    "WHATSAPP_APP_SECRET": lambda: secrets.token_hex(16),
    "WHATSAPP_VERIFY_TOKEN": lambda: secrets.token_urlsafe(18),
    "SIMULATOR_ACCESS_TOKEN": lambda: f"SIM{secrets.token_urlsafe(32)}",
    "POSTGRES_PASSWORD": lambda: secrets.token_urlsafe(24),
}
"""How each one is made. Meta's app secret has 32 hexadecimal digits."""


def keep_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of this data directory; missing ones are made and written down first.

    The file has mode 0600 and is replaced in one step, so a kill never leaves half of it.
    """
    path = data_dir / FILE_NAME
    known = {name: value for name, value in dotenv_values(path).items() if value}
    missing = {name: make() for name, make in MADE.items() if name not in known}
    if missing:
        known |= missing
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in known.items())
        fresh.replace(path)
    return known
