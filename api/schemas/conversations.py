"""People, conversations and messages in the API."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from adapters.dynamodb.conversations import StoredConversation
from adapters.dynamodb.messages import (
    Citation,
    Direction,
    MessageError,
    MessageStatus,
    Sender,
    StoredMessage,
)
from adapters.postgres.tables import WhatsAppUser
from api.schemas.base import Input, Name, Output, Revised
from api.schemas.organizations import SmallObject
from contracts.conversation import (
    ConversationStatus,
    Handoff,
    HandoffReason,
    Operator,
    Referral,
)
from contracts.ids import ChannelId, ConversationId, MessageId, OrganizationId, PersonId
from contracts.outbound import OutboundContent
from contracts.quotas import QuotaName
from domain import service_window


class WhatsAppUserPublic(Revised):
    id: PersonId
    organization_id: OrganizationId
    wa_id: str | None
    user_id: str | None
    username: str | None
    profile_name: str | None = Field(description="As the person calls themselves on WhatsApp.")
    name: str | None = Field(
        description="As the organisation calls them; until it does, by their profile's name."
    )
    attributes: dict[str, Any]
    opted_in_at: datetime | None = Field(description="Since when they want proactive messages.")
    opted_out_at: datetime | None = Field(
        description="Since when they want no message but answers to their own."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, person: WhatsAppUser) -> "WhatsAppUserPublic":
        return cls.model_validate(
            {**person.model_dump(), "name": person.name or person.profile_name}
        )


class WhatsAppUserUpdate(Input):
    name: Name | None = Field(
        default=None, description="As the organisation calls them; null: by their profile's name."
    )
    attributes: SmallObject = Field(
        default_factory=dict, description="The organisation's own; 16 KB as JSON. Replaced whole."
    )
    opted_out: bool = Field(
        default=False, description="Whether they want no message but answers to their own."
    )


class HandoffPublic(Output):
    """A human has the conversation, or is waited for: the assistant is silent."""

    reason: HandoffReason = Field(
        description="Why: the `person` asked for one, the `model` or an `operator` decided, the "
        "assistant had `failures` or questions it left `unanswered`, the person is `upset`, or "
        "somebody answered in the WhatsApp Business app (`echo`)."
    )
    waiting_since: datetime | None = Field(
        description="Since when the person waits for somebody; null: a human has it."
    )
    since: datetime = Field(description="When the assistant fell silent.")
    operator: str | None = Field(description="Name of the API key that has taken it over.")
    returns_at: datetime | None = Field(
        description="When the assistant answers again if no human writes by then; null: never."
    )

    @classmethod
    def of(cls, handoff: Handoff) -> "HandoffPublic":
        return cls(
            reason=handoff.reason,
            since=handoff.since,
            waiting_since=None if handoff.operator else handoff.since,
            operator=handoff.operator.name if handoff.operator else None,
            returns_at=handoff.returns_at,
        )


class ServiceWindow(Output):
    """Within it anything may be sent, outside it only templates."""

    open: bool
    closes_at: datetime | None = Field(
        description="24 hours after the person's newest message, less a margin; null: they have "
        "not written yet."
    )


class ConversationPublic(Output):
    id: ConversationId
    channel_id: ChannelId
    whatsapp_user_id: PersonId
    status: ConversationStatus
    created_at: datetime
    last_message_at: datetime
    last_inbound_at: datetime | None
    inbound_count: int
    outbound_count: int
    input_tokens: int
    output_tokens: int
    limited_by: QuotaName | None = Field(
        description="The quota that the person's last message was beyond; it was not answered."
    )
    limited_until: datetime | None = Field(description="When that quota begins anew.")
    handoff: HandoffPublic | None = Field(
        description="While a human has the conversation, or is waited for."
    )
    service_window: ServiceWindow

    @classmethod
    def of(cls, conversation: StoredConversation) -> "ConversationPublic":
        now, written, handoff = (
            datetime.now(UTC),
            conversation.last_inbound_at,
            conversation.handoff,
        )
        window = ServiceWindow(
            open=service_window.is_open(written, now),
            closes_at=None if written is None else service_window.closes_at(written),
        )
        public = cls.model_validate(
            {
                **conversation.model_dump(exclude={"handoff"}),
                "whatsapp_user_id": conversation.person_id,
                "service_window": window,
                "handoff": None if handoff is None else HandoffPublic.of(handoff),
            }
        )
        if public.limited_until is not None and public.limited_until <= now:
            return public.model_copy(update={"limited_by": None, "limited_until": None})
        return public


class MediaPublic(BaseModel):
    """A file that came with a message."""

    mime_type: str | None = Field(
        description="What its bytes are; until it is stored, what the sender says.",
        examples=["image/jpeg"],
    )
    filename: str | None = Field(examples=["prices.pdf"])
    size_bytes: int | None = Field(description="null: it is not stored.", examples=[48213])
    voice: bool = Field(description="A recording made in the chat.")
    url: str | None = Field(
        description="Where it can be read until `url_expires_at`, by anybody who has the address; "
        "null: it is not stored.",
        examples=["https://s3.eu-west-1.amazonaws.com/parley/…"],
    )
    url_expires_at: datetime | None


class MessagePublic(Output):
    id: MessageId
    conversation_id: ConversationId
    direction: Direction
    sender: Sender
    type: str
    text: str | None
    media: MediaPublic | None
    content: OutboundContent | None = Field(
        description="What went out, where it is more than the text; `text` says it in words."
    )
    operator: Operator | None = Field(description="Who wrote it, of the organisation.")
    status: MessageStatus
    error: MessageError | None
    citations: tuple[Citation, ...]
    whatsapp_message_id: str | None
    in_reply_to: str | None = Field(description="`whatsapp_message_id` of the quoted message.")
    refers_to: str | None = Field(
        description="`whatsapp_message_id` of what a reaction, an edit or a deletion is about."
    )
    choice_id: str | None = Field(description="Id of the button or list row that was chosen.")
    forwarded: bool
    referral: Referral | None = Field(description="The ad or post that the person came from.")
    details: dict[str, Any] | None = Field(
        description="What `text` puts in words, as data: a location, contacts, an order, a form."
    )
    created_at: datetime

    @classmethod
    def of(
        cls, message: StoredMessage, *, url: str | None = None, expires_at: datetime | None = None
    ) -> "MessagePublic":
        """With the address of its file, where there is one."""
        media, file = message.media, message.file
        shown = media and MediaPublic(
            mime_type=file.mime_type if file else media.mime_type,
            filename=media.filename,
            size_bytes=file.size_bytes if file else None,
            voice=media.voice,
            url=url,
            url_expires_at=expires_at,
        )
        return cls.model_validate({**message.model_dump(exclude={"media"}), "media": shown})


class ConversationExport(BaseModel):
    """A conversation as a whole."""

    conversation: ConversationPublic
    summary: str | None = Field(description="What was said, in short; null: there is none.")
    facts: list[str] = Field(description="What is known about the person.")
    messages: list[MessagePublic] = Field(description="All of them, oldest first.")
