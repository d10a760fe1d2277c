"""One example for each schema of the OpenAPI document, made of examples of its fields.

A schema that is new gets one by itself; a field whose type says too little is named here.
"""

from typing import Any, Final

from api.problems import TYPE_PREFIX, title_of

_REFERENCE: Final = "#/components/schemas/"
_ULID: Final = "01K9ZQ3V8E6T2M4N7R5W1X0YBC"
_TIME: Final = "2026-03-02T09:30:00Z"

_IDS: Final = {
    "ApiKey": f"key_{_ULID}",
    "Assistant": f"asst_{_ULID}",
    "Channel": f"chn_{_ULID}",
    "Consent": f"cns_{_ULID}",
    "Conversation": f"conv_{_ULID}01K9ZQ41D5P7S9V3H6J8K2M4NT",
    "Document": f"doc_{_ULID}",
    "Fact": f"fact_{_ULID}",
    "KnowledgeBase": f"kb_{_ULID}",
    "Message": f"msg_{_ULID}",
    "Organization": f"org_{_ULID}",
    "Source": f"src_{_ULID}",
    "SourceRun": f"run_{_ULID}",
    "SourceRunWithItems": f"run_{_ULID}",
    "UnansweredQuestion": "unq_5f0c1b7ad2e34c9886af0d1f2b3c4d5e6f708192",
    "WebhookEndpoint": f"whe_{_ULID}",
    "WebhookEndpointWithSecret": f"whe_{_ULID}",
    "WhatsAppUser": "wau_01K9ZQ41D5P7S9V3H6J8K2M4NT",
}
_NAMES: Final = {
    "ApiKey": "Back office",
    "Assistant": "Front desk",
    "KnowledgeBase": "Help centre",
    "Organization": "Bicycles & Co.",
    "Source": "Our website",
    "WhatsAppUser": "Eva",
}

_FIELDS: Final[dict[str, Any]] = {
    "organization_id": _IDS["Organization"],
    "assistant_id": _IDS["Assistant"],
    "channel_id": _IDS["Channel"],
    "conversation_id": _IDS["Conversation"],
    "document_id": _IDS["Document"],
    "knowledge_base_id": _IDS["KnowledgeBase"],
    "source_id": _IDS["Source"],
    "whatsapp_user_id": _IDS["WhatsAppUser"],
    "passage_id": f"psg_{_ULID}",
    "question_id": _IDS["UnansweredQuestion"],
    "prefix": "pk_live_Zt4Q",
    "secret": "pk_live_Zt4Q…",
    "role": "operator",
    "instructions": "You answer customers of a bicycle shop, briefly and in their language.",
    "welcome_message": "Hello! How can we help?",
    "fallback_message": "I cannot answer that now. A colleague will write to you.",
    "phone_number_id": "106540352242922",
    "waba_id": "102290129340398",
    "display_phone_number": "+1 555 012 3456",
    "access_token": "EAAGm0PX4ZCpsBAExample",
    "url": "https://shop.example.com/parley-events",
    "event_types": ["message.received", "conversation.handoff"],
    "since": _TIME,
    "webhook_url": "https://parley.example.com/webhooks/whatsapp",
    "title": "Opening hours",
    "filename": "opening-hours.pdf",
    "media_type": "application/pdf",
    "mime_type": "image/jpeg",
    "media_id": "2754859441498128",
    "size_bytes": 48_213,
    "progress": 1.0,
    "chunk_count": 12,
    "embedding_model": "text-embedding-3-small",
    "text": "Are you open on Saturday?",
    "statement": "Prefers to be called in the morning.",
    "query": "When do you open on Saturday?",
    "score": 1.37,
    "fused_score": 1.12,
    "dense_score": 0.86,
    "lexical_score": 0.24,
    "wording_score": 0.71,
    "least_cosine": 0.785,
    "limit": 8,
    "timezone": "Europe/Madrid",
    "wa_id": "34600111222",
    "username": "eva",
    "profile_name": "Eva",
    "whatsapp_message_id": "wamid.HBgLMzQ2MDAxMTEyMjIVAgASGBQzQTdC",
    "type": "text",
    "language": "english",
    "cursor": "WzE3NzI0NDM4MDAwMDAwMDAsIm9yZ18wMSJd",
    "debounce_seconds": 0.8,
    "opens": "09:00",
    "closes": "18:00",
    "date": "2026-12-25",
    "occurred_at": _TIME,
    "created_at": _TIME,
    "updated_at": _TIME,
    "last_message_at": _TIME,
}
_WHOLE: Final[dict[str, dict[str, Any]]] = {
    # A partial update shows that a part is enough.
    "AssistantUpdate": {"instructions": "Answer in one sentence.", "debounce_seconds": 1.5},
    "ChannelUpdate": {"access_token": "EAAGm0PX4ZCpsBAExample"},
    "KnowledgeBaseUpdate": {"description": "What customers ask most."},
    "OrganizationUpdate": {"timezone": "Europe/Madrid"},
    "ApiKeyCreate": {"name": "Back office", "role": "operator"},
    "OperatorMessageCreate": {"text": "Hello Eva, Ana here. Your bicycle is ready."},
    "MediaInput": {
        "type": "image",
        "link": "https://files.example.com/bicycle.jpg",
        "caption": "Ready to go",
    },
    "ButtonsInput": {
        "type": "buttons",
        "body": "When do you want to come?",
        "options": [{"id": "today", "title": "Today"}, {"id": "later", "title": "Later"}],
    },
    "ReplyButtonInput": {"id": "today", "title": "Today"},
    "ListInput": {
        "type": "list",
        "body": "Which bicycle do you mean?",
        "button": "Show bicycles",
        "sections": [{"rows": [{"id": "city", "title": "City", "description": "Blue, 28 inch"}]}],
    },
    "ListSectionInput": {
        "title": "In the workshop",
        "rows": [{"id": "city", "title": "City", "description": "Blue, 28 inch"}],
    },
    "ListRowInput": {"id": "city", "title": "City", "description": "Blue, 28 inch"},
    "LinkButtonInput": {
        "type": "link_button",
        "body": "You can pay here.",
        "title": "Pay",
        "url": "https://shop.example.com/pay",
    },
    "LocationRequestInput": {"type": "location_request", "body": "Where shall we bring it?"},
    "TemplateInput": {
        "name": "order_ready",
        "language": "en_US",
        "body": [{"type": "text", "text": "Eva"}],
    },
    "FileParameterInput": {"type": "image", "link": "https://files.example.com/bicycle.jpg"},
    "ReactionInput": {"message_id": _IDS["Message"], "emoji": "👍"},
    "SourceCreate": {
        "type": "sitemap",
        "name": "Our website",
        "url": "https://shop.example.com/sitemap.xml",
        "include_paths": ["/help/"],
        "schedule": {"cron": "0 6 * * *", "timezone": "Europe/Madrid"},
    },
    "SourceUpdate": {"paused": True},
    "SourceSchedule": {"every_seconds": 3600},
    "WebhookEndpointCreate": {
        "url": "https://shop.example.com/parley-events",
        "event_types": ["message.received", "conversation.handoff"],
    },
    "WebhookEndpointUpdate": {"enabled": True},
}

