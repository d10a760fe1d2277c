"""What was said, as the steps of a turn need it: the messages to answer, and what came before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from contracts.conversation import Turn
from contracts.ids import MessageId, TurnId
from domain.media_types import MEDIA_KINDS
from domain.media_words import caption_of, not_understood
from domain.prompt import Utterance

RECENT_MESSAGES: Final = 30
"""Read for a turn: a burst, and what a prompt has room for before it."""

REMEMBERED_TURNS: Final = 500
REMEMBERED_SECONDS: Final = 60

DOCUMENT_BUDGET: Final = 20_000
"""Characters of all documents of a turn: about 5,000 tokens of English."""

DOCUMENT_EXCERPT: Final = 1_500
"""Characters of an earlier document that go on being known: it was read whole in its own turn."""

DOCUMENT_QUERY: Final = 300
"""Characters of a document that are searched for when the person wrote nothing beside it."""

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

    What a turn answers and what came before does not change while it is being answered, once its
    files have been read; a newer message makes another set of messages, and so another entry.
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


def told(messages: Sequence[StoredMessage], *, shown: Collection[MessageId]) -> list[str]:
    """What each of the messages being answered says, with the text of its document.

    Args:
        messages: all of them with a text.
        shown: those whose picture the model gets to see.
    """
    left, texts = DOCUMENT_BUDGET, []
    for message in messages:
        text = message.text or ""
        if message.reading is not None and message.media is not None:
            if message.reading.is_picture and message.id not in shown:
                kind = MEDIA_KINDS.get(message.type, "image")
                text = not_understood(kind, message.media, caption=message.reading.words)
            document = (message.reading.text or "")[:left]
            left -= len(document)
            text = f"{text}\n{document}" if document else text
        texts.append(text)
    return texts


def searched(message: StoredMessage) -> str | None:
    """What to look up for a message: its words, without the marks of files."""
    if message.media is None:
        return message.text
    if message.reading is None:
        return caption_of(message.text, message.media)
    return message.reading.words or (message.reading.text or "")[:DOCUMENT_QUERY] or None


def _split(messages: list[StoredMessage], asked: set[MessageId]) -> TurnTranscript:
    first = next((at for at, message in enumerate(messages) if message.id in asked), len(messages))
    return TurnTranscript(
        current=tuple(message for message in messages if message.id in asked),
        history=tuple(
            Utterance(
                sender=message.sender,
                text=_recalled(message.text, message),
                sent_at=message.sent_at or message.created_at,
            )
            for message in messages[:first]
            if message.text and message.status in _SAID
        ),
    )


def _recalled(text: str, message: StoredMessage) -> str:
    document = message.reading.text if message.reading is not None else None
    return f"{text}\n{document[:DOCUMENT_EXCERPT]}" if document else text
