"""What of the model's raw answer reaches the person: citations checked and put in words."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from domain.grounded_answer import without_ungrounded
from domain.grounding import Claim, Grounds
from domain.plain_text import strip_hidden
from domain.prompt import Passage
from domain.source_line import Source, with_source_line, without_source_line


class EmptyAnswerError(ValueError):
    """The model answered with nothing that could be sent."""


class UngroundedAnswerError(ValueError):
    """Nothing of the answer is left that somebody has told the model.

    Attributes:
        claims: what nobody has.
    """

    def __init__(self, claims: tuple[Claim, ...]) -> None:
        super().__init__("nothing in the model's answer has a ground")
        self.claims = claims


class Answer(BaseModel):
    """An answer as Markdown, ready for `to_whatsapp`, and what it cites, first cited first.

    Markers like [1] mean nothing on a phone: they are taken out of `text`, which ends with one
    line naming the cited documents instead.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    cited_passage_ids: list[str]
    left_out: tuple[Claim, ...] = ()
    """Claims without a ground; the sentences that made them are not in `text`."""


def read_answer(
    raw: str,
    *,
    passages: Sequence[Passage],
    grounds: Grounds | None = None,
    language: str | None = None,
) -> Answer:
    """The answer in `raw`, citing only passages that the model was shown.

    Args:
        raw: what the model wrote.
        passages: those of the prompt, in its order: marker [n] is `passages[n-1]`.
        grounds: what links and figures may come from; None: they are not looked at.
        language: of the word for pages.

    Raises:
        EmptyAnswerError: nothing is left to send.
        UngroundedAnswerError: sentences had to be left out, and no other one has a source.
    """
    text = without_source_line(without_reasoning(raw))
    left_out: tuple[Claim, ...] = ()
    if grounds is not None:
        kept = without_ungrounded(text, grounds=grounds)
        text, left_out = kept.text, kept.left_out
    cited: list[int] = []

    def take_out(match: re.Match[str]) -> str:
        if match.group("code"):
            return match.group()
        numbers = match.group("numbers") or match.group("lenticular")
        cited.extend(int(number) for number in _NUMBER.findall(numbers))
        return ""

    body = _MARKER.sub(take_out, text).strip()
    known = [passages[n - 1] for n in dict.fromkeys(cited) if 1 <= n <= len(passages)]
    if left_out and not known:
        raise UngroundedAnswerError(left_out)
    if not any(character.isalnum() for character in body) and not _has_symbol(body):
        raise EmptyAnswerError("the model's answer is empty")
    sources = [Source(passage.title, page=passage.page) for passage in known]
    return Answer(
        text=with_source_line(body, sources=sources, language=language),
        cited_passage_ids=[passage.id for passage in known],
        left_out=left_out,
    )


def without_reasoning(raw: str) -> str:
    """What the model wrote, without what it thought aloud and what nobody can see."""
    return _REASONING.sub("", strip_hidden(raw))


# Reasoning models behind compatible servers put their thinking in front of the answer.
_REASONING = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)

# Markers as models write them: [1], [1, 2], [^1], 【1】, [1](link); code keeps its brackets.
_MARKER = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
    r"|(?:(?<![ \t])[ \t]+)?"
    r"(?:\[\^?(?P<numbers>\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\](?:\([^()\s]*\))?"
    r"|【(?P<lenticular>\d{1,3})[^】]*】)",
    re.DOTALL,
)
_NUMBER = re.compile(r"\d+")


def _has_symbol(text: str) -> bool:
    """A lone emoji is an answer, lone punctuation is not."""
    return any(ord(character) > 0x2100 for character in text)
