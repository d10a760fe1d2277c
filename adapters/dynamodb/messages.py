"""A message as the transcript keeps it, and what its status is by all that is known of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from adapters.dynamodb.values import Plain
from contracts.conversation import MediaReference, Operator, Referral
from contracts.ids import ConversationId, DocumentId, MessageId, PassageId, TurnId
from contracts.model import Contract
from contracts.outbound import OUTBOUND_CONTENT, OutboundContent

Direction = Literal["inbound", "outbound"]
Sender = Literal["user", "assistant", "operator"]
MessageStatus = Literal["received", "pending", "sent", "delivered", "read", "failed", "uncertain"]
DeliveryStatus = Literal["sent", "delivered", "read", "played", "failed"]
"""What Meta tells in a status webhook."""

DELIVERY_STATUSES: Final[tuple[DeliveryStatus, ...]] = (
    "sent", "delivered", "read", "played", "failed",
)  # fmt: skip


class Citation(Contract):
    """A passage that an answer rests on."""

    passage_id: PassageId
    document_id: DocumentId
    title: str = ""
    page: int | None = None
    """Of the document, from 1."""
    section: str | None = None
    """The headings above it, outermost first: `Returns > Shoes`."""
    url: str | None = None
    """Where a person can open the document."""


class MessageError(Contract):
    """Why a message could not be sent; the code is Meta's, where Meta gave one."""

    code: int | None = None
    detail: str | None = None


class StoredFile(Contract):
    """A person's file in S3, under the organisation and the person."""

    sha256: str
    mime_type: str
    """What its bytes are."""
    size_bytes: int
    animated: bool = False


class MediaReading(Contract):
    """What became of a message's file. It is written once."""

    understood: bool
    """The model can be told something: words, or a picture to look at."""
    is_picture: bool = False
    words: str | None = None
    """What the person said, in it or beside it, without marks: what to search for."""
    text: str | None = None
    """What stands in a document, as far as it is kept."""


class StoredMessage(Contract):
    """A message of the transcript."""

    id: MessageId
    conversation_id: ConversationId
    direction: Direction
    sender: Sender
    type: str
    text: str | None = None
    media: MediaReference | None = None
    content: OutboundContent | None = None
    """What went out, where it is more than the text; `text` says it in words."""
    operator: Operator | None = None
    """Who wrote it, of the organisation."""
    file: StoredFile | None = None
    reading: MediaReading | None = None
    """None: there is no file, or it has not been read yet."""
    status: MessageStatus
    error: MessageError | None = None
    citations: tuple[Citation, ...] = ()
    whatsapp_message_id: str | None = None
    created_at: datetime
    turn_id: TurnId | None = None
    sent_at: datetime | None = None
    """Meta's time of an inbound message; of an outbound one, when Meta accepted it."""
    in_reply_to: str | None = None
    refers_to: str | None = None
    choice_id: str | None = None
    forwarded: bool = False
    referral: Referral | None = None
    details: dict[str, Any] | None = None
    part: int = 0
    model: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    delivery: dict[DeliveryStatus, datetime] = Field(default_factory=dict)
    """When Meta says each status was first reached."""


CITATIONS: Final = TypeAdapter(tuple[Citation, ...])


def status_of(item: Mapping[str, Any]) -> MessageStatus:
    """The status that follows from the facts an item has gathered, in whatever order they came.

    Facts are only ever added, so every order and repetition of them ends in the same status: read
    (or played) beats delivered, delivered beats failed, failed beats sent.
    """
    if item["direction"] == "inbound":
        return "received"
    if fact_of("read") in item or fact_of("played") in item:
        return "read"
    if fact_of("delivered") in item:
        return "delivered"
    if fact_of("failed") in item:
        return "failed"
    if "whatsapp_message_id" in item:
        return "sent"
    return "uncertain" if item.get("send_state") == "uncertain" else "pending"


def fact_of(status: DeliveryStatus) -> str:
    """The attribute that says when (epoch seconds, Meta's) a message first reached a status."""
    return f"reached_{status}"


def message_from(item: Plain, conversation_id: ConversationId) -> StoredMessage:
    status = status_of(item)
    media, referral, details = item.get("media"), item.get("referral"), item.get("details")
    file, reading = item.get("file"), item.get("reading")
    citations = item.get("citations")
    operator = item.get("operator")
    return StoredMessage(
        id=item["sk"],
        conversation_id=conversation_id,
        direction=item["direction"],
        sender=item["sender"],
        type=item["type"],
        text=item.get("text"),
        media=MediaReference.model_validate_json(media) if media else None,
        content=_content(item.get("content")),
        operator=Operator.model_validate_json(operator) if operator else None,
        file=StoredFile.model_validate_json(file) if file else None,
        reading=MediaReading.model_validate_json(reading) if reading else None,
        status=status,
        error=error_of(item) if status == "failed" else None,
        citations=CITATIONS.validate_json(citations) if citations else (),
        whatsapp_message_id=item.get("whatsapp_message_id"),
        created_at=item["created_at"],
        turn_id=item.get("turn_id"),
        sent_at=item.get("sent_at"),
        in_reply_to=item.get("in_reply_to"),
        refers_to=item.get("refers_to"),
        choice_id=item.get("choice_id"),
        forwarded=item.get("forwarded", False),
        referral=Referral.model_validate_json(referral) if referral else None,
        details=json.loads(details) if details else None,
        part=item.get("part", 0),
        model=item.get("model"),
        input_tokens=item.get("input_tokens", 0),
        cached_tokens=item.get("cached_tokens", 0),
        output_tokens=item.get("output_tokens", 0),
        delivery={
            reached: datetime.fromtimestamp(item[fact_of(reached)], UTC)
            for reached in DELIVERY_STATUSES
            if fact_of(reached) in item
        },
    )


def _content(stored: str | None) -> OutboundContent | None:
    """None also for what was within the limits of its time only: the transcript must be read."""
    if stored is None:
        return None
    try:
        return OUTBOUND_CONTENT.validate_json(stored)
    except ValidationError:
        return None


def error_of(item: Plain) -> MessageError:
    """Why a message whose status is `failed` did."""
    return MessageError(code=item.get("error_code"), detail=item.get("error_detail"))
