"""What goes in and out of a conversation: its signals, its input and its activities' arguments.

Histories hold ids and short results. What was said is in DynamoDB; the one exception is the signal
that brings a message in, because it is what makes the message durable.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from contracts.handoff import HandoffCounts, HandoffRules
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

CannedKind = Literal[
    "fallback", "acknowledgement", "welcome", "slow_down", "quota", "handoff", "taken_over",
    "stopped", "resumed",
]  # fmt: skip
"""Replies that need no model: each assistant may have its own words for them.

`handoff`: a human is called (in business hours, or not). `taken_over`: a human is here now; it is
said only where the assistant has words for it. `stopped` and `resumed`: the
person's word about proactive messages was heard.
"""

PreparedKind = CannedKind | Literal["reopening"]
"""`reopening`: the assistant's template, sent when the service window has closed before the reply;
nothing, if it has none."""

ConversationStatus = Literal["bot", "human", "closed"]

HandoffReason = Literal["person", "model", "operator", "failures", "unanswered", "upset", "echo"]
"""Why a human has the conversation: the person asked for one, the model or an operator decided, the
assistant failed or had no answer several times, the person is upset, or somebody answered in the
WhatsApp Business app."""

ConsentChange = Literal["stopped", "resumed"]
"""What a person's words say about proactive messages."""

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
    animated: bool = False
    """Of a sticker."""


class Referral(Contract):
    """The ad or post that a person came from."""

    source_url: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None
    ctwa_clid: str | None = None


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
    refers_to: str | None = None
    """`whatsapp_message_id` of the message that a reaction, an edit or a deletion is about."""
    choice_id: str | None = None
    """Id of the button or list row that the person chose."""
    forwarded: bool = False
    referral: Referral | None = None
    details: dict[str, Any] | None = None
    """What `text` puts in words, as data: a location, contacts, an order, a form's answers. At most
    8 KB as JSON."""
    sent_at: datetime


class ReceivedMessage(Contract):
    """Argument of the signal `receive_message`."""

    message: InboundMessage
    debounce_seconds: float = Field(default=0.8, ge=0, le=30)
    """The assistant's quiet period, known to the webhook, so that no look-up delays the turn."""
    trace_id: str = ""


class EchoedMessage(Contract):
    """A reply that somebody of the business typed in the WhatsApp Business app."""

    whatsapp_message_id: str
    type: str
    text: str | None = None
    media: MediaReference | None = None
    sent_at: datetime


class ReceivedEcho(Contract):
    """Argument of the signal `receive_echo`."""

    echo: EchoedMessage
    trace_id: str = ""


class Operator(Contract):
    """Who acts for the organisation: an API key, by its id and the name that it had then."""

    api_key_id: str
    name: str = ""


class TakeOver(Contract):
    """Argument of the update `take_over`: from now on a human answers."""

    operator: Operator


class Release(Contract):
    """Argument of the update `release`: the assistant answers again."""

    operator: Operator


class CloseConversation(Contract):
    """Argument of the update `close`: the conversation is over until the person writes again."""

    operator: Operator


class OperatorMessage(Contract):
    """Argument of the update `send_message`. What it says is kept as a draft, with one part."""

    post_id: str
    """The same on every repetition of the request: a message is posted once."""
    draft_id: str
    operator: Operator
    template: bool = False
    """Templates go out at any time, everything else within the service window."""


class AcceptedMessage(Contract):
    """Answer of the update `send_message`: it will be sent, in its turn, under this id."""

    message_id: MessageId


class ConversationState(Contract):
    """Answer of the other updates, and of the query `state`."""

    status: ConversationStatus
    sending: bool = False
    """A message of the assistant is being handed to Meta: whoever takes over waits for its end."""


class Handoff(Contract):
    """A human has the conversation, or is waited for."""

    reason: HandoffReason
    since: datetime
    """When the assistant fell silent."""
    operator: Operator | None = None
    """Who took it over; None: it waits for somebody."""
    human_at: datetime | None = None
    """When a human did something last; None: nobody has yet."""
    returns_at: datetime | None = None
    """When the assistant answers again if no human has written by then; None: never by itself."""


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


class InboundRecord(Contract):
    """A message on its way into the transcript under the id that the workflow gave it."""

    message_id: MessageId
    message: InboundMessage


class PostedMessage(Contract):
    """An operator's message that waits to be sent, under the id that was promised."""

    post: OperatorMessage
    message_id: MessageId


