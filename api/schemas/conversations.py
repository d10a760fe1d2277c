"""People, conversations and messages in the API."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from adapters.dynamodb.conversations import ConversationStatus, StoredConversation
from adapters.dynamodb.messages import Citation, Direction, MessageError, MessageStatus, Sender
from adapters.postgres.tables import WhatsAppUser
from api.schemas.base import Input, Name, Output, Revised
from api.schemas.organizations import SmallObject
from contracts.conversation import MediaReference, Referral
from contracts.ids import ChannelId, ConversationId, MessageId, OrganizationId, PersonId
from contracts.quotas import QuotaName


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
    opted_out_at: datetime | None
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

    @classmethod
    def of(cls, conversation: StoredConversation) -> "ConversationPublic":
        public = cls.model_validate(
            {**conversation.model_dump(), "whatsapp_user_id": conversation.person_id}
        )
        if public.limited_until is not None and public.limited_until <= datetime.now(UTC):
            return public.model_copy(update={"limited_by": None, "limited_until": None})
        return public


class MessagePublic(Output):
    id: MessageId
    conversation_id: ConversationId
    direction: Direction
    sender: Sender
    type: str
    text: str | None
    media: MediaReference | None
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


class ConversationExport(BaseModel):
    """A conversation as a whole."""

    conversation: ConversationPublic
    summary: str | None = Field(description="What was said, in short; null: there is none.")
    facts: list[str] = Field(description="What is known about the person.")
    messages: list[MessagePublic] = Field(description="All of them, oldest first.")
