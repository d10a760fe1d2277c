"""An answer as the messages that go out: text, and on the last of them what can be tapped."""

from typing import Final
from urllib.parse import urlsplit

import regex

from contracts.message_length import message_length
from contracts.outbound import (
    LONGEST_BODY,
    LONGEST_TEXT,
    MOST_BUTTONS,
    ButtonsContent,
    LinkButtonContent,
    ListContent,
    ListRow,
    ListSection,
    LocationRequestContent,
    OutboundContent,
    ReplyButton,
    TextContent,
)
from domain.answer import EmptyAnswerError
from domain.message_parts import split_message
from domain.plain_text import strip_hidden
from domain.source_line import SOURCE_MARK
from domain.tool_calls import ChoicesOffer, LinkOffer, LocationOffer, Offer, Option

BUTTON_TITLE: Final = 20
ROW_TITLE: Final = 24
ROW_DESCRIPTION: Final = 72

OPEN_LIST: Final = "☰"
"""On the button of a list to which the model gave no words: understood in every language."""

_GRAPHEME = regex.compile(r"\X")
_CUT_MARK: Final = "…"


def reply_contents(text: str, offer: Offer | None) -> list[OutboundContent]:
    """`text`, which is in WhatsApp's formatting, in as few messages as Meta allows.

    The offer goes with the last of them. Titles that are too long are cut; ids are `choice:1`,
    `choice:2`, … in the order of the options.

    Raises:
        EmptyAnswerError: nothing in the text can be seen.
    """
    text = strip_hidden(text).strip()
    if not text:
        raise EmptyAnswerError("nothing in the model's answer can be seen")
    if offer is None:
        return [TextContent(body=part) for part in split_message(text)]
    if isinstance(offer, ChoicesOffer) and not _fits_buttons(offer, text):
        before, body = _last_part(text, limit=LONGEST_TEXT)
    else:
        before, body = _last_part(text, limit=LONGEST_BODY)
    return [*(TextContent(body=part) for part in before), _offering(offer, body)]


def shortened(text: str, limit: int) -> str:
    """`text` within `limit`, cut between graphemes with a mark where it goes on."""
    if message_length(text) <= limit:
        return text
    kept, room = "", limit - message_length(_CUT_MARK)
    for match in _GRAPHEME.finditer(text):
        if message_length(kept + match.group()) > room:
            break
        kept += match.group()
    return kept.rstrip() + _CUT_MARK


def _offering(offer: Offer, body: str) -> OutboundContent:
    match offer:
        case ChoicesOffer() if _fits_buttons(offer, body):
            return _buttons(offer, body)
        case ChoicesOffer():
            return _list(offer, body)
        case LinkOffer(title=title, url=url):
            named = shortened(title or urlsplit(url).hostname or "", BUTTON_TITLE)
            return LinkButtonContent(body=body, title=named, url=url)
        case LocationOffer():
            return LocationRequestContent(body=body)


def _fits_buttons(offer: ChoicesOffer, body: str) -> bool:
    return (
        len(offer.options) <= MOST_BUTTONS
        and all(
            option.description is None and message_length(option.title) <= BUTTON_TITLE
            for option in offer.options
        )
        and message_length(body) <= LONGEST_BODY
    )


def _buttons(offer: ChoicesOffer, body: str) -> ButtonsContent:
    return ButtonsContent(
        body=body,
        options=tuple(
            ReplyButton(id=f"choice:{number}", title=option.title)
            for number, option in enumerate(offer.options, start=1)
        ),
    )


def _list(offer: ChoicesOffer, body: str) -> ListContent:
    rows = tuple(_row(number, option) for number, option in enumerate(offer.options, start=1))
    return ListContent(
        body=body,
        button=shortened(offer.button or OPEN_LIST, BUTTON_TITLE),
        sections=(ListSection(rows=rows),),
    )


def _row(number: int, option: Option) -> ListRow:
    """A title that is cut stands whole in front of its description, as far as there is room."""
    title, description = shortened(option.title, ROW_TITLE), option.description
    if title != option.title:
        description = f"{option.title}: {description}" if description else option.title
    return ListRow(
        id=f"choice:{number}",
        title=title,
        description=shortened(description, ROW_DESCRIPTION) if description else None,
    )


def _last_part(text: str, *, limit: int) -> tuple[list[str], str]:
    """`text` as texts of their own, and the part that fits beside an offer: its last paragraphs."""
    if message_length(text) <= limit:
        return [], text
    before, _, last = text.rpartition("\n\n")
    if last.startswith(SOURCE_MARK):
        before, _, question = before.rpartition("\n\n")
        last = f"{question}\n\n{last}"
    if before and message_length(last) <= limit:
        return split_message(before), last
    *parts, last = split_message(text, limit=limit)
    return parts, last
