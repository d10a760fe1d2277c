"""Settings of an organisation that Parley itself reads, among those that are its own to keep."""

from collections.abc import Mapping
from typing import Any, Final, Literal

UncertainSendPolicy = Literal["resend", "leave"]
UNCERTAIN_SEND_POLICY: Final = "uncertain_send_policy"

REQUIRE_OPT_IN: Final = "require_opt_in"
"""Without a recorded opt-in nobody gets proactive messages. By default only an opt-out counts: whom
it may write to by whatever they signed is the organisation's to know."""

_POLICIES: Final[Mapping[object, UncertainSendPolicy]] = {"resend": "resend", "leave": "leave"}


def uncertain_send_policy(settings: Mapping[str, Any]) -> UncertainSendPolicy | None:
    """What becomes of a send whose fate nobody tells; None: the platform's policy decides."""
    policy = settings.get(UNCERTAIN_SEND_POLICY)
    return _POLICIES.get(policy) if isinstance(policy, str) else None


def requires_opt_in(settings: Mapping[str, Any]) -> bool:
    return settings.get(REQUIRE_OPT_IN) is True


def check_settings(settings: Mapping[str, Any]) -> None:
    """`ValueError` when a setting that Parley reads has a value that means nothing."""
    if settings.get(UNCERTAIN_SEND_POLICY) is not None and uncertain_send_policy(settings) is None:
        raise ValueError(f"{UNCERTAIN_SEND_POLICY} must be resend, leave or null")
    if not isinstance(settings.get(REQUIRE_OPT_IN, False), bool):
        raise ValueError(f"{REQUIRE_OPT_IN} must be true or false")
