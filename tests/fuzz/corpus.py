"""One delivery of every kind that Meta sends, small and written by hand."""

import json
from typing import Any, Final

Json = dict[str, Any]

PHONE_NUMBER_ID: Final = "100200300400500"
BUSINESS: Final = "15550100200"
NUMBER: Final = "34600111222"
USER: Final = "ES.13491208655302741918"
NEW_NUMBER: Final = "34600333444"
NEW_USER: Final = "ES.77777777777777777777"
QUOTED: Final = "wamid.quoted"
SENT_AT: Final = 1_772_366_400

MEDIA: Final = {"id": "900", "mime_type": "image/jpeg", "sha256": "c2hhMjU2"}
SHARED_CONTACT: Final = {
    "name": {"formatted_name": "Ben Ray", "first_name": "Ben"},
    "phones": [{"phone": "+34 600 555 666", "wa_id": "34600555666", "type": "CELL"}],
    "emails": [{"email": "ben@example.com"}],
    "org": {"company": "Ray Ltd"},
}

MESSAGES: Final[dict[str, Json]] = {
    "text": {"type": "text", "text": {"body": "Do you open on Sunday?"}},
    "text_reply": {
        "type": "text",
        "text": {"body": "That one"},
        "context": {"from": BUSINESS, "id": QUOTED},
    },
    "text_forwarded": {
        "type": "text",
        "text": {"body": "Look at this"},
        "context": {"forwarded": True},
    },
    "text_forwarded_often": {
        "type": "text",
        "text": {"body": "Look at this"},
        "context": {"frequently_forwarded": True},
    },
    "text_from_ad": {
        "type": "text",
        "text": {"body": "Is it still on?"},
        "referral": {
            "source_url": "https://fb.example/ad",
            "source_type": "ad",
            "source_id": "120",
            "headline": "Spring sale",
            "body": "Everything must go",
            "media_type": "image",
            "image_url": "https://fb.example/ad.jpg",
            "ctwa_clid": "click-1",
        },
    },
    "text_about_product": {
        "type": "text",
        "text": {"body": "In blue, too?"},
        "context": {
            "from": BUSINESS,
            "id": QUOTED,
            "referred_product": {"catalog_id": "cat-1", "product_retailer_id": "bike-7"},
        },
    },
    "image": {"type": "image", "image": MEDIA},
    "image_captioned": {"type": "image", "image": {**MEDIA, "caption": "Is this the one?"}},
    "video": {"type": "video", "video": {**MEDIA, "mime_type": "video/mp4"}},
    "audio": {"type": "audio", "audio": {**MEDIA, "mime_type": "audio/mpeg", "voice": False}},
    "voice_note": {
        "type": "audio",
        "audio": {**MEDIA, "mime_type": "audio/ogg; codecs=opus", "voice": True},
    },
    "document": {
        "type": "document",
        "document": {**MEDIA, "mime_type": "application/pdf", "filename": "invoice.pdf"},
    },
    "sticker": {"type": "sticker", "sticker": {**MEDIA, "animated": True}},
    "location": {
        "type": "location",
        "location": {
            "latitude": 41.4036,
            "longitude": 2.1744,
            "name": "Sagrada Familia",
            "address": "Carrer de Mallorca 401",
            "url": "https://maps.example/1",
        },
    },
    "contacts": {"type": "contacts", "contacts": [SHARED_CONTACT, {"phones": []}]},
    "own_contact": {
        "type": "contacts",
        "contacts": [
            {
                "name": {"formatted_name": "Ana"},
                "phones": [{"phone": "+34 600 111 222", "wa_id": NUMBER}],
                "vcard": "BEGIN:VCARD",
                "origin": "contact_request",
            }
        ],
    },
    "button_reply": {
        "type": "interactive",
        "context": {"from": BUSINESS, "id": QUOTED},
        "interactive": {
            "type": "button_reply",
            "button_reply": {"id": "cancel-1", "title": "Cancel"},
        },
    },
    "list_reply": {
        "type": "interactive",
        "context": {"from": BUSINESS, "id": QUOTED},
        "interactive": {
            "type": "list_reply",
            "list_reply": {"id": "slot-2", "title": "Tuesday", "description": "10:00"},
        },
    },
    "flow_reply": {
        "type": "interactive",
        "interactive": {
            "type": "nfm_reply",
            "nfm_reply": {
                "name": "flow",
                "body": "Sent",
                "response_json": json.dumps(
                    {"flow_token": "secret", "day": "Monday", "guests": 4, "extras": ["cake"]}
                ),
            },
        },
    },
    "address_reply": {
        "type": "interactive",
        "interactive": {
            "type": "nfm_reply",
            "nfm_reply": {
                "name": "address_message",
                "body": "Sent",
                "response_json": json.dumps({"values": {"city": "Graz", "house_number": "1"}}),
            },
        },
    },
    "call_permission": {
        "type": "interactive",
        "context": {"from": BUSINESS, "id": QUOTED},
        "interactive": {
            "type": "call_permission_reply",
            "call_permission_reply": {
                "response": "accept",
                "expiration_timestamp": SENT_AT + 3_600,
                "response_source": "user_action",
            },
        },
    },
    "template_button": {
        "type": "button",
        "context": {"from": BUSINESS, "id": QUOTED},
        "button": {"payload": "unsubscribe", "text": "Unsubscribe"},
    },
    "reaction": {"type": "reaction", "reaction": {"message_id": QUOTED, "emoji": "👍"}},
    "reaction_removed": {"type": "reaction", "reaction": {"message_id": QUOTED}},
    "order": {
        "type": "order",
        "order": {
            "catalog_id": "cat-1",
            "text": "ring twice",
            "product_items": [
                {
                    "product_retailer_id": "bell",
                    "quantity": 2,
                    "item_price": 7.5,
                    "currency": "EUR",
                },
                {
                    "product_retailer_id": "lamp",
                    "quantity": 1,
                    "item_price": 30,
                    "currency": "EUR",
                },
            ],
        },
    },
    "edit": {
        "type": "edit",
        "edit": {
            "original_message_id": QUOTED,
            "message": {"type": "text", "text": {"body": "Do you open on Monday?"}},
        },
    },
    "edit_of_caption": {
        "type": "edit",
        "edit": {
            "original_message_id": QUOTED,
            "message": {"type": "image", "image": {**MEDIA, "caption": "And this?"}},
        },
    },
    "revoke": {"type": "revoke", "revoke": {"original_message_id": QUOTED}},
    "number_changed": {
        "type": "system",
        "system": {
            "body": f"User Ana changed from {NUMBER} to {NEW_NUMBER}",
            "wa_id": NEW_NUMBER,
            "user_id": NEW_USER,
            "type": "user_changed_number",
        },
    },
    "user_id_changed": {
        "type": "system",
        "system": {"body": "Changed", "user_id": NEW_USER, "type": "user_changed_user_id"},
    },
    "identity_changed": {
        "type": "system",
        "identity": {"acknowledged": True, "created_timestamp": str(SENT_AT), "hash": "abc"},
        "system": {"body": "Changed", "type": "customer_identity_changed"},
    },
    "request_welcome": {"type": "request_welcome"},
    "unsupported_poll": {
        "type": "unsupported",
        "unsupported": {"type": "poll"},
        "errors": [
            {
                "code": 131051,
                "title": "Message type unknown",
                "error_data": {"details": "Message type is currently not supported."},
            }
        ],
    },
    "too_large": {
        "type": "unsupported",
        "errors": [{"code": 131052, "title": "Media file size too big."}],
    },
    "type_of_the_future": {"type": "hologram", "hologram": {"id": "1"}},
}
"""By name, without what every message has."""