_PROBLEMS: Final[dict[int, tuple[str | None, str]]] = {
    400: (None, "The body is not valid JSON in UTF-8."),
    401: (None, "Send a valid key as `Authorization: Bearer <key>`. This one is missing, unknown, "
          "revoked or expired."),
    403: (None, "This needs a key with the role admin; the role of this key is viewer."),
    404: (None, "There is no such assistant. Check the id; the list shows those there are."),
    409: (None, "The request collides with what another request has just changed. Try again."),
    413: (None, "The body may have at most 3 MB here."),
    415: (None, "Send a document as multipart/form-data or application/json."),
    422: ("validation", "The request cannot be accepted. name: Field required"),
    429: (None, "This key has made its requests of this minute. Try again in 12 seconds."),
    500: (None, "Parley failed unexpectedly. The X-Request-Id of this answer finds it in the "
          "logs."),
    503: ("dependency-unavailable",
          "The database did not answer. Nothing was changed; try again in a few seconds."),
}  # fmt: skip


def problem_example(status: int) -> dict[str, Any]:
    """A problem with this status, as it may come."""
    title = title_of(status)
    kind, detail = _PROBLEMS.get(status, (None, f"{title}."))
    problem: dict[str, Any] = {
        "type": TYPE_PREFIX + (kind or title.lower().replace(" ", "-")),
        "title": title,
        "status": status,
        "detail": detail,
    }
    if kind == "validation":
        problem["errors"] = [{"location": "body", "field": "name", "detail": "Field required"}]
    return problem


def example_of(name: str, schemas: dict[str, Any]) -> dict[str, Any] | None:
    """An example of an object schema; None for what is no object.

    Args:
        schemas: of the document, by name; the example is valid for them.
    """
    schema = schemas[name]
    if name in _WHOLE:
        return _WHOLE[name]
    if schema.get("type") != "object":
        return None
    kind = _kind(name)
    own = {"id": _IDS.get(kind), "name": _NAMES.get(kind)}
    known = _FIELDS | {field: value for field, value in own.items() if value is not None}
    is_body = schema.get("additionalProperties") is False
    required = schema.get("required", [])
    return {
        field: _value(known.get(field), property_schema, schemas)
        for field, property_schema in schema.get("properties", {}).items()
        # A body shows what must be sent and what we have something to say about.
        if not is_body or field in required or (field in known and not field.endswith("_id"))
    }


def _kind(name: str) -> str:
    for suffix in ("Created", "Create", "Public", "Update"):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _value(known: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    choices = schema.get("anyOf", [schema])
    if known is not None and any(_is_of(known, choice) for choice in choices):
        return known
    if "default" in schema:
        return schema["default"]
    if {"type": "null"} in choices:
        return None
    if "$ref" in choices[0]:
        return example_of(choices[0]["$ref"].removeprefix(_REFERENCE), schemas)
    return _by_type(choices[0], schemas)


def _is_of(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the example suits the field: a name may mean something else in another schema."""
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": (str,), "integer": (int,), "number": (int, float)}
    return "const" not in schema and isinstance(value, kinds.get(schema.get("type", ""), ()))


def _by_type(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return _TIME
        case "string":
            return "…"
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "array":
            return [_value(None, schema["items"], schemas)] if "$ref" in schema["items"] else []
        case _:
            return {}
