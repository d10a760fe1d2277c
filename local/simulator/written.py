"""What a person may write, as the control API takes it and as the webhook then tells it."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from local.simulator.config import DAY
from local.simulator.errors import ControlError, inbound_error
from local.simulator.media_api import MIME_TYPE
from local.simulator.storage.directory import Number, Person
from local.simulator.storage.media import Media
from local.simulator.webhooks import digits_of
from local.simulator.wire import JsonObject, new_wamid
from local.simulator.world import World

INBOUND_MEDIA_LIFE_SECONDS = 7 * DAY
MEDIA_TYPES = ("image", "video", "audio", "document", "sticker")
LONGEST_TEXT = 65_536
"""Characters WhatsApp's own apps let a person type."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class WrittenText(Strict):
    body: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]


class WrittenMedia(Strict):
    """A file: uploaded before (`media_id`), or given here (`content_base64` and `mime_type`)."""

    media_id: str | None = None
    content_base64: str | None = None
    mime_type: Annotated[str, StringConstraints(pattern=MIME_TYPE)] | None = None
    caption: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] | None = None
    filename: Annotated[str, StringConstraints(max_length=240)] | None = None
    voice: bool | None = None
    animated: bool | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "WrittenMedia":
        if (self.media_id is None) == (self.content_base64 is None):
            raise ValueError("exactly one of media_id and content_base64 is needed")
        if self.content_base64 is not None and self.mime_type is None:
            raise ValueError("content_base64 needs a mime_type")
        return self


class WrittenLocation(Strict):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str | None = None
    address: str | None = None
    url: str | None = None


class WrittenReaction(Strict):
    message_id: str
    emoji: str | None = None
    """Missing or empty: the reaction is taken back."""


class ReferredProduct(Strict):
    catalog_id: str
    product_retailer_id: str


class WrittenContext(Strict):
    """What a message refers to: one that it quotes, or that it was forwarded (often: > 5 times)."""

    message_id: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    referred_product: ReferredProduct | None = None


class WelcomeMessage(Strict):
    text: str


class Referral(Strict):
    """The ad or post that led the person here."""

    source_url: str
    source_id: str
    source_type: Literal["ad", "post"] = "ad"
    headline: str
    body: str
    media_type: Literal["image", "video"] = "image"
    image_url: str | None = None
    video_url: str | None = None
    thumbnail_url: str | None = None
    ctwa_clid: str | None = None
    welcome_message: WelcomeMessage | None = None