STATUSES: Final[dict[str, Json]] = {
    "sent": {
        "status": "sent",
        "conversation": {"id": "c", "expiration_timestamp": "1772452800"},
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "service"},
    },
    "delivered": {"status": "delivered"},
    "read": {"status": "read"},
    "played": {"status": "played"},
    "failed": {
        "status": "failed",
        "errors": [{"code": 131047, "title": "t", "error_data": {"details": "window closed"}}],
    },
    "group": {"status": "read", "recipient_type": "group", "recipient_id": "group-1"},
    "call": {"status": "RINGING", "type": "call"},
}

FIELDS: Final[dict[str, tuple[str, Json]]] = {
    "echo": (
        "smb_message_echoes",
        {
            "message_echoes": [
                {
                    "from": BUSINESS,
                    "to": NUMBER,
                    "to_user_id": USER,
                    "id": "wamid.echo",
                    "timestamp": str(SENT_AT),
                    "type": "text",
                    "text": {"body": "We do, from ten on."},
                }
            ]
        },
    ),
    "preferences": (
        "user_preferences",
        {
            "user_preferences": [
                {
                    "wa_id": NUMBER,
                    "user_id": USER,
                    "detail": "User requested to stop marketing messages",
                    "category": "marketing_messages",
                    "value": value,
                    "timestamp": SENT_AT,
                }
                for value in ("stop", "resume")
            ]
        },
    ),
    "user_id_update": (
        "user_id_update",
        {
            "user_id_update": [
                {
                    "wa_id": NUMBER,
                    "detail": "changed",
                    "user_id": {"previous": USER, "current": NEW_USER},
                    "parent_user_id": {"previous": "ES.ENT.1", "current": "ES.ENT.2"},
                    "timestamp": str(SENT_AT),
                }
            ]
        },
    ),
    "calls": (
        "calls",
        {
            "calls": [
                {
                    "id": "wacid.1",
                    "from": NUMBER,
                    "to": BUSINESS,
                    "event": "connect",
                    "direction": "USER_INITIATED",
                    "timestamp": str(SENT_AT),
                    "session": {"sdp_type": "offer", "sdp": "v=0"},
                }
            ]
        },
    ),
    "link_click": ("messages", {"user_actions": [{"action_type": "link_click"}]}),
    "account_restriction": (
        "account_update",
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
        },
    ),
    "template_rejected": (
        "message_template_status_update",
        {
            "event": "REJECTED",
            "message_template_id": 1689556908129835,
            "message_template_name": "cart",
            "message_template_language": "en",
            "reason": "INVALID_FORMAT",
        },
    ),
    "quality": (
        "phone_number_quality_update",
        {"display_phone_number": BUSINESS, "event": "FLAGGED", "current_limit": "TIER_1K"},
    ),
    "group_created": (
        "group_lifecycle_update",
        {"groups": [{"type": "group_create", "group_id": "g", "subject": "Cyclists"}]},
    ),
}
"""Changes of other fields: the field and its value, without what every change has."""


