"""Messages of which WhatsApp tells that they were sent, but not what they say."""

from typing import Final

from domain.webhook.fields import Json, as_object, integer, name, string
from domain.webhook.meaning import Meaning

TOO_LARGE: Final = 131052
"""Meta, error codes: "Media file size too big. Max file size we currently support: 100MB"."""

_REASONS: Final = {
    131051: "WhatsApp does not pass this kind on",
    130501: "WhatsApp does not pass this kind on in groups",
    131000: "WhatsApp failed to pass it on",
}


def undelivered(message: Json, errors: list[object]) -> Meaning:
    """A placeholder with the reason, as far as there is one. A file that was too large can be sent
    again, so that asks for an answer; nothing can be said about the rest."""
    told = string(as_object(message.get("unsupported")), "type") or string(message, "type")
    kind = (told or "")[:64] if told != "unsupported" else ""
    code = integer(as_object(errors[0]).get("code")) if errors else None
    details = None if code is None else {"error": {"code": code}}
    if code == TOO_LARGE:
        words = f"[{name(kind) or 'file'}: too large for WhatsApp to deliver]"
        return Meaning("unsupported", words, "answer", details=details)
    words = f"unsupported message: {kind}" if kind else "unsupported message"
    if code is not None:
        words += f" ({_REASONS.get(code, f'error {code}')})"
    return Meaning("unsupported", f"[{words}]", "acknowledge", details=details)
