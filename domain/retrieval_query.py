"""What to search for in a turn.

"And on Sunday?" finds nothing by itself: it leans on what was asked before. A short message is
also searched together with it, in any language and without a word list: of the demo's 22 follow-ups
the passage with the answer is among the first three for 3 alone and for 20 together; when a short
message begins another subject, it costs one in thirty its place among the first eight. A longer
message that leans back, by its first words, would drown the earlier question: there that question
is searched for itself, whose vector is remembered from its own turn (7 of 8 such follow-ups in six
languages among the first eight, none in any other way).

No model rewrites the question: it would cost the person a second before anything is looked up.
"""

from collections.abc import Sequence
from typing import Final

import regex
from pydantic import BaseModel, ConfigDict

from domain.plain_text import strip_hidden
from domain.transcript import Utterance

MOST_PASSAGES = 8
"""Found passages of a turn: about what a prompt has room for."""

MAX_FOLLOW_UP_WORDS = 9
"""A longer message states what it is about; follow-ups among the demo's questions have up to 6."""

MAX_LEANING_WORDS = 30
"""What is longer than this says what it is about, however it begins."""

MAX_PREVIOUS_MESSAGES = 2
"""Messages of the person that a follow-up may lean on; older ones drag in other subjects."""

MAX_QUERY_LENGTH = 1_000
"""Characters: what lies beyond 512 tokens the embedding model does not see anyway."""

# Scripts that write no spaces: about two characters make a word.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]{1,2}"
    r"|[\p{L}\p{M}\p{N}]+(?:['\u2019.,:-][\p{L}\p{M}\p{N}]+)*"
)


_CONTINUING: Final = frozenset(
    ("and", "or", "but", "also", "then", "y", "e", "o", "u", "pero", "también", "entonces", "und",
     "oder", "aber", "auch", "dann", "et", "ou", "mais", "aussi", "alors", "mas", "também", "então",
     "och", "eller", "men", "också", "då")
)  # fmt: skip
"""Among the first words, they continue what was said: "ok, and …"."""
FIRST_WORDS: Final = 3
_POINTING_BACK: Final = frozenset(
    ("that", "them", "those", "eso", "esto", "dafür", "davon", "damit", "dazu", "ça", "cela",
     "celui", "celle", "isso", "isto", "detta")
)  # fmt: skip
"""Among the words near the beginning, they mean what was named before. Those that are articles too,
or stand for nothing ("how much does it cost"), are left out."""
NEAR_WORDS: Final = 6


class RetrievalQuery(BaseModel):
    """What to search for: every query, of which the best counts for each passage.

    `text` is empty when the messages hold no word (an emoji, a thumbs-up): nothing to search for.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    contextual: str | None = None
    """A short message together with what it may lean on."""
    previous: str | None = None
    """What a longer one leans on."""

    @property
    def queries(self) -> list[str]:
        """The distinct queries to run, most self-contained first."""
        return [query for query in (self.text, self.contextual, self.previous) if query]


def retrieval_query(texts: Sequence[str], *, history: Sequence[Utterance]) -> RetrievalQuery:
    """The queries of a turn: the current messages, and what they lean on.

    Args:
        texts: the messages being answered, oldest first.
        history: what was said before them, oldest first.
    """
    current = _joined(texts)
    words = _WORD.findall(current.casefold())
    if not words:
        return RetrievalQuery(text="")
    previous = [
        text
        for utterance in history
        if utterance.sender == "user"
        and utterance.kind == "message"
        and _WORD.search(text := _joined([utterance.text]))
    ][-MAX_PREVIOUS_MESSAGES:]
    if not previous or len(words) > MAX_FOLLOW_UP_WORDS:
        leans = bool(previous) and _leans_back(words)
        return RetrievalQuery(
            text=current[-MAX_QUERY_LENGTH:],
            previous=previous[-1][-MAX_QUERY_LENGTH:] if leans else None,
        )
    # The nearer question says more; one that is itself a fragment borrows from the one before it.
    nearest_is_fragment = len(_WORD.findall(previous[-1])) <= MAX_FOLLOW_UP_WORDS // 2
    context = previous if nearest_is_fragment else previous[-1:]
    contextual = " ".join([*context, current])
    return RetrievalQuery(text=current, contextual=contextual[-MAX_QUERY_LENGTH:])


def _leans_back(words: Sequence[str]) -> bool:
    return len(words) <= MAX_LEANING_WORDS and (
        not _CONTINUING.isdisjoint(words[:FIRST_WORDS])
        or not _POINTING_BACK.isdisjoint(words[:NEAR_WORDS])
    )


def _joined(texts: Sequence[str]) -> str:
    return " ".join(" ".join(strip_hidden(text) for text in texts).split())
