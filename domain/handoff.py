"""When a conversation goes to a human, by what a person writes and by how turns end."""

from collections.abc import Iterable
from typing import Final

from contracts.conversation import HandoffReason, InboundMessage, MessageType
from contracts.handoff import HandoffCounts, HandoffRules, HandoffSettings
from domain.asking_for_human import asks_for_human
from domain.upset import is_upset

_OWN_WORDS: Final[frozenset[MessageType]] = frozenset(
    {"text", "button", "interactive", "image", "video", "document"}
)
"""Types whose text is what the person said; of the others it describes what they sent."""


def in_their_words(messages: Iterable[InboundMessage]) -> list[str]:
    """What the person said themselves: texts, captions, chosen titles."""
    return [
        message.text
        for message in messages
        if message.text and message.type in _OWN_WORDS and message.reply == "answer"
    ]


def wanted_handoff(texts: Iterable[str], settings: HandoffSettings) -> HandoffReason | None:
    """Why these messages of a person want a human: `person` or `upset`; None: they do not.

    Who asks for a human is upset or not, but asks.
    """
    if not settings.enabled:
        return None
    said = list(texts)
    if any(asks_for_human(text, phrases=settings.phrases) for text in said):
        return "person"
    if settings.on_upset and any(is_upset(text) for text in said):
        return "upset"
    return None


def after_turn(
    counts: HandoffCounts, *, failed: bool, answered: bool, rules: HandoffRules
) -> tuple[HandoffCounts, HandoffReason | None]:
    """The counts after a turn, and why a human is wanted now; then they begin anew.

    Args:
        counts: after the turn before; those of a new conversation, or of one that a human gave
            back, are `HandoffCounts()`.
        failed: no reply could be written, and the person heard the fallback.
        answered: the reply did not say that it does not know. Means nothing when `failed`.
    """
    if failed:
        # It says nothing about what the assistant knows: unanswered turns stay in a row.
        counts = HandoffCounts(failures=counts.failures + 1, unanswered=counts.unanswered)
    else:
        counts = HandoffCounts(unanswered=0 if answered else counts.unanswered + 1)
    if not rules.enabled:
        return counts, None
    if rules.after_failures is not None and counts.failures >= rules.after_failures:
        return HandoffCounts(), "failures"
    if rules.after_unanswered is not None and counts.unanswered >= rules.after_unanswered:
        return HandoffCounts(), "unanswered"
    return counts, None