def message(name: str, **fields: Any) -> Json:
    """The message of this name with an id, a sender and a time."""
    return {
        "from": NUMBER,
        "from_user_id": USER,
        "id": f"wamid.{name}",
        "timestamp": str(SENT_AT),
        **MESSAGES[name],
        **fields,
    }


def status(name: str, **fields: Any) -> Json:
    return {
        "id": "wamid.outbound",
        "timestamp": str(SENT_AT),
        "recipient_id": NUMBER,
        "recipient_user_id": USER,
        **STATUSES[name],
        **fields,
    }


def change(field: str, value: Json) -> Json:
    """A change with what every change has."""
    return {
        "field": field,
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": BUSINESS, "phone_number_id": PHONE_NUMBER_ID},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": NUMBER, "user_id": USER}],
            **value,
        },
    }


def delivery(*changes: Json) -> Json:
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "200300400", "changes": list(changes)}],
    }


def deliveries() -> dict[str, Json]:
    """Every kind, each in a delivery of its own, and a batch of several."""
    messages = {name: change("messages", {"messages": [message(name)]}) for name in MESSAGES}
    statuses = {
        f"status_{name}": change("messages", {"statuses": [status(name)]}) for name in STATUSES
    }
    fields = {name: change(field, value) for name, (field, value) in FIELDS.items()}
    batch = {
        "messages": [message("text"), message("image", id="wamid.second")],
        "statuses": [status("read"), status("failed", id="wamid.other")],
    }
    single = {name: delivery(each) for name, each in (messages | statuses | fields).items()}
    return single | {"batch": delivery(change("messages", batch), fields["echo"])}
