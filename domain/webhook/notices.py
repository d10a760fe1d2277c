"""Updates that concern no conversation: what happened to the business account, calls, groups."""

from collections.abc import Iterator
from typing import Final

from domain.webhook.fields import Json, as_list, as_object, name, string
from domain.webhook.updates import Noted

_HARMLESS: Final[dict[str, frozenset[str]]] = {
    "account_update": frozenset(
        {
            "ACCOUNT_RECONNECTED", "AD_ACCOUNT_LINKED", "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
            "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", "MM_LITE_TERMS_SIGNED", "PARTNER_ADDED",
            "PARTNER_APP_INSTALLED", "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
            "VERIFIED_ACCOUNT", "VOLUME_BASED_PRICING_TIER_UPDATE",
        }
    ),
    "message_template_status_update": frozenset(
        {"APPROVED", "ARCHIVED", "IN_APPEAL", "PENDING", "PENDING_DELETION", "REINSTATED",
         "UNARCHIVED"}
    ),
    "phone_number_quality_update": frozenset({"ONBOARDING", "THROUGHPUT_UPGRADE", "UNFLAGGED",
                                              "UPGRADE"}),
}  # fmt: skip
"""Events of the fields that tell of trouble, if they do not. One that Meta adds is alarming."""


def notices_of(field: str, value: Json, *, account_id: str | None) -> Iterator[Noted]:
    """What a change of a field other than `messages` says, without contents: one each call."""
    kept = name(field) or "unnamed"
    if field == "calls":
        yield from _calls(value)
        return
    event = name(value.get("event"))
    yield Noted(
        field=kept,
        kind=event or kind_of(value),
        subject_id=string(value, "message_template_id") or account_id,
        alarming=field in _HARMLESS and event not in _HARMLESS[field],
    )


def kind_of(value: Json) -> str:
    """Which part a change has besides those that all have."""
    parts = (key for key in value if key not in {"messaging_product", "metadata", "contacts"})
    return name(next(parts, "empty")) or "unnamed"


def _calls(value: Json) -> Iterator[Noted]:
    calls = [as_object(call) for call in as_list(value.get("calls"))]
    for call in calls:
        by_user = call.get("direction") == "USER_INITIATED"
        event = name(call.get("event")) or "call"
        yield Noted(field="calls", kind=f"user_{event}"[:64] if by_user else event)
    for status in map(as_object, as_list(value.get("statuses"))):
        yield Noted(field="calls", kind=name(status.get("status")) or "status")
    if not calls and not as_list(value.get("statuses")):
        yield Noted(field="calls", kind=kind_of(value))
