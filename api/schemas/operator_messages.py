"""An operator's message in the API: what it says, by exactly one field."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas.base import Input, Integer, Reference
from contracts.outbound import (
    MOST_BUTTONS,
    MOST_ROWS,
    OUTBOUND_CONTENT,
    ButtonsContent,
    LinkButtonContent,
    ListContent,
    ListRow,
    ListSection,
    LocationRequestContent,
    MediaContent,
    OutboundContent,
    ReactionContent,
    ReplyButton,
    TemplateContent,
    TextContent,
)
from contracts.outbound_template import (
    LARGEST_AMOUNT,
    MOST_TEMPLATE_BUTTONS,
    CurrencyParameter,
    DateTimeParameter,
    FileParameter,
    QuickReplyButton,
    TextParameter,
    UrlButton,
)
from contracts.outbound_text import NOT_EMPTY, Emoji, TextBody

# Each of these is its content, and strict about fields that the content does not have. `Input`
# comes last because the configuration of the last base wins; JSON has lists and no tuples.


class MediaInput(MediaContent, Input):
    """A file, by an address that Meta can reach or by an id that Meta gave."""


class ReplyButtonInput(ReplyButton, Input):
    pass


class ButtonsInput(ButtonsContent, Input):
    """A question with up to three answers to tap."""

    options: Annotated[
        tuple[ReplyButtonInput, ...], NOT_EMPTY, Field(strict=False, max_length=MOST_BUTTONS)
    ]


class ListRowInput(ListRow, Input):
    pass


class ListSectionInput(ListSection, Input):
    rows: Annotated[tuple[ListRowInput, ...], NOT_EMPTY, Field(strict=False, max_length=MOST_ROWS)]


class ListInput(ListContent, Input):
    """A question with up to ten answers to pick from a list."""

    sections: Annotated[
        tuple[ListSectionInput, ...], NOT_EMPTY, Field(strict=False, max_length=MOST_ROWS)
    ]


class LinkButtonInput(LinkButtonContent, Input):
    """Words with one button that opens a page."""


class LocationRequestInput(LocationRequestContent, Input):
    """Words with a button by which the person sends where they are."""


_Index = Annotated[Integer, Field(ge=0, lt=MOST_TEMPLATE_BUTTONS)]


class TextParameterInput(TextParameter, Input):
    pass


class CurrencyParameterInput(CurrencyParameter, Input):
    amount_1000: Annotated[Integer, Field(ge=0, le=LARGEST_AMOUNT)]


class DateTimeParameterInput(DateTimeParameter, Input):
    pass


class FileParameterInput(FileParameter, Input):
    pass


class UrlButtonInput(UrlButton, Input):
    index: _Index


class QuickReplyButtonInput(QuickReplyButton, Input):
    index: _Index


_BodyParameter = Annotated[
    TextParameterInput | CurrencyParameterInput | DateTimeParameterInput,
    Field(discriminator="type"),
]
_HeaderParameter = Annotated[
    TextParameterInput | CurrencyParameterInput | DateTimeParameterInput | FileParameterInput,
    Field(discriminator="type"),
]
_TemplateButton = Annotated[UrlButtonInput | QuickReplyButtonInput, Field(discriminator="type")]


class TemplateInput(TemplateContent, Input):
    """A template that Meta has approved, and what stands in its placeholders, in their order."""

    header: _HeaderParameter | None = None
    body: Annotated[tuple[_BodyParameter, ...], Field(strict=False, max_length=100)] = ()
    buttons: Annotated[
        tuple[_TemplateButton, ...], Field(strict=False, max_length=MOST_TEMPLATE_BUTTONS)
    ] = ()


class ReactionInput(Input):
    """An emoji under a message; an empty one takes it back."""

    message_id: Reference = Field(description="Id of a message of the conversation.")
    emoji: Emoji


_Interactive = Annotated[
    ButtonsInput | ListInput | LinkButtonInput | LocationRequestInput, Field(discriminator="type")
]

KINDS = ("text", "media", "interactive", "template", "reaction")


class OperatorMessageCreate(Input):
    """Exactly one of `text`, `media`, `interactive`, `template` and `reaction`."""

    text: TextBody | None = None
    preview_url: bool = Field(
        default=False, description="Whether the first link of `text` is shown with a preview."
    )
    media: MediaInput | None = None
    interactive: _Interactive | None = None
    template: TemplateInput | None = Field(
        default=None, description="Goes out also after the service window has closed."
    )
    reaction: ReactionInput | None = None
    reply_to: Reference | None = Field(
        default=None, description="Id of the message of the conversation that this one quotes."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        named = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(named) != 1:
            listed = ", ".join(KINDS)
            raise PydanticCustomError(
                "one_kind", "exactly one of these is needed: {listed}", {"listed": listed}
            )
        if self.preview_url and self.text is None:
            raise PydanticCustomError("preview_url", "preview_url: only a text has one")
        if self.reply_to is not None and self.reaction is not None:
            raise PydanticCustomError("reply_to", "reply_to: a reaction cannot quote a message")
        return self


def content_of(body: OperatorMessageCreate, *, reacted_to: str | None = None) -> OutboundContent:
    """What is to be sent.

    Args:
        reacted_to: `whatsapp_message_id` of the message that `reaction` names.

    Raises:
        ValueError: a reaction to a message that WhatsApp does not know.
    """
    if body.text is not None:
        return TextContent(body=body.text, preview_url=body.preview_url)
    if body.reaction is not None:
        if reacted_to is None:
            raise ValueError("a reaction needs a message that WhatsApp knows")
        return ReactionContent(whatsapp_message_id=reacted_to, emoji=body.reaction.emoji)
    said = body.media or body.interactive or body.template
    if said is None:
        raise ValueError("a message that says nothing")
    return OUTBOUND_CONTENT.validate_python(said.model_dump())
