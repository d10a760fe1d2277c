"""Settings of an organisation that Parley itself reads, among those that are its own to keep."""

from collections.abc import Mapping
from typing import Any, Final, Literal

UncertainSendPolicy = Literal["resend", "leave"]
UNCERTAIN_SEND_POLICY: Final = "uncertain_send_policy"

_POLICIES: Final[Mapping[object, UncertainSendPolicy]] = {"resend": "resend", "leave": "leave"}


def uncertain_send_policy(settings: Mapping[str, Any]) -> UncertainSendPolicy | None:
    """What becomes of a send whose fate nobody tells; None: the platform's policy decides."""
    policy = settings.get(UNCERTAIN_SEND_POLICY)
    return _POLICIES.get(policy) if isinstance(policy, str) else None


def check_settings(settings: Mapping[str, Any]) -> None:
    """`ValueError` when a setting that Parley reads has a value that means nothing."""
    if settings.get(UNCERTAIN_SEND_POLICY) is None or uncertain_send_policy(settings) is not None:
        return
    raise ValueError(f"{UNCERTAIN_SEND_POLICY} must be resend, leave or null")
