"""What may go out to a person, one model for each kind of message.

A content that exists is within Meta's limits (Cloud API, "Send messages" guides): whatever breaks
one is refused when it is made, with the field and the limit in the error. `reply_to`, the quoted
message, is no part of it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from contracts.model import Contract
from contracts.outbound_template import TemplateContent
from contracts.outbound_text import (
    LONGEST_BODY,
    LONGEST_TEXT,
    NOT_EMPTY,
    Body,
    Emoji,
    HttpsLink,
    Limit,
    Line20,
    Line24,
    Line60,
    MediaId,
    TextBody,
    WebLink,
)

__all__ = [
    "LONGEST_BODY",
    "LONGEST_TEXT",
    "MOST_BUTTONS",
    "MOST_ROWS",
    "OUTBOUND_CONTENT",
    "ButtonsContent",
    "LinkButtonContent",
    "ListContent",
    "ListRow",
    "ListSection",
    "LocationContent",
    "LocationRequestContent",
    "MediaContent",
    "OutboundContent",
    "ReactionContent",
    "ReplyButton",
    "TemplateContent",
    "TextContent",
]

MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10
"""Of all sections of a list together."""


class TextContent(Contract):
    """Words. The first link in them is previewed when `preview_url` says so."""

    type: Literal["text"] = "text"
    body: TextBody
    preview_url: bool = False


class MediaContent(Contract):
    """A file, by the address that Meta fetches it from or by the id that Meta gave it."""

    type: Literal["image", "video", "audio", "document", "sticker"]
    link: HttpsLink | None = None
    media_id: MediaId | None = None
    caption: Body | None = None
    """Of an image, a video or a document."""
    filename: Annotated[str, Limit(240, one_line=True)] | None = None
    """Of a document."""
    voice: bool = False
    """Of an audio in OGG with Opus: shown as a voice note."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> "MediaContent":
        if (self.link is None) == (self.media_id is None):
            raise _refusal("exactly one of link and media_id is needed")
        if self.caption is not None and self.type in ("audio", "sticker"):
            raise _refusal(f"caption: a message of type {self.type} has none")
        if self.filename is not None and self.type != "document":
            raise _refusal("filename: only a document has one")
        if self.voice and self.type != "audio":
            raise _refusal("voice: only an audio can be a voice note")
        return self


class ReplyButton(Contract):
    id: Annotated[str, Limit(256, one_line=True)]
    """Comes back as `choice_id` when the person taps it."""
    title: Line20


class ButtonsContent(Contract):
    """A question with up to three answers to tap."""

    type: Literal["buttons"] = "buttons"
    body: Body
    header: Line60 | None = None
    footer: Line60 | None = None
    options: Annotated[tuple[ReplyButton, ...], NOT_EMPTY, Field(max_length=MOST_BUTTONS)]

    @model_validator(mode="after")
    def _options_differ(self) -> "ButtonsContent":
        _differ("options", "ids", (option.id for option in self.options))
        _differ("options", "titles", (option.title for option in self.options))
        return self


class ListRow(Contract):
    id: Annotated[str, Limit(200, one_line=True)]
    title: Line24
    description: Annotated[str, Limit(72, one_line=True)] | None = None


class ListSection(Contract):
    title: Line24 | None = None
    rows: Annotated[tuple[ListRow, ...], NOT_EMPTY, Field(max_length=MOST_ROWS)]


class ListContent(Contract):
    """A question with up to ten answers to pick from a list, which a button opens."""

    type: Literal["list"] = "list"
    body: TextBody
    header: Line60 | None = None
    footer: Line60 | None = None
    button: Line20
    sections: Annotated[tuple[ListSection, ...], NOT_EMPTY, Field(max_length=MOST_ROWS)]

    @property
    def rows(self) -> tuple[ListRow, ...]:
        return tuple(row for section in self.sections for row in section.rows)

    @model_validator(mode="after")
    def _rows_fit(self) -> "ListContent":
        if len(self.rows) > MOST_ROWS:
            raise _refusal(
                f"sections: must have at most {MOST_ROWS} rows together; they have {len(self.rows)}"
            )
        if len(self.sections) > 1 and not all(section.title for section in self.sections):
            raise _refusal("sections: each needs a title when there are several")
        _differ("sections", "ids of rows", (row.id for row in self.rows))
        return self


class LinkButtonContent(Contract):
    """Words with one button that opens a page."""

    type: Literal["link_button"] = "link_button"
    body: Body
    header: Line60 | None = None
    footer: Line60 | None = None
    title: Line20
    """Of the button."""
    url: WebLink


class LocationRequestContent(Contract):
    """Words with a button by which the person sends where they are."""

    type: Literal["location_request"] = "location_request"
    body: Body


class LocationContent(Contract):
    """A place on the map."""

    type: Literal["location"] = "location"
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: Annotated[str, Limit(1000, one_line=True)] | None = None
    address: Annotated[str, Limit(1000, one_line=True)] | None = None


class ReactionContent(Contract):
    """An emoji under a message of the conversation; an empty one takes the reaction back."""

    type: Literal["reaction"] = "reaction"
    whatsapp_message_id: Annotated[str, Field(min_length=1, max_length=512)]
    emoji: Emoji


OutboundContent = Annotated[
    TextContent
    | MediaContent
    | ButtonsContent
    | ListContent
    | LinkButtonContent
    | LocationRequestContent
    | LocationContent
    | ReactionContent
    | TemplateContent,
    Field(discriminator="type"),
]
"""One message, by its `type`."""

OUTBOUND_CONTENT: Final[TypeAdapter[OutboundContent]] = TypeAdapter(OutboundContent)


def _differ(field: str, what: str, values: Iterable[Any]) -> None:
    listed = list(values)
    if len(set(listed)) < len(listed):
        raise _refusal(f"{field}: {what} must differ")


def _refusal(sentence: str) -> PydanticCustomError:
    """Begins with the field where the rule is about several."""
    return PydanticCustomError("outbound_content", "{sentence}", {"sentence": sentence})
