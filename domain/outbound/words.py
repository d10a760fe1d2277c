"""An outbound message in words: for the transcript, and for a model that reads it.

What is no words of the message itself stands in square brackets, as it does for inbound messages.
"""

from typing import Literal

from contracts.outbound import (
    ButtonsContent,
    LinkButtonContent,
    ListContent,
    ListRow,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    OutboundContent,
    ReactionContent,
    TemplateContent,
    TextContent,
)
from contracts.outbound_template import FileParameter, HeaderParameter, TextParameter

OutboundType = Literal[
    "text", "image", "video", "audio", "document", "sticker", "location", "interactive",
    "reaction", "template",
]  # fmt: skip
"""Meta's own names."""


def message_type_of(content: OutboundContent) -> OutboundType:
    """Meta's name for the kind of message that `content` is."""
    if isinstance(
        content, ButtonsContent | ListContent | LinkButtonContent | LocationRequestContent
    ):
        return "interactive"
    return content.type


def words_of(content: OutboundContent) -> str:
    """The message as it stands in the transcript; never empty.

    Choices follow their question, one a line: whoever reads the answer sees what it answers.
    """
    match content:
        case TextContent(body=body):
            return body
        case MediaContent():
            return _media(content)
        case ButtonsContent(options=options):
            return _framed(content, *(f"[choice: {option.title}]" for option in options))
        case ListContent():
            return _framed(content, *map(_row, content.rows))
        case LinkButtonContent(title=title, url=url):
            return _framed(content, f"[link: {title} {url}]")
        case LocationRequestContent(body=body):
            return f"{body}\n[asked for the location]"
        case LocationContent():
            return _location(content)
        case ReactionContent(emoji=emoji):
            return f"[reaction: {emoji}]" if emoji else "[reaction removed]"
        case TemplateContent():
            return _template(content)


def _media(content: MediaContent) -> str:
    name = "voice note" if content.voice else content.type
    shown = f"[{name}: {content.filename}]" if content.filename else f"[{name}]"
    return f"{shown} {content.caption}" if content.caption else shown


def _framed(content: ButtonsContent | ListContent | LinkButtonContent, *lines: str) -> str:
    parts = (content.header, content.body, content.footer, *lines)
    return "\n".join(part for part in parts if part)


def _row(row: ListRow) -> str:
    return (
        f"[choice: {row.title}: {row.description}]" if row.description else f"[choice: {row.title}]"
    )


def _location(content: LocationContent) -> str:
    named = [content.name, content.address, f"{content.latitude:.6f}, {content.longitude:.6f}"]
    return f"[location: {'; '.join(part for part in named if part)}]"


def _template(content: TemplateContent) -> str:
    header = () if content.header is None else (content.header,)
    filled = ", ".join(_parameter(parameter) for parameter in (*header, *content.body))
    return f"[template: {content.name} ({filled})]" if filled else f"[template: {content.name}]"


def _parameter(parameter: HeaderParameter) -> str:
    match parameter:
        case TextParameter(text=text):
            return text
        case FileParameter():
            return parameter.filename or parameter.type
        case _:
            return parameter.fallback
