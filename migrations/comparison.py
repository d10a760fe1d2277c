"""How tables and database are compared, by `python -m migrations` and by the drift test alike."""

from typing import Any, Final

from sqlmodel import SQLModel

import adapters.postgres.tables

METADATA: Final = SQLModel.metadata
"""Every table: importing their module is what fills it."""
assert adapters.postgres.tables  # noqa: S101 - the import is needed for its effect

COMPARISON: Final[dict[str, Any]] = {"compare_type": True, "compare_server_default": True}
