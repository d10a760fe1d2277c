"""Questions without an answer, as they are kept: without what identifies somebody, and alike when
they differ in case, punctuation and white space only."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import regex

from contracts.ids import KnowledgeBaseId, QuestionId
from domain.plain_text import strip_hidden
from domain.wording import words_only

KEPT: Final = timedelta(days=90)
LONGEST: Final = 300
"""Characters: a longer message is a letter, and its beginning says what about."""
LEAST_WORDS: Final = 2

_MASKS: Final = (
    (regex.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (regex.compile(r"(?:[a-zA-Z][\w+.-]{1,20}://|www\.)\S+"), "[link]"),
    (regex.compile(r"(?<!\w)@\w+"), "[name]"),
    # Five digits: telephone numbers, cards, orders, dates of birth; not "size 42" or "€19.50".
    (regex.compile(r"\w*\d(?:[ \u00a0().\/\u2010-\u2013-]{0,3}\w?\d){4,}\w*"), "[number]"),
)


def kept_words(texts: Sequence[str]) -> str | None:
    """What is kept of a question, or None when it says too little to be one.

    Names and addresses in words cannot be told from a question's other words, and stay.

    Args:
        texts: the messages that were not answered, in order.
    """
    said = " ".join(" ".join(strip_hidden(text) for text in texts).split())
    for pattern, mask in _MASKS:
        said = pattern.sub(mask, said)
    if len(said) > LONGEST:
        said = said[:LONGEST].rpartition(" ")[0] or said[:LONGEST]
    return said if len(words_only(said).split()) >= LEAST_WORDS else None


def looks_like_a_question(texts: Sequence[str]) -> bool:
    """Whether somebody wants to know something, in whatever language: greetings and thanks find
    nothing either. Precise rather than complete: many leave the mark out."""
    return any(regex.search("[?\uff1f\u061f\u037e]", text) for text in texts)


def question_id(knowledge_base_id: KnowledgeBaseId, words: str) -> QuestionId:
    """Of a question, as it is kept, in a knowledge base."""
    alike = f"{knowledge_base_id}:{words_only(words)}"
    return QuestionId(f"unq_{hashlib.sha256(alike.encode()).hexdigest()[:40]}")
