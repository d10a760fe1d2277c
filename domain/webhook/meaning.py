"""What one message means to the assistant."""

from typing import NamedTuple

from contracts.conversation import MediaReference, MessageType, ReplyKind
from domain.webhook.fields import Json


class Meaning(NamedTuple):
    """A message in words and data, and what it asks for."""

    type: MessageType
    text: str | None
    reply: ReplyKind
    media: MediaReference | None = None
    refers_to: str | None = None
    """The message that this one reacts to, changes or takes back."""
    choice_id: str | None = None
    details: Json | None = None
