"""What every update must be, whatever it was read from: bounded, and fit for every store."""

import json
from collections.abc import Iterator
from typing import Any, Final

from adapters.dynamodb.values import attributes
from domain.webhook.details import MAX_BYTES
from domain.webhook.fields import MAX_ID, MAX_TEXT
from domain.webhook.updates import (
    EchoReceived,
    MessageReceived,
    Noted,
    StatusReceived,
    Unusable,
    Update,
)

MAX_MESSAGE_BYTES: Final = 110_000
"""Of a message with all it carries; 32 of them are one transaction of DynamoDB's, of 4 MB."""

MAX_NAME: Final = 64


def check(update: Update) -> None:
    """Raise `AssertionError` for what some store or log could not take."""
    written = update.model_dump_json()
    assert type(update).model_validate_json(written.encode()) == update
    match update:
        case Unusable():
            return
        case Noted():
            assert len(update.field) <= MAX_NAME
            assert len(update.kind) <= MAX_NAME
            assert update.kind.replace("_", "").isalnum()
        case MessageReceived():
            _check_content(update.message.model_dump(), update.message.details)
        case EchoReceived():
            _check_content(update.echo.model_dump(), None)
        case StatusReceived():
            attributes(update.model_dump())
    for text in _texts(update.model_dump()):
        assert "\x00" not in text
        text.encode()


def _check_content(content: dict[str, Any], details: dict[str, Any] | None) -> None:
    assert content["whatsapp_message_id"]
    told = json.dumps(details, ensure_ascii=False, allow_nan=False)
    assert len(told.encode()) <= MAX_BYTES
    assert json.loads(told) == details
    for name, value in content.items():
        if isinstance(value, str):
            assert len(value) <= (MAX_TEXT + 64 if name == "text" else MAX_ID), name
    stored = attributes({**content, "details": told})
    assert len(json.dumps(stored, ensure_ascii=False, default=str).encode()) <= MAX_MESSAGE_BYTES


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                yield from _texts(name)
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
