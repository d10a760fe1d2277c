"""What Temporal's Web UI and CLI ask a codec server for, without the HTTP around it."""

from typing import Any

from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from adapters.keyring import SealError
from adapters.temporal.codec import EncryptionCodec


def decode(body: bytes, *, codec: EncryptionCodec) -> dict[str, Any]:
    """The payloads of a `/decode` request in the clear; those of unknown keys stay as they are.

    Args:
        body: `{"payloads": [{"metadata": {…}, "data": …}]}`, binary values in base64, as Temporal's
            documentation of codec servers has it.

    Raises:
        ValueError: the body is not such a request.
    """
    try:
        request = json_format.Parse(body, Payloads(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError):
        raise ValueError("the body is not a JSON object with Temporal payloads") from None
    opened = Payloads(payloads=[_open_if_possible(payload, codec) for payload in request.payloads])
    return json_format.MessageToDict(opened)


def _open_if_possible(payload: Payload, codec: EncryptionCodec) -> Payload:
    # One payload of a lost key must not hide the rest of a history from the operator.
    try:
        return codec.open(payload)
    except SealError:
        return payload
