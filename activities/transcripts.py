"""What was said, as the steps of a turn need it: the messages to answer, and what came before."""

from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from contracts.conversation import ConversationRef, Turn
from contracts.ids import MessageId, TurnId
from domain.transcript import Utterance, transcript

RECENT_MESSAGES: Final = 30
"""Read for a turn besides those that it answers: what a prompt has room for."""
MOST_MESSAGES: Final = 100

REMEMBERED_TURNS: Final = 500
REMEMBERED_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class TurnTranscript:
    current: tuple[StoredMessage, ...]
    """The messages being answered, as they are stored, oldest first."""
    asked: tuple[Utterance, ...]
    """What they say as they stand now, oldest first: edited, without what was deleted."""
    history: tuple[Utterance, ...]
    """What was said before the first of them, oldest first."""

    @property
    def texts(self) -> list[str]:
        """The words that are being answered."""
        return [one.text for one in self.asked if one.kind == "message" and one.text]

    @property
    def is_withdrawn(self) -> bool:
        """The person has deleted all that was to be answered."""
        return not self.texts and any(one.kind == "deletion" for one in self.asked)


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
            limit = min(RECENT_MESSAGES + len(turn.message_ids), MOST_MESSAGES)
            messages = await self._conversations.recent(turn.conversation, limit=limit)
            asked = set(turn.message_ids)
            quoted = await self._quoted(turn.conversation, messages, asked)
            self._remembered[key] = _split(messages, asked, quoted)
        return self._remembered[key]

    async def _quoted(
        self, conversation: ConversationRef, messages: list[StoredMessage], asked: set[MessageId]
    ) -> list[StoredMessage]:
        """What the messages being answered reply to, where it is not among those that were read."""
        read = {message.whatsapp_message_id for message in messages}
        missing = [
            wamid
            for message in messages
            if message.id in asked
            and (wamid := message.in_reply_to or message.refers_to)
            and wamid not in read
        ]
        return await self._conversations.quoted(conversation, missing) if missing else []


def _split(
    messages: list[StoredMessage], asked: set[MessageId], quoted: list[StoredMessage]
) -> TurnTranscript:
    first = next((at for at, message in enumerate(messages) if message.id in asked), len(messages))
    earlier = {message.id for message in messages[:first]}
    lines = transcript(messages, quoted=quoted)
    return TurnTranscript(
        current=tuple(message for message in messages if message.id in asked),
        asked=tuple(line.utterance for line in lines if line.message_id in asked),
        history=tuple(line.utterance for line in lines if line.message_id in earlier),
    )
