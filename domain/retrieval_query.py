"""What to search for in a turn.

"And on Sunday?" finds nothing by itself: it leans on what was asked before. The rule here needs no
word list and so works in any language; it errs towards searching twice, because a needless second
query costs milliseconds and a missing one costs the answer. A rewrite of the follow-up by the
language model is the stronger replacement: it takes the same inputs and yields the same
`RetrievalQuery`.
"""

from collections.abc import Sequence

import regex
from pydantic import BaseModel, ConfigDict

from domain.plain_text import strip_hidden
from domain.transcript import Utterance

MOST_PASSAGES = 8
"""Found passages of a turn: about what a prompt has room for."""

MAX_FOLLOW_UP_WORDS = 9
"""A longer message states what it is about; follow-ups among the demo's questions have up to 6."""

MAX_PREVIOUS_MESSAGES = 2
"""Messages of the person that a follow-up may lean on; older ones drag in other subjects."""

MAX_QUERY_LENGTH = 1_000
"""Characters: what lies beyond 512 tokens the embedding model does not see anyway."""

# Scripts that write no spaces: about two characters make a word.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]{1,2}"
    r"|[\p{L}\p{M}\p{N}]+(?:['\u2019.,:-][\p{L}\p{M}\p{N}]+)*"
)


class RetrievalQuery(BaseModel):
    """What to search for. With `contextual` set, search both and fuse: best rank of either counts.

    `text` is empty when the messages hold no word (an emoji, a thumbs-up): nothing to search for.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    contextual: str | None = None

    @property
    def queries(self) -> list[str]:
        """The distinct queries to run, most self-contained first."""
        return [query for query in (self.text, self.contextual) if query]


def retrieval_query(texts: Sequence[str], *, history: Sequence[Utterance]) -> RetrievalQuery:
    """The queries of a turn: the current messages, and for a follow-up joined to earlier ones.

    Args:
        texts: the messages being answered, oldest first.
        history: what was said before them, oldest first.
    """
    current = _joined(texts)
    words = len(_WORD.findall(current))
    if not words:
        return RetrievalQuery(text="")
    previous = [
        text
        for utterance in history
        if utterance.sender == "user"
        and utterance.kind == "message"
        and _WORD.search(text := _joined([utterance.text]))
    ][-MAX_PREVIOUS_MESSAGES:]
    if not previous or words > MAX_FOLLOW_UP_WORDS:
        return RetrievalQuery(text=current[-MAX_QUERY_LENGTH:])
    # The nearer question says more; one that is itself a fragment borrows from the one before it.
    nearest_is_fragment = len(_WORD.findall(previous[-1])) <= MAX_FOLLOW_UP_WORDS // 2
    context = previous if nearest_is_fragment else previous[-1:]
    contextual = " ".join([*context, current])
    return RetrievalQuery(text=current, contextual=contextual[-MAX_QUERY_LENGTH:])


def _joined(texts: Sequence[str]) -> str:
    return " ".join(" ".join(strip_hidden(text) for text in texts).split())
