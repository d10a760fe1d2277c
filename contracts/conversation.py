"""What goes in and out of a conversation: its signals, its input and its activities' arguments.

Histories hold ids and short results. What was said is in DynamoDB; the one exception is the signal
that brings a message in, because it is what makes the message durable.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from contracts.ids import (
    ChannelId,
    ConversationId,
    MessageId,
    OrganizationId,
    PassageId,
    PersonId,
    TurnId,
)
from contracts.model import Contract
from contracts.quotas import ReachedLimit

MessageType = Literal[
    "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive",
    "button", "reaction", "order", "system", "edit", "revoke", "request_welcome", "unsupported",
]  # fmt: skip
"""Meta's own names; what is not among them arrives as `unsupported`."""

CannedKind = Literal["fallback", "acknowledgement", "welcome", "slow_down", "quota"]
"""Replies that need no model: each assistant may have its own words for them."""

ReplyKind = Literal["answer", "acknowledge", "none"]
"""What a message asks of the assistant: an answer to words, a polite word on what it cannot read
yet, or nothing (a reaction, a deletion)."""


class MediaReference(Contract):
    """A file at Meta's side. Its id lives 7 days."""

    media_id: str
    mime_type: str | None = None
    sha256: str | None = None
    filename: str | None = None
    voice: bool = False


class InboundMessage(Contract):
    """One message of a person, normalised from Meta's payload."""

    whatsapp_message_id: str
    type: MessageType
    reply: ReplyKind
    text: str | None = None
    """What the person said in words: body, caption, chosen title; a placeholder such as
    `[location: 41.4, 2.2]` for what has none."""
    media: MediaReference | None = None
    in_reply_to: str | None = None
    """`whatsapp_message_id` of the quoted message."""
    sent_at: datetime


class ReceivedMessage(Contract):
    """Argument of the signal `receive_message`."""

    message: InboundMessage
    debounce_seconds: float = Field(default=0.8, ge=0, le=30)
    """The assistant's quiet period, known to the webhook, so that no look-up delays the turn."""
    trace_id: str = ""


class SettledSend(Contract):
    """Argument of the signal `settle_send`: a status webhook told the fate of a message."""

    message_id: MessageId
    status: Literal["sent", "delivered", "read", "failed"]
    error_code: int | None = None


class ConversationRef(Contract):
    """Which conversation; all that an activity needs to scope its reads and writes."""

    organization_id: OrganizationId
    channel_id: ChannelId
    person_id: PersonId
    conversation_id: ConversationId


class CarriedState(Contract):
    """What a conversation takes along when it continues as new."""

    seen: tuple[str, ...] = ()
    pending: tuple[ReceivedMessage, ...] = ()
    turns: int = 0
    began_ms: int = 0
    """When the first run of the chain began; ids of messages are counted from there."""
    message_count: int = 0
    opened: bool = False
    limit: ReachedLimit | None = None
    """That the last messages were beyond, for operators to see."""


class ConversationInput(Contract):
    conversation: ConversationRef
    state: CarriedState = CarriedState()
    turns_per_run: int | None = None
    """Continue as new after so many turns; by default when Temporal suggests it."""


class InboundRecord(Contract):
    """A message on its way into the transcript under the id that the workflow gave it."""

    message_id: MessageId
    message: InboundMessage


class RecordInbound(Contract):
    conversation: ConversationRef
    turn_id: TurnId
    messages: list[InboundRecord]
    opening: bool
    """The first record of a workflow run: also (re)opens the conversation itself."""


class RecordedInbound(Contract):
    fresh: list[MessageId]
    """Without those that an earlier turn has had: Meta delivers again for up to 7 days."""
    first_contact: bool = False
    """Nobody has ever written in this conversation before."""
    limit: ReachedLimit | None = None
    """None: all of them are within the organisation's quotas."""


class Turn(Contract):
    """One turn: the messages that it answers, by id."""

    conversation: ConversationRef
    turn_id: TurnId
    message_ids: list[MessageId]
    trace_id: str = ""
    first_contact: bool = False


class ScoredPassage(Contract):
    passage_id: PassageId
    score: float


class RetrievedPassages(Contract):
    passages: tuple[ScoredPassage, ...] = ()


class GenerateReply(Contract):
    turn: Turn
    passages: tuple[ScoredPassage, ...]


class CannedReply(Contract):
    """A reply that needs no model."""

    turn: Turn
    kind: CannedKind


class DraftedReply(Contract):
    """A reply written down as a draft; its parts are sent in order."""

    draft_id: str
    """Every generation has a draft of its own: one that was superseded but could not be stopped in
    time can never take the place of its successor's."""
    parts: int
    model: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cited: int = 0


class MarkRead(Contract):
    """Mark as read (earlier messages too) and show that an answer is being written."""

    turn: Turn
    whatsapp_message_id: str
    typing: bool = True


class SendPart(Contract):
    turn: Turn
    draft_id: str
    part: int
    message_id: MessageId
    """Also the key of the outbox item, and with the conversation id the callback data at Meta."""
    resend: bool = False
    """The policy decided to try an uncertain send once more."""


class SentPart(Contract):
    outcome: Literal["sent", "rejected", "uncertain"]
    error_code: int | None = None
    settle_seconds: float = 0
    """How long to wait for a status webhook before the policy decides, when uncertain."""


class SettleUncertain(Contract):
    """What became of an uncertain send when no status webhook came in time."""

    conversation: ConversationRef
    message_id: MessageId


class UncertainDecision(Contract):
    decision: Literal["resend", "leave", "settled"]


class ConversationSnapshot(Contract):
    """Answer of the query `snapshot`: what an operator wants to know, without contents."""

    status: Literal["bot", "human", "closed"]
    turns: int
    pending: int
    doing: str
