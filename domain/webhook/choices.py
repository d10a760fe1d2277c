"""Answers to what the business offered: buttons, list rows, forms, a permission to call."""

import json

from domain.webhook.details import fitted
from domain.webhook.fields import (
    Json,
    as_object,
    clean_text,
    integer,
    name,
    parse_json,
    prose,
    string,
)
from domain.webhook.meaning import Meaning

MAX_FORM = 4_096
"""Characters of a form's answers in words: as many as a person may type."""

_TOKEN = "flow_token"  # noqa: S105 - the name of a field
"""Given back with a form's answers. It is the business's own mark, and nothing the person said."""


def interactive(message: Json) -> Meaning | None:
    content = as_object(message.get("interactive"))
    for kind in ("button_reply", "list_reply"):
        if chosen := as_object(content.get(kind)):
            return _choice(chosen)
    if answers := as_object(content.get("nfm_reply")):
        return _form(answers)
    if permission := as_object(content.get("call_permission_reply")):
        return _call_permission(permission, message)
    return None


def button(message: Json) -> Meaning | None:
    """The quick reply of a template: `payload` is what the business gave it as its id."""
    pressed = as_object(message.get("button"))
    text = prose(pressed, "text") or prose(pressed, "payload")
    if text is None:
        return None
    return Meaning("button", text, "answer", choice_id=string(pressed, "payload"))


def _choice(chosen: Json) -> Meaning | None:
    title, choice_id = prose(chosen, "title"), string(chosen, "id")
    if title is None and choice_id is None:
        return None
    description = prose(chosen, "description")
    return Meaning(
        "interactive",
        title or f"[chose {choice_id}]",
        "answer",
        choice_id=choice_id,
        details={"choice": {"description": description}} if description else None,
    )


def _form(reply: Json) -> Meaning:
    form = name(reply.get("name")) or "unnamed"
    answers = _answers(reply)
    told = "; ".join(f"{key}: {_in_words(value)}" for key, value in answers.items())
    return Meaning(
        "interactive",
        f"[form {form}: {told[:MAX_FORM] or 'sent without answers'}]",
        "answer",
        details={"form": {"name": form, "answers": answers}},
    )


def _answers(reply: Json) -> Json:
    written = reply.get("response_json")
    try:
        answers = parse_json(written if isinstance(written, str) else "")
    except ValueError:
        return {}
    return _without_tokens(fitted(as_object(answers)) or {})


def _without_tokens(answers: Json) -> Json:
    return {
        key: _without_tokens(value) if isinstance(value, dict) else value
        for key, value in answers.items()
        if key != _TOKEN
    }


def _in_words(value: object) -> str:
    return value if isinstance(value, str) else clean_text(json.dumps(value, ensure_ascii=False))


def _call_permission(permission: Json, message: Json) -> Meaning:
    response = name(permission.get("response")) or "unknown"
    details = {
        "response": response,
        "expires_at": integer(permission.get("expiration_timestamp")),
        "permanent": permission.get("is_permanent") is True,
    }
    return Meaning(
        "interactive",
        f"[call permission: {response}]",
        "none",
        refers_to=string(as_object(message.get("context")), "id"),
        details={"call_permission": details},
    )
