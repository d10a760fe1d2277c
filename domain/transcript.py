"""What was said, in order and by whom, as it stands now: edits made, deleted words gone.

WhatsApp delivers an edit, a deletion and a reaction as messages of their own that refer to another
one. Here they take their effect: an edited message has its new words, a deleted one has none,
wherever it would be shown; a reaction is an event that says to what.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts.conversation import Referral

Sender = Literal["user", "assistant", "operator"]

MAX_QUOTE: Final = 300
"""Characters shown of a message that another one replies to."""
CUT_MARK: Final = " […]"

_SAID: Final = frozenset({"received", "sent", "delivered", "read", "uncertain"})
"""Statuses of messages that the person wrote or, as far as anyone knows, saw."""
_EFFECTS: Final = frozenset({"edit", "revoke", "reaction"})
_UNSPOKEN: Final = frozenset({"system", "request_welcome"})
"""WhatsApp's own notices: nobody has said them."""


class Quote(BaseModel):
    """The message that another one is about, as far as it is known."""

    model_config = ConfigDict(frozen=True)

    sender: Sender | None = None
    text: str | None = None
    """None: it was deleted, or is not known any more."""


class Utterance(BaseModel):
    """One message of the conversation, or what somebody did to one."""

    model_config = ConfigDict(frozen=True)

    sender: Sender
    text: str
    """What was said; of a reaction the emoji, of a deletion nothing."""
    sent_at: AwareDatetime
    kind: Literal["message", "reaction", "edit", "deletion"] = "message"
    """`edit`: of a message that is not shown any more."""
    about: Quote | None = None
    """What it replies or reacts to."""
    edited: bool = False
    forwarded: bool = False
    referral: Referral | None = None


class Message(Protocol):
    """What is read of a stored message."""

    @property
    def id(self) -> str: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def type(self) -> str: ...
    @property
    def text(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def whatsapp_message_id(self) -> str | None: ...
    @property
    def in_reply_to(self) -> str | None: ...
    @property
    def refers_to(self) -> str | None: ...
    @property
    def forwarded(self) -> bool: ...
    @property
    def referral(self) -> Referral | None: ...
    @property
    def sent_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...


class Line(NamedTuple):
    """An utterance, and the id of the message that it comes from."""

    message_id: str
    utterance: Utterance


def transcript(messages: Sequence[Message], *, quoted: Iterable[Message] = ()) -> list[Line]:
    """What was said and done, in the order of `messages`; what was not is left out.

    Args:
        messages: oldest first. Edits and deletions among them take effect wherever they stand:
            WhatsApp may deliver a deletion before what it deletes.
        quoted: further messages, which others refer to; they are not shown themselves.
    """
    return list(_Reading(messages, quoted).lines())


def changed_since(messages: Iterable[Message]) -> set[str]:
    """`whatsapp_message_id`s of what these messages edit or delete."""
    return {
        message.refers_to
        for message in messages
        if message.type in ("edit", "revoke") and message.refers_to
    }


def edited_words(text: str | None) -> str:
    """The new words in an edit's text, which is `[edited: new words]` or the words alone."""
    return _inside(text, "edited")


def cut(text: str, characters: int) -> str:
    """The beginning of `text`, and a mark if that is not all of it; at most `characters`."""
    if len(text) <= characters:
        return text
    return text[: max(characters - len(CUT_MARK), 0)].rstrip() + CUT_MARK


class _Reading:
    """What the messages do to one another."""

    def __init__(self, messages: Sequence[Message], quoted: Iterable[Message]) -> None:
        self._messages = messages
        self._by_wamid = {
            message.whatsapp_message_id: message
            for message in (*quoted, *messages)
            if message.whatsapp_message_id
        }
        self._shown = {
            message.whatsapp_message_id for message in messages if message.type not in _EFFECTS
        }
        self._deleted: set[str] = set()
        self._edits: dict[str, Message] = {}
        """The newest of each message."""
        self._reactions: dict[tuple[str, str], Message] = {}
        """The newest of each sender to each message."""
        self._roots: dict[str, str] = {}
        for message in self._by_wamid.values():
            if message.type == "edit" and message.whatsapp_message_id and message.refers_to:
                self._roots[message.whatsapp_message_id] = message.refers_to
        for message in messages:
            target = self._root(message.refers_to)
            if target is None:
                continue
            match message.type:
                case "revoke":
                    self._deleted.add(target)
                case "edit":
                    self._edits[target] = message
                case "reaction":
                    self._reactions[message.sender, target] = message

    def lines(self) -> Iterator[Line]:
        for message in self._messages:
            if message.type in _UNSPOKEN or message.status not in _SAID:
                continue
            utterance = (
                self._effect(message) if message.type in _EFFECTS else self._message(message)
            )
            if utterance is not None:
                yield Line(message.id, utterance)

    def _message(self, message: Message) -> Utterance | None:
        if self._is_deleted(message):
            return Utterance(
                sender=message.sender, text="", sent_at=_moment(message), kind="deletion"
            )
        text = self._words(message)
        if not text:
            return None
        return Utterance(
            sender=message.sender,
            text=text,
            sent_at=_moment(message),
            about=self._quote(message.in_reply_to) if message.in_reply_to else None,
            edited=(message.whatsapp_message_id or "") in self._edits,
            forwarded=message.forwarded,
            referral=message.referral,
        )

    def _effect(self, message: Message) -> Utterance | None:
        """What an edit, a deletion or a reaction is by itself, besides its effect on another."""
        target = self._root(message.refers_to)
        if message.type == "reaction":
            emoji = _inside(message.text, "reaction")
            is_newest = target is None or self._reactions[message.sender, target] is message
            if not emoji or not is_newest:
                return None
            return Utterance(
                sender=message.sender,
                text=emoji,
                sent_at=_moment(message),
                kind="reaction",
                about=self._quote(target),
            )
        if message.type == "edit":
            is_newest = target is None or self._edits[target] is message
            text = edited_words(message.text)
            if target in self._shown or target in self._deleted or not is_newest or not text:
                return None
            return Utterance(
                sender=message.sender, text=text, sent_at=_moment(message), kind="edit"
            )
        return None

    def _words(self, message: Message) -> str | None:
        edit = self._edits.get(message.whatsapp_message_id or "")
        if edit is None:
            return message.text
        return edited_words(edit.text) or message.text

    def _is_deleted(self, message: Message) -> bool:
        return (message.whatsapp_message_id or "") in self._deleted

    def _quote(self, wamid: str | None) -> Quote:
        target = self._by_wamid.get(self._root(wamid) or "")
        if target is None:
            return Quote()
        if self._is_deleted(target):
            return Quote(sender=target.sender)
        text = self._words(target)
        return Quote(sender=target.sender, text=cut(text, MAX_QUOTE) if text else None)

    def _root(self, wamid: str | None) -> str | None:
        """The message that an edit, or an edit of an edit, is about in the end."""
        seen: set[str] = set()
        while wamid in self._roots and wamid not in seen:
            seen.add(wamid)
            wamid = self._roots[wamid]
        return wamid


def _moment(message: Message) -> datetime:
    return message.sent_at or message.created_at


def _inside(text: str | None, name: str) -> str:
    """`👍` of `[reaction: 👍]`; what is in no brackets is the words themselves."""
    text = (text or "").strip()
    if text in (f"[{name}]", f"[{name} removed]"):
        return ""
    beginning = f"[{name}: "
    if text.startswith(beginning) and text.endswith("]"):
        return text[len(beginning) : -1]
    return text
