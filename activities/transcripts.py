"""What was said, as the steps of a turn need it: the messages to answer, and what came before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import StoredMessage
from contracts.conversation import ConversationRef, Referral, Turn
from contracts.ids import MessageId, TurnId
from domain.media_types import MEDIA_KINDS
from domain.media_words import caption_of, not_understood
from domain.transcript import Utterance, transcript

RECENT_MESSAGES: Final = 30
"""Read for a turn besides those that it answers: what a prompt has room for."""
MOST_MESSAGES: Final = 100

REMEMBERED_TURNS: Final = 500
REMEMBERED_SECONDS: Final = 60

DOCUMENT_BUDGET: Final = 20_000
"""Characters of all documents of a turn: about 5,000 tokens of English."""

DOCUMENT_EXCERPT: Final = 1_500
"""Characters of an earlier document that go on being known: it was read whole in its own turn."""

DOCUMENT_QUERY: Final = 300
"""Characters of a document that are searched for when the person wrote nothing beside it."""


@dataclass(frozen=True, slots=True)
class TurnTranscript:
    current: tuple[StoredMessage, ...]
    """The messages being answered, as they are stored, oldest first."""
    messages: tuple[StoredMessage, ...]
    """They and all that was read with them."""
    quoted: tuple[StoredMessage, ...]
    """What they refer to besides."""
    history: tuple[Utterance, ...]
    """What was said before the first of them, oldest first."""

    def asked(self, *, shown: Collection[MessageId] = ()) -> tuple[Utterance, ...]:
        """What the messages say as they stand now, oldest first: edited, without what was deleted.

        Args:
            shown: those whose picture the model gets to see.
        """
        texts = told(self.current, shown=shown)
        return self._as_told(
            {message.id: text for message, text in zip(self.current, texts, strict=True)}
        )

    @property
    def searched(self) -> list[str]:
        """The words to look up, without the marks of files."""
        return self._words({message.id: searched(message) for message in self.current})

    @property
    def spoken(self) -> list[str]:
        """What the person wrote or said themselves: no documents."""
        return self._words(
            {
                message.id: message.reading.words if message.reading else None
                for message in self.current
            }
        )

    @property
    def told(self) -> list[str]:
        """Everything that has been said, by whomever."""
        said = [*self.history, *self.asked()]
        quoted = [one.about.text for one in said if one.about and one.about.text]
        ads = [text for one in said if one.referral for text in _of_ad(one.referral)]
        return [*(one.text for one in said), *quoted, *ads]

    @property
    def is_withdrawn(self) -> bool:
        """The person has deleted all that was to be answered."""
        asked = self.asked()
        said = any(one.kind == "message" and one.text for one in asked)
        return not said and any(one.kind == "deletion" for one in asked)

    def _words(self, texts: Mapping[MessageId, str | None]) -> list[str]:
        return [one.text for one in self._as_told(texts) if one.kind == "message" and one.text]

    def _as_told(self, texts: Mapping[MessageId, str | None]) -> tuple[Utterance, ...]:
        """The messages being answered, those with files in these words."""
        messages = [
            message.model_copy(update={"text": texts[message.id]})
            if message.id in texts and message.media is not None
            else message
            for message in self.messages
        ]
        lines = transcript(messages, quoted=self.quoted)
        return tuple(line.utterance for line in lines if line.message_id in texts)


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


def told(messages: Sequence[StoredMessage], *, shown: Collection[MessageId]) -> list[str]:
    """What each of the messages being answered says, with the text of its document.

    Args:
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


def _split(
    messages: list[StoredMessage], asked: set[MessageId], quoted: list[StoredMessage]
) -> TurnTranscript:
    first = next((at for at, message in enumerate(messages) if message.id in asked), len(messages))
    earlier = {message.id for message in messages[:first]}
    messages = [*map(_recalled, messages[:first]), *messages[first:]]
    lines = transcript(messages, quoted=quoted)
    return TurnTranscript(
        current=tuple(message for message in messages if message.id in asked),
        messages=tuple(messages),
        quoted=tuple(quoted),
        history=tuple(line.utterance for line in lines if line.message_id in earlier),
    )


def _of_ad(referral: Referral) -> list[str]:
    return [text for text in (referral.headline, referral.body) if text]


def _recalled(message: StoredMessage) -> StoredMessage:
    """An earlier message, with the beginning of its document."""
    document = message.reading.text if message.reading is not None else None
    if not document:
        return message
    text = f"{message.text or ''}\n{document[:DOCUMENT_EXCERPT]}"
    return message.model_copy(update={"text": text})
