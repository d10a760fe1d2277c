"""What a model means by its tool calls. Whatever it wrote, the turn goes on.

Models cut JSON short, invent fields and call tools that they were not offered. What can be read is
used; of a call that cannot be carried out its words are kept, and the answer is text.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from contracts.outbound import MOST_ROWS
from contracts.outbound_text import WebLink
from domain.grounding import Grounds
from domain.model_tools import (
    HAND_OVER,
    OFFER_CHOICES,
    REQUEST_LOCATION,
    SAY_UNKNOWN,
    SEND_LINK,
    AssistantTools,
    ToolCall,
)
from domain.plain_text import strip_hidden


class _Offer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Option(_Offer):
    title: str
    description: str | None = None


class ChoicesOffer(_Offer):
    """Answers to tap: at least two, at most ten."""

    options: tuple[Option, ...]
    button: str | None = None
    """What opens the list, where it is one."""


class LocationOffer(_Offer):
    pass


class LinkOffer(_Offer):
    title: str
    url: str


Offer = ChoicesOffer | LocationOffer | LinkOffer


class ModelAnswer(BaseModel):
    """A model's answer: its words, and what goes with them."""

    model_config = ConfigDict(frozen=True)

    text: str
    """As the model wrote it, its tools' words included; may be empty."""
    offer: Offer | None = None
    handoff: bool = False
    answered: bool = True


def read_tool_calls(
    text: str, calls: Sequence[ToolCall], *, tools: AssistantTools, sources: Iterable[str]
) -> ModelAnswer:
    """`text` and `calls` as one answer; the first offer counts, and none beside a handoff.

    Args:
        text: what the model wrote beside its calls.
        tools: that it was offered; calls of others are ignored but for their words.
        sources: texts that links may come from.
    """
    text, offer = _without_imitated_choices(text, tools)
    handoff, answered = False, True
    for call in calls:
        arguments = _arguments(call.arguments)
        words = _string(arguments, "text" if call.name == SAY_UNKNOWN else "body")
        text = _joined(text, words)
        match call.name:
            case name if name == HAND_OVER:
                handoff = handoff or tools.handoff
            case name if name == SAY_UNKNOWN:
                answered = answered and not tools.unknown
            case name if name == OFFER_CHOICES:
                options = _options(arguments)
                if tools.choices and offer is None and 2 <= len(options) <= MOST_ROWS:
                    button = _string(arguments, "button") or None
                    offer = ChoicesOffer(options=options, button=button)
                else:
                    text = _joined(text, _listed(options))
            case name if name == REQUEST_LOCATION:
                offer = offer or (LocationOffer() if tools.location and text else None)
            case name if name == SEND_LINK:
                offer = offer or (_link(arguments, sources) if tools.links else None)
    if handoff and offer is not None:
        options = offer.options if isinstance(offer, ChoicesOffer) else ()
        return ModelAnswer(text=_joined(text, _listed(options)), handoff=True, answered=answered)
    return ModelAnswer(text=text, offer=offer, handoff=handoff, answered=answered)


def grounded_offer(offer: Offer, grounds: Grounds) -> Offer | None:
    """The offer without what nobody has told the model; None when less than an offer is left."""
    match offer:
        case ChoicesOffer(options=options, button=button):
            kept = tuple(
                option
                for option in options
                if not grounds.lacking(f"{option.title}\n{option.description or ''}")
            )
            if len(kept) < 2:
                return None
            button = button if button and not grounds.lacking(button) else None
            return ChoicesOffer(options=kept, button=button)
        case LinkOffer(title=title, url=url):
            return LinkOffer(title="" if grounds.lacking(title) else title, url=url)
        case LocationOffer():
            return offer


_IMITATED: Final = re.compile(r"^[ \t]*\[choice: (?P<title>[^\n]+?)\][ \t]*(?:\n|\Z)", re.MULTILINE)
"""How the transcript shows choices that were offered: models that see it write it themselves."""


def _without_imitated_choices(text: str, tools: AssistantTools) -> tuple[str, Offer | None]:
    options = _distinct(Option(title=match["title"]) for match in _IMITATED.finditer(text))
    rest = _IMITATED.sub("", text).strip()
    if not options:
        return text, None
    if tools.choices and 2 <= len(options) <= MOST_ROWS and rest:
        return rest, ChoicesOffer(options=options)
    return _joined(rest, _listed(options)), None


def _arguments(written: str) -> dict[str, Any]:
    """The object, as far as it goes when it was cut short; empty when there is none."""
    try:
        found = from_json(written or "{}", allow_partial="trailing-strings")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _string(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    return value.strip() if isinstance(value, str) else ""


def _joined(text: str, words: str) -> str:
    """Both, unless one says all of the other: models like to write the same in both places."""
    text, words = text.strip(), words.strip()
    if words in text:
        return text
    return words if text in words else f"{text}\n\n{words}"


def _options(arguments: dict[str, Any]) -> tuple[Option, ...]:
    listed = arguments.get("options")
    rows = listed if isinstance(listed, list) else []
    return _distinct(option for row in rows if (option := _option(row)) is not None)


def _option(row: Any) -> Option | None:
    if isinstance(row, str):
        row = {"title": row}
    if not isinstance(row, dict):
        return None
    title = _one_line(row.get("title"))
    return Option(title=title, description=_one_line(row.get("description"))) if title else None


def _one_line(value: Any) -> str | None:
    """Titles and descriptions are shown as they are: no Markdown, no line breaks."""
    if not isinstance(value, str):
        return None
    return " ".join(strip_hidden(value).replace("**", "").split()) or None


def _distinct(options: Iterable[Option]) -> tuple[Option, ...]:
    first: dict[str, Option] = {}
    for option in options:
        first.setdefault(option.title.casefold(), option)
    return tuple(first.values())


def _listed(options: Iterable[Option]) -> str:
    return "\n".join(
        f"- {option.title}: {option.description}" if option.description else f"- {option.title}"
        for option in options
    )


_WEB_LINK: Final = TypeAdapter(WebLink)
_LINKS: Final = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]()]+")


def _link(arguments: dict[str, Any], sources: Iterable[str]) -> LinkOffer | None:
    """The link, if one of the sources has it as a whole: a part of one may lead elsewhere."""
    url = _string(arguments, "url")
    try:
        _WEB_LINK.validate_python(url)
    except ValidationError:
        return None
    known = {found.rstrip(".,;:!?*_") for source in sources for found in _LINKS.findall(source)}
    if url not in known:
        return None
    return LinkOffer(title=_one_line(arguments.get("title")) or "", url=url)
