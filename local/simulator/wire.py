"""Bytes and ids as they are on the wire: escaped JSON, its signature, message and user ids."""

import base64
import hashlib
import hmac
import json
import math
import secrets
from typing import Any, Literal

JsonObject = dict[str, Any]

USER_ID_DIGITS = 20
CALLBACK_DATA_PREFIX = "conv_"
ID_LENGTH = 26
"""Characters of each of the two ULIDs that a conversation id is made of."""


class MalformedJsonError(ValueError):
    """A body that is no JSON object, or holds what JSON or UTF-8 cannot carry."""


def dump(value: object) -> str:
    """Compact JSON in ASCII, as Meta sends it: any other character as lowercase `\\uXXXX`."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def parse_object(body: bytes) -> JsonObject:
    """The JSON object in `body`. Lone surrogates, NaN, infinities and absurd depth are refused."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise MalformedJsonError("The body must be a JSON object.")
    return value


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def sign(body: bytes, *, app_secret: str) -> str:
    """Value of `X-Hub-Signature-256` for exactly these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def new_wamid(peer: str, *, direction: Literal["inbound", "outbound"]) -> str:
    """A message id shaped like Meta's: base64 of a record with the peer's number and a serial."""
    number = peer.encode()[:255]
    marker = b"\x12" if direction == "inbound" else b"\x11"
    unique = secrets.token_hex(10).upper().encode()
    record = (
        b"\x1c\x18" + bytes([len(number)]) + number + b"\x15\x02\x00" + marker
        + b"\x18" + bytes([len(unique)]) + unique + b"\x00"
    )  # fmt: skip
    return "wamid." + base64.b64encode(record).decode()


def new_wacid() -> str:
    """An id of a call."""
    return "wacid." + base64.b64encode(secrets.token_bytes(24)).decode()


def new_user_id(country: str = "US") -> str:
    """A business-scoped user id: country, a dot, digits."""
    return f"{country}." + "".join(secrets.choice("0123456789") for _ in range(USER_ID_DIGITS))


def new_wa_id() -> str:
    """A number of the range that is set aside for fiction (+1 NXX 555 01XX has no owner)."""
    area = secrets.randbelow(800) + 200
    return f"1{area}55501{secrets.randbelow(100):02d}"


def workflow_id_of(callback_data: str | None) -> str | None:
    """The conversation workflow that sent a message, read from its `biz_opaque_callback_data`.

    `<conversation id>.<message id>`, the conversation id being `conv_` and the ids of the channel
    and of the person, 26 characters each. `None` when it is anything else.
    """
    if callback_data is None or not callback_data.startswith(CALLBACK_DATA_PREFIX):
        return None
    conversation, _, message = callback_data.removeprefix(CALLBACK_DATA_PREFIX).partition(".")
    if len(conversation) != 2 * ID_LENGTH or not conversation.isalnum() or not message:
        return None
    return f"conversation/chn_{conversation[:ID_LENGTH]}/wau_{conversation[ID_LENGTH:]}"
