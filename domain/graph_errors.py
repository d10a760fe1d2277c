"""What an error code of Meta's Graph API means for the message that met it.

Meta says to branch on `code` alone: titles and HTTP statuses change. Source: WhatsApp Cloud API
error codes, developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes.
"""

from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What is known about the message, and what to do next."""

    BACK_OFF = "back_off"
    """Turned away before it was processed (throughput, rate): safe to send again, later."""
    PAIR_BACK_OFF = "pair_back_off"
    """The same, for this recipient alone: wait 4^n seconds."""
    UNCERTAIN = "uncertain"
    """A fault at Meta's side: it may have been sent."""
    SENDER_BLOCKED = "sender_blocked"
    """Credential, permission, billing or quality: nothing from this number goes out until a person
    has mended it."""
    NEEDS_TEMPLATE = "needs_template"
    """The 24-hour service window is closed."""
    REJECTED = "rejected"
    """This message, or this recipient: sending it again cannot help."""


_BACK_OFF: Final = frozenset({4, 80007, 130429, 133015})
_UNCERTAIN: Final = frozenset({1, 2, 131000, 131016, 131057, 133004})
_SENDER_BLOCKED: Final = frozenset(
    {0, 3, 10, 33, 190, 368, 131005, 131031, 131037, 131042, 131045, 131048, 131064,
     133000, 133005, 133006, 133008, 133009, 133010, 133016, 134011}
)  # fmt: skip
_PERMISSIONS: Final = range(200, 300)
_PAIR_RATE: Final = 131056
_WINDOW_CLOSED: Final = 131047


def verdict_of(code: int | None, *, http_status: int) -> Verdict:
    """The verdict on an answer that is not a success; `code` is None when it is no Graph error."""
    if code is None:
        return _verdict_of_status(http_status)
    if code == _PAIR_RATE:
        return Verdict.PAIR_BACK_OFF
    if code == _WINDOW_CLOSED:
        return Verdict.NEEDS_TEMPLATE
    if code in _BACK_OFF:
        return Verdict.BACK_OFF
    if code in _UNCERTAIN:
        return Verdict.UNCERTAIN
    if code in _SENDER_BLOCKED or code in _PERMISSIONS:
        return Verdict.SENDER_BLOCKED
    return Verdict.UNCERTAIN if http_status >= 500 else Verdict.REJECTED


def _verdict_of_status(http_status: int) -> Verdict:
    if http_status == 429:
        return Verdict.BACK_OFF
    if http_status in (401, 403):
        return Verdict.SENDER_BLOCKED
    # A 2xx or 5xx that carries no Graph answer may come from a proxy after Meta took the message.
    return Verdict.REJECTED if 400 <= http_status < 500 else Verdict.UNCERTAIN
