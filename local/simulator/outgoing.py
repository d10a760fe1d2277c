"""What a business may send: the body of `POST /{phone_number_id}/messages`, with Meta's limits.

Limits are those of Meta's "Send messages" guides (2025-12 and 2026-09). `parse_send` either returns
a `SendRequest` or raises the `GraphError` that Graph would answer.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from local.simulator.errors import GraphError
from local.simulator.interactive import Interactive
from local.simulator.wire import JsonObject

USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,132}")
SHORTEST_NUMBER = 5
LONGEST_NUMBER = 20
"""Digits of a telephone number; E.164 has 15, formatting and trunk prefixes add some."""

MESSAGE_TYPES = (
    "audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker",
    "template", "text", "video",
)  # fmt: skip

Link = Annotated[str, StringConstraints(pattern=r"^(?i:https?)://\S", max_length=2048)]
NonEmpty = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Caption = Annotated[str, StringConstraints(max_length=1024)]


class Part(BaseModel):
    """Unknown keys pass, as Graph lets them."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class Text(Part):
    body: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    preview_url: bool = False


class MediaObject(Part):
    """An uploaded file's id, or a link: exactly one of them."""

    id: NonEmpty | None = None
    link: Link | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "MediaObject":
        if (self.id is None) == (self.link is None):
            raise ValueError("exactly one of id and link is needed")
        return self


class CaptionedMedia(MediaObject):
    caption: Caption | None = None
    filename: Annotated[str, StringConstraints(max_length=240)] | None = None


class Audio(MediaObject):
    voice: bool = False


class Location(Part):
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: Annotated[str, StringConstraints(max_length=1000)] | None = None
    address: Annotated[str, StringConstraints(max_length=1000)] | None = None


class ContactName(Part):
    formatted_name: NonEmpty


class Contact(Part):
    name: ContactName
    phones: list[dict[str, Any]] = Field(default_factory=list)


class Reaction(Part):
    message_id: NonEmpty
    emoji: Annotated[str, StringConstraints(max_length=32)]


class Language(Part):
    code: NonEmpty


class Component(Part):
    type: Annotated[
        str, StringConstraints(pattern=r"^(?i:header|body|button|limited_time_offer|carousel)$")
    ]
    parameters: list[dict[str, Any]] = Field(default_factory=list)


class Template(Part):
    name: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    language: Language
    components: list[Component] = Field(default_factory=list)


class Context(Part):
    message_id: NonEmpty


class SendRequest(Part):
    """A message to be sent. `content` is its type's object as the business wrote it."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual", "group"] = "individual"
    to: NonEmpty | None = None
    recipient: NonEmpty | None = None
    type: str = "text"
    context: Context | None = None
    biz_opaque_callback_data: Annotated[str, StringConstraints(max_length=512)] | None = None

    text: Text | None = None
    image: CaptionedMedia | None = None
    video: CaptionedMedia | None = None
    document: CaptionedMedia | None = None
    audio: Audio | None = None
    sticker: MediaObject | None = None
    location: Location | None = None
    contacts: Annotated[list[Contact], Field(min_length=1, max_length=257)] | None = None
    reaction: Reaction | None = None
    interactive: Interactive | None = None
    template: Template | None = None

    @property
    def address(self) -> str:
        """Digits of the number, or the business-scoped user id. `to` wins over `recipient`."""
        if self.to is not None and not USER_ID.fullmatch(self.to):
            return re.sub(r"\D", "", self.to)
        return self.to or self.recipient or ""

    @property
    def written_address(self) -> str:
        return self.to or self.recipient or ""

    @property
    def media(self) -> MediaObject | None:
        found = getattr(self, self.type)
        return found if isinstance(found, MediaObject) else None


class ReadReceipt(Part):
    """Marks a person's message as read, optionally showing that a reply is being typed."""

    messaging_product: Literal["whatsapp"]
    status: Literal["read"]
    message_id: NonEmpty
    typing_indicator: "TypingIndicator | None" = None


class TypingIndicator(Part):
    type: Literal["text"]


def parse_read_receipt(body: JsonObject) -> ReadReceipt:
    try:
        return ReadReceipt.model_validate(body)
    except ValidationError as error:
        raise _graph_error(error) from None


def parse_send(body: JsonObject) -> SendRequest:
    """Validate a send. A missing `type` is the one whose object is there, or else text."""
    if "type" not in body:
        present = [name for name in MESSAGE_TYPES if name in body]
        body = body | {"type": present[0] if len(present) == 1 else "text"}
    message_type = body["type"]
    if not isinstance(message_type, str) or message_type not in MESSAGE_TYPES:
        allowed = ", ".join(name.upper() for name in MESSAGE_TYPES)
        raise GraphError(100, message=f"(#100) Param type must be one of {{{allowed}}}")
    try:
        request = SendRequest.model_validate(body)
    except ValidationError as error:
        raise _graph_error(error) from None
    if getattr(request, message_type) is None:
        raise GraphError(100, message=f"(#100) The parameter {message_type} is required.")
    _check_address(request)
    if request.type == "reaction" and request.context is not None:
        raise GraphError(131009, details="A reaction cannot be a contextual reply.")
    return request


def _check_address(request: SendRequest) -> None:
    if request.recipient_type == "group":
        raise GraphError(131009, details="This number has no groups.")
    if request.to is None and request.recipient is None:
        raise GraphError(100, message="(#100) The parameter to is required.")
    address = request.address
    if request.to is None and not USER_ID.fullmatch(address):
        raise GraphError(131009, details="recipient must be a business-scoped user id.")
    is_number = SHORTEST_NUMBER <= len(address) <= LONGEST_NUMBER and address.isascii()
    if not USER_ID.fullmatch(address) and not is_number:
        raise GraphError(131009, details="to must be a phone number with its country code.")


def _graph_error(error: ValidationError) -> GraphError:
    """The first problem in Graph's words: 100 for a plain parameter, 131008/131009 inside one."""
    problem = error.errors(include_url=False, include_input=False)[0]
    path = [str(part) for part in problem["loc"]]
    name = path[0] + "".join(f"['{part}']" for part in path[1:]) if path else "body"
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        if len(path) <= 1:
            return GraphError(100, message=f"(#100) The parameter {name} is required.")
        return GraphError(131008, details=f"Required parameter is missing: {name}")
    if kind == "string_too_long" and path[0] not in ("interactive", "template"):
        limit = limits["max_length"]
        return GraphError(
            100, message=f"(#100) Param {name} must be at most {limit} characters long."
        )
    reason = problem["msg"].removeprefix("Value error, ")
    if len(path) <= 1 and kind not in ("interactive", "value_error"):
        return GraphError(100, message=f"(#100) Param {name}: {reason}")
    return GraphError(131009, details=f"{name}: {reason}")
