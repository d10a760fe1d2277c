"""What was said, as the steps of a turn need it: the messages to answer, and what came before."""

from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from contracts.conversation import Turn
from contracts.ids import MessageId, TurnId
from domain.prompt import Utterance

RECENT_MESSAGES: Final = 30
"""Read for a turn: a burst, and what a prompt has room for before it."""

REMEMBERED_TURNS: Final = 500
REMEMBERED_SECONDS: Final = 60

_SAID: Final = frozenset({"received", "sent", "delivered", "read", "uncertain"})
"""Statuses of messages that the person wrote or, as far as anyone knows, saw."""


@dataclass(frozen=True, slots=True)
class TurnTranscript:
    current: tuple[StoredMessage, ...]
    """The messages being answered, oldest first."""
    history: tuple[Utterance, ...]
    """What was said before the first of them, oldest first."""


class Transcripts:
    """Reads a turn's transcript once, however many of its steps run in this process.

    What a turn answers and what came before does not change while it is being answered; a newer
    message makes another set of messages, and so another entry.
    """

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._remembered: TTLCache[tuple[TurnId, tuple[MessageId, ...]], TurnTranscript] = TTLCache(
            REMEMBERED_TURNS, ttl=REMEMBERED_SECONDS
        )

    async def of(self, turn: Turn) -> TurnTranscript:
        key = (turn.turn_id, tuple(turn.message_ids))
        if key not in self._remembered:
            messages = await self._conversations.recent(turn.conversation, limit=RECENT_MESSAGES)
            self._remembered[key] = _split(messages, set(turn.message_ids))
        return self._remembered[key]


def _split(messages: list[StoredMessage], asked: set[MessageId]) -> TurnTranscript:
    first = next((at for at, message in enumerate(messages) if message.id in asked), len(messages))
    return TurnTranscript(
        current=tuple(message for message in messages if message.id in asked),
        history=tuple(
            Utterance(
                sender=message.sender,
                text=message.text,
                sent_at=message.sent_at or message.created_at,
            )
            for message in messages[:first]
            if message.text and message.status in _SAID
        ),
    )
