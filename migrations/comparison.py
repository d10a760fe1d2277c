"""How tables and database are compared, by `python -m migrations` and by the drift test alike."""

from typing import Any, Final

from adapters.postgres.tables import Organization

METADATA: Final = Organization.metadata
"""Every table: they are defined in one module, on one metadata."""

COMPARISON: Final[dict[str, Any]] = {"compare_type": True, "compare_server_default": True}