class CarriedState(Contract):
    """What a conversation takes along when it continues as new."""

    seen: tuple[str, ...] = ()
    pending: tuple[ReceivedMessage, ...] = ()
    handoff: Handoff | None = None
    unanswered: tuple[InboundRecord, ...] = ()
    """Messages that wait for a human, or for the assistant's return."""
    posts: tuple[PostedMessage, ...] = ()
    posted: dict[str, MessageId] = Field(default_factory=dict)
    """The newest posts by `post_id`: one that is sent again changes nothing."""
    echoes: tuple[EchoedMessage, ...] = ()
    rules: HandoffRules | None = None
    """The assistant's, as they were when the conversation was opened."""
    counts: HandoffCounts = HandoffCounts()
    remembered: int = 0
    """`message_count` when the memory was refreshed last."""
    whole_at: int = 0
    """When the person's allowance of messages is whole again: `domain.pacing`."""
    turns: int = 0
    began_ms: int = 0
    """When the first run of the chain began; ids of messages are counted from there."""
    message_count: int = 0
    opened: bool = False
    limit: ReachedLimit | None = None
    """That the last messages were beyond, for operators to see."""


PROTOCOL = 2
"""How the workflow goes about its steps; a run keeps to the one that it was started with, so that
histories of earlier versions replay. 2: reading media, memory, and one step that writes a reply."""


class ConversationInput(Contract):
    conversation: ConversationRef
    state: CarriedState = CarriedState()
    protocol: int = 1
    turns_per_run: int | None = None
    """Continue as new after so many turns; by default when Temporal suggests it."""


class RecordInbound(Contract):
    conversation: ConversationRef
    turn_id: TurnId
    messages: list[InboundRecord]
    opening: bool
    """The first record of a workflow run: also (re)opens the conversation itself."""


class RecordedInbound(Contract):
    fresh: list[MessageId]
    """Without those that an earlier turn has had: Meta delivers again for up to 7 days."""
    renamed: dict[MessageId, MessageId] = Field(default_factory=dict)
    """Messages that keep the id under which an attempt of this turn has written them before, by the
    id that they were given now: a worker died, and another one found more of them, in another
    order. `fresh` has the ids that are kept."""
    first_contact: bool = False
    """Nobody has ever written in this conversation before."""
    limit: ReachedLimit | None = None
    """None: all of them are within the organisation's quotas."""
    handoff: HandoffReason | None = None
    """What was written, or how, asks for a human: `person` or `upset`."""
    held: Handoff | None = None
    """When the run is opening: a human had the conversation when an earlier run was cut off."""
    handoff_rules: HandoffRules | None = None
    """The assistant's, as they are now; only of a record that opens a run."""
    consent: ConsentChange | None = None
    """The newest of them that says something about proactive messages, and nothing else."""


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


class FetchMedia(Contract):
    """Have the files of a turn's messages read, before anything is looked up for it."""

    turn: Turn


class FetchedMedia(Contract):
    understood: list[MessageId] = Field(default_factory=list)
    """Messages of which something can be told to the model: a transcript, a text, a picture."""
    failed: list[MessageId] = Field(default_factory=list)
    """Those that say nothing: a placeholder with the reason in it, and no caption."""


class GenerateReply(Contract):
    turn: Turn
    passages: tuple[ScoredPassage, ...]


class WriteReply(Contract):
    """Look up what may answer the turn, and have the model write the reply from it."""

    turn: Turn
    mark_read: str | None = None
    """`whatsapp_message_id` to mark as read, with the typing indicator, while the model writes."""


class CannedReply(Contract):
    """A reply that needs no model."""

    turn: Turn
    kind: PreparedKind
    mark_read: str | None = None
    """`whatsapp_message_id` to mark as read."""


class RefreshMemory(Contract):
    """Bring the summary of a conversation, and what is known of the person, up to date."""

    conversation: ConversationRef
    up_to: MessageId
    """The newest message that the summary may cover."""


class RefreshedMemory(Contract):
    summarised: bool = False
    facts: int = 0
    """Facts about the person that were added or changed."""


class ChangeStatus(Contract):
    """Write down who has the conversation, for operators' lists and webhooks."""

    conversation: ConversationRef
    status: ConversationStatus
    handoff: Handoff | None = None
    by: Operator | None = None
    """Who released or closed it; None: it happened by itself."""


class ChangedStatus(Contract):
    returns_at: datetime | None = None
    """With a handoff: when the assistant answers again if no human writes by then."""


class RecordEcho(Contract):
    """Write a reply typed in the WhatsApp Business app into the transcript, once."""

    conversation: ConversationRef
    turn_id: TurnId
    message_id: MessageId
    echo: EchoedMessage


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
    handoff: HandoffReason | None = None
    """The model asks for a human."""
    answered: bool = True
    """False: the model said that it does not know."""


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


class WithdrawPart(Contract):
    """Give a part up that a human's take-over overtook, if Meta has not got it."""

    conversation: ConversationRef
    message_id: MessageId


class SentPart(Contract):
    outcome: Literal["sent", "rejected", "uncertain"]
    error_code: int | None = None
    window_closed: bool = False
    """With `rejected`: outside the service window only a template would go out."""
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

    status: ConversationStatus
    turns: int
    pending: int
    doing: str
