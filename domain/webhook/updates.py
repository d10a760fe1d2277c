"""What a delivery may tell, one update each."""

from datetime import datetime

from contracts.conversation import EchoedMessage, InboundMessage
from contracts.model import Contract


class Identity(Contract):
    """What one update says about a person. Meta may leave out the number or the user id."""

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None
    profile_name: str | None = None

    @property
    def identifiers(self) -> tuple[str, ...]:
        """What a person may be found by."""
        return tuple(filter(None, (self.user_id, self.wa_id)))


class MessageReceived(Contract):
    phone_number_id: str
    sender: Identity
    message: InboundMessage


class EchoReceived(Contract):
    """Somebody of the business wrote to a person in the WhatsApp Business app."""

    phone_number_id: str
    recipient: Identity
    echo: EchoedMessage


class IdentityChanged(Contract):
    """A person has another number or another user id from now on."""

    phone_number_id: str
    previous: Identity
    current: Identity
    at: datetime


class PreferenceReceived(Contract):
    """A person stopped marketing messages in WhatsApp's own settings, or wants them again."""

    phone_number_id: str
    person: Identity
    stopped: bool
    at: datetime


class StatusReceived(Contract):
    """A message of ours moved on. Matched by callback data, else by `whatsapp_message_id`."""

    phone_number_id: str
    whatsapp_message_id: str
    status: str
    timestamp: datetime
    callback_data: str | None = None
    error_code: int | None = None
    error_detail: str | None = None


class Noted(Contract):
    """An update that asks nothing of a conversation: account events, calls, groups."""

    field: str
    kind: str
    """Which event, in Meta's words where they are a name and nothing else."""
    subject_id: str | None = None
    """What it is about: a template, a business account."""
    alarming: bool = False
    """Somebody should look: messages are, or soon will be, held back."""


class Unusable(Contract):
    """An update that cannot be acted on; `raw` is kept for whoever looks into it."""

    reason: str
    raw: str


PersonalUpdate = MessageReceived | EchoReceived | IdentityChanged | PreferenceReceived
"""Of one person; each person's are handled in their order."""

Update = PersonalUpdate | StatusReceived | Noted | Unusable


def identifiers_of(update: PersonalUpdate) -> tuple[str, ...]:
    """All by which the person of an update may be found."""
    match update:
        case MessageReceived():
            return update.sender.identifiers
        case EchoReceived():
            return update.recipient.identifiers
        case PreferenceReceived():
            return update.person.identifiers
        case IdentityChanged():
            return (*update.previous.identifiers, *update.current.identifiers)
