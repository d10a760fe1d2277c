"""The tools that a model is offered: ways to answer that are more than text.

None of them looks anything up: a call is a part of the answer, and the model is not asked again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

OFFER_CHOICES: Final = "offer_choices"
REQUEST_LOCATION: Final = "request_location"
SEND_LINK: Final = "send_link"
HAND_OVER: Final = "hand_over_to_human"
SAY_UNKNOWN: Final = "say_unknown"


class ToolCall(BaseModel):
    """One call as the model wrote it: `arguments` should be a JSON object, and may be anything."""

    model_config = ConfigDict(frozen=True)

    name: str
    arguments: str


class AssistantTools(BaseModel):
    """Which tools an assistant has."""

    model_config = ConfigDict(frozen=True)

    choices: bool = True
    location: bool = True
    links: bool = False
    unknown: bool = True
    handoff: bool = True

    @classmethod
    def of(cls, names: Iterable[Any], handoff: Mapping[str, Any]) -> "AssistantTools":
        """As the assistant's settings say.

        Args:
            names: `tools`: the names of the fields above; any name takes the place of the defaults,
                so `["none"]` is none of them. What is no name is not ours to read.
            handoff: with `enabled` or `model` set to false, the model cannot hand over.
        """
        named = {name for name in names if isinstance(name, str)}
        allowed = all(handoff.get(key) is not False for key in ("enabled", "model"))
        chosen = {field: field in named for field in cls.model_fields} if named else {}
        tools = cls(**chosen)
        return tools if allowed else tools.model_copy(update={"handoff": False})

    def definitions(self) -> list[dict[str, Any]]:
        """For `tools` of a Chat Completions request."""
        offered = {
            OFFER_CHOICES: self.choices,
            REQUEST_LOCATION: self.location,
            SEND_LINK: self.links,
            SAY_UNKNOWN: self.unknown,
            HAND_OVER: self.handoff,
        }
        return [_DEFINITIONS[name] for name, is_offered in offered.items() if is_offered]


def _definition(
    name: str, description: str, properties: dict[str, Any], *, required: list[str]
) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_BODY: Final = _text(
    "The message, in the person's language, under the same rules as every answer (passage numbers "
    "in square brackets included)."
)

_DEFINITIONS: Final = {
    OFFER_CHOICES: _definition(
        OFFER_CHOICES,
        "Ask the person to choose between a few answers by a tap. Use it only where you need one "
        "of a few clear answers to go on; otherwise write text. The answer comes as their next "
        "message.",
        {
            "body": _BODY,
            "options": {
                "type": "array",
                "minItems": 2,
                "maxItems": 10,
                "items": {
                    "type": "object",
                    "properties": {
                        "title": _text("At most 20 characters, different for each option."),
                        "description": _text(
                            "At most 72 characters; leave it out if the title says enough."
                        ),
                    },
                    "required": ["title"],
                },
            },
            "button": _text(
                "At most 20 characters, in the person's language, such as: Show options."
            ),
        },
        required=["body", "options"],
    ),
    REQUEST_LOCATION: _definition(
        REQUEST_LOCATION,
        "Ask the person to send where they are by a tap. Use it only if the answer depends on it.",
        {"body": _BODY},
        required=["body"],
    ),
    SEND_LINK: _definition(
        SEND_LINK,
        "Answer with a button that opens a page. Only links that stand in a passage or in the "
        "business's instructions, exactly as they stand there.",
        {
            "body": _BODY,
            "title": _text("Of the button, at most 20 characters."),
            "url": _text("The link."),
        },
        required=["body", "title", "url"],
    ),
    SAY_UNKNOWN: _definition(
        SAY_UNKNOWN,
        "Answer this way, and in no other, if the passages hold no answer to what the person asks.",
        {"text": _text("The sentence that says so, in the person's language.")},
        required=["text"],
    ),
    HAND_OVER: _definition(
        HAND_OVER,
        "Let a human of the business take over from here. Use it if the person asks for a human, "
        "or needs something that only a human can do. Also write one sentence as your answer that "
        "says so.",
        {"reason": _text("In a few words, for the human.")},
        required=["reason"],
    ),
}