class Written(Strict):
    """A message from a person. `raw` is put on the wire as it is, for whatever has no form here."""

    phone_number_id: str
    type: Literal[
        "text", "image", "video", "audio", "document", "sticker", "location", "contacts",
        "interactive", "button", "reaction", "order", "system", "edit", "revoke", "unsupported",
        "request_welcome", "raw",
    ]  # fmt: skip
    context: WrittenContext | None = None
    referral: Referral | None = None
    group_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    error_code: Literal[131051, 131052] | None = None
    """Why Meta cannot hand over an `unsupported` message: its type, or a file above 100 MB."""
    text: WrittenText | None = None
    image: WrittenMedia | None = None
    video: WrittenMedia | None = None
    audio: WrittenMedia | None = None
    document: WrittenMedia | None = None
    sticker: WrittenMedia | None = None
    location: WrittenLocation | None = None
    reaction: WrittenReaction | None = None
    contacts: list[JsonObject] | None = None
    interactive: JsonObject | None = None
    button: JsonObject | None = None
    order: JsonObject | None = None
    system: JsonObject | None = None
    edit: JsonObject | None = None
    revoke: JsonObject | None = None
    unsupported: JsonObject | None = None
    request_welcome: JsonObject | None = None
    raw: JsonObject | None = None

    @model_validator(mode="before")
    @classmethod
    def _text_may_be_plain(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            return value | {"text": {"body": value["text"]}}
        return value

    @model_validator(mode="after")
    def _has_its_content(self) -> "Written":
        bodiless = self.type in ("unsupported", "request_welcome")
        if getattr(self, self.type) is None and not bodiless:
            raise ValueError(f"a message of type {self.type} needs its {self.type}")
        if self.error_code is not None and self.type != "unsupported":
            raise ValueError("error_code is for messages of type unsupported")
        return self


def wire_content(world: World, written: Written, *, number: Number, base_url: str) -> Any:
    """The object under the message's type in the webhook."""
    content = getattr(written, written.type)
    if isinstance(content, WrittenMedia):
        return _media_content(world, written.type, content, number=number, base_url=base_url)
    if isinstance(content, BaseModel):
        return content.model_dump(exclude_none=True)
    return {} if content is None else content


def wire_context(
    world: World, written: Written, *, person: Person, number: Number
) -> JsonObject | None:
    """What the message refers to, told the way a webhook does."""
    asked = written.context
    if asked is None:
        return None
    context: JsonObject = {}
    if asked.message_id is not None or asked.referred_product is not None:
        quoted = asked.message_id and world.messages.get(asked.message_id)
        own = quoted and quoted.direction == "inbound"
        if not own:
            context["from"] = digits_of(number)
        elif person.wa_id is not None:
            context["from"] = person.wa_id
        context["id"] = asked.message_id or new_wamid(digits_of(number), direction="outbound")
    if asked.referred_product is not None:
        context["referred_product"] = asked.referred_product.model_dump()
    if asked.frequently_forwarded:
        context["frequently_forwarded"] = True
    elif asked.forwarded:
        context["forwarded"] = True
    return context or None


def wire_siblings(written: Written) -> JsonObject:
    """What stands beside the type's object."""
    siblings: JsonObject = {}
    if written.group_id is not None:
        siblings["group_id"] = written.group_id
    if written.referral is not None:
        siblings["referral"] = written.referral.model_dump(exclude_none=True)
    if written.type == "unsupported":
        siblings["errors"] = [_unsupported(written)]
    return siblings


def _unsupported(written: Written) -> JsonObject:
    """Meta's words for a message that it does not hand over; groups have a code of their own."""
    if written.error_code == 131052:
        title = "Media file size too big. Max file size we currently support: 100MB."
        details = (
            f"{title} Please communicate with your customer to send a media file that is smaller."
        )
        return inbound_error(131052, title=title, details=details)
    if written.group_id is not None and written.error_code is None:
        details = "Message type is not currently supported"
        return inbound_error(130501, title="Unsupported message type", details=details)
    details = "Message type is currently not supported."
    return inbound_error(131051, title="Message type unknown", details=details)


def _media_content(
    world: World, message_type: str, written: WrittenMedia, *, number: Number, base_url: str
) -> JsonObject:
    media = _stored(world, written, number=number)
    content: JsonObject = {
        "id": media.id,
        "mime_type": media.mime_type,
        "sha256": media.sha256_base64,
        "url": world.media_link(media, base_url=base_url),
    }
    if written.caption is not None:
        content["caption"] = written.caption
    if message_type == "document":
        content["filename"] = written.filename or media.filename or "document"
    if message_type == "audio":
        content["voice"] = bool(written.voice)
    if message_type == "sticker":
        content["animated"] = bool(written.animated)
    return content


def _stored(world: World, written: WrittenMedia, *, number: Number) -> Media:
    """The file as this business may fetch it: every message has a media id of its own."""
    mime_type, filename = written.mime_type, written.filename
    if written.media_id is not None:
        uploaded = world.media.get(written.media_id, now=world.clock.now())
        if uploaded is None:
            raise ControlError(404, "There is no such media.")
        content = world.media.path(uploaded).read_bytes()
        mime_type = mime_type or uploaded.mime_type
        filename = filename or uploaded.filename
    else:
        try:
            content = base64.b64decode(written.content_base64 or "", validate=True)
        except (binascii.Error, ValueError):
            raise ControlError(422, "content_base64 is not base64.") from None
    return world.media.add(
        content,
        mime_type=mime_type or "application/octet-stream",
        filename=filename,
        phone_number_id=number.phone_number_id,
        expires_at=world.clock.now() + INBOUND_MEDIA_LIFE_SECONDS,
    )
