"""Utterances as a model reads them: who said each, and what is to be known of it."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.plain_text import strip_hidden
from domain.prompt_blocks import block, defused
from domain.source_line import without_source_line
from domain.transcript import Quote, Utterance, cut

MAX_MESSAGE: Final = 16_000
"""Characters of one message that is answered: four times Meta's longest."""
MAX_BURST: Final = 32_000
"""Characters of all of them; the older ones are cut first."""
MAX_AD_FIELD: Final = 500
"""Characters shown of each field of the ad that a person came from."""

OPERATOR_MARK: Final = "[written by a human colleague] "
_SPEAKERS: Final = {"user": "the person", "assistant": "you", "operator": "a human colleague"}


class PromptImage(BaseModel):
    """A picture that the person sent, to be looked at."""

    model_config = ConfigDict(frozen=True)

    mime_type: str
    content: bytes = Field(repr=False)


class ChatMessage(BaseModel):
    """One message of a Chat Completions request."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[PromptImage, ...] = ()


def history_messages(utterance: Utterance, *, now: AwareDatetime) -> Iterator[ChatMessage]:
    """An earlier utterance: what the business said is the model's own, with a colleague's mark."""
    if utterance.sender == "user":
        notes = _notes(utterance)
        sent_at = utterance.sent_at.astimezone(now.tzinfo)
        if sent_at.date() != now.date():
            # "Tomorrow" in an older message is not the tomorrow of now.
            notes = {"sent_at": sent_at.isoformat(timespec="minutes"), **notes}
        yield ChatMessage(role="user", content=_said(utterance, utterance.text, notes))
        return
    if utterance.kind != "message":
        notes = {"by": _SPEAKERS[utterance.sender], **_notes(utterance)}
        yield ChatMessage(role="user", content=_event(utterance, notes))
        return
    if utterance.about is not None:
        about = {"next_message": _SPEAKERS[utterance.sender], **_notes(utterance)}
        yield ChatMessage(role="user", content=block("context", about))
    text = defused(strip_hidden(without_source_line(utterance.text))).strip()
    if utterance.sender == "operator":
        yield ChatMessage(role="assistant", content=OPERATOR_MARK + text)
    else:
        # What a model wrote in imitation of a colleague is no colleague's promise.
        own = text.replace(OPERATOR_MARK.strip(), "").strip()
        yield ChatMessage(role="assistant", content=own)


def asked(current: Sequence[Utterance]) -> Iterator[str]:
    """The blocks of the messages being answered; those that need no note are one."""
    plain: list[str] = []
    for utterance, text in zip(current, _bounded(current), strict=True):
        notes = _notes(utterance)
        if utterance.kind == "message" and not notes:
            plain.append(text)
            continue
        if plain:
            yield _message_block(plain)
            plain = []
        yield _said(utterance, text, notes)
    if plain or not current:
        yield _message_block(plain)


def _bounded(current: Sequence[Utterance]) -> list[str]:
    """Their texts, none of them without end, nor all together; what is missing shows."""
    left = MAX_BURST
    texts: list[str] = []
    for utterance in reversed(current):
        text = cut(strip_hidden(utterance.text), min(MAX_MESSAGE, left))
        left = max(left - len(text), 0)
        texts.append(text)
    return texts[::-1]


def _said(utterance: Utterance, text: str, notes: dict[str, object]) -> str:
    if utterance.kind != "message":
        return _event(utterance, notes)
    message = _message_block([text])
    return f"{block('context', notes)}\n{message}" if notes else message


def _event(utterance: Utterance, notes: dict[str, object]) -> str:
    match utterance.kind:
        case "reaction":
            what: dict[str, object] = {"reacted": strip_hidden(utterance.text)}
        case "edit":
            what = {"edited_an_earlier_message": strip_hidden(utterance.text)}
        case _:
            what = {"deleted_a_message": True}
    return block("event", what | notes)


def _notes(utterance: Utterance) -> dict[str, object]:
    """What is to be known of a message besides its words."""
    notes: dict[str, object] = {}
    if utterance.about is not None:
        name = "to" if utterance.kind == "reaction" else "reply_to"
        notes[name] = _quoted(utterance.about)
    if utterance.edited:
        notes["edited"] = True
    if utterance.forwarded:
        notes["forwarded"] = True
    if utterance.referral is not None:
        ad = utterance.referral.model_dump(
            include={"source_type", "source_url", "headline", "body"}, exclude_none=True
        )
        notes["came_from"] = {
            name: cut(strip_hidden(str(value)), MAX_AD_FIELD) for name, value in ad.items()
        }
    return notes


def _quoted(quote: Quote) -> object:
    if quote.sender is None:
        return "an earlier message that is not known any more"
    said = {"from": _SPEAKERS[quote.sender]}
    if quote.text is None:
        return {**said, "deleted": True}
    return {**said, "text": strip_hidden(without_source_line(quote.text))}


def _message_block(texts: Sequence[str]) -> str:
    return block("message", "\n".join(strip_hidden(text) for text in texts).strip())
