"""A message by a template that Meta has approved: the only kind that goes out at any time."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.model import Contract
from contracts.outbound_text import LONGEST_BODY, HttpsLink, Limit, MediaId

MOST_TEMPLATE_BUTTONS: Final = 10
"""Meta, Cloud API, "Template components"."""

LARGEST_AMOUNT: Final = 2**53 - 1
"""What every reader of JSON keeps exactly (RFC 8259, section 6)."""

_WIDE_SPACE: Final = re.compile(r"[\n\r\t]| {5,}")


def _in_one_flow(text: str) -> str:
    """Meta refuses the others: "Param text cannot have new-line/tab characters or more than 4
    consecutive spaces"."""
    if _WIDE_SPACE.search(text):
        raise PydanticCustomError(
            "template_parameter",
            "must not hold line breaks, tabs or more than 4 spaces in a row",
        )
    return text


ParameterText = Annotated[str, Limit(LONGEST_BODY, one_line=True), AfterValidator(_in_one_flow)]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$", examples=["first_name"])]


class TextParameter(Contract):
    type: Literal["text"] = "text"
    text: ParameterText
    name: ParameterName | None = None
    """Of the placeholder, where the template has names and no numbers."""


class CurrencyParameter(Contract):
    """An amount, shown as the person's phone writes amounts."""

    type: Literal["currency"] = "currency"
    fallback: ParameterText
    """Where the phone cannot."""
    code: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
    """ISO 4217."""
    amount_1000: Annotated[int, Field(ge=0, le=LARGEST_AMOUNT)]
    """The amount times 1,000."""
    name: ParameterName | None = None


class DateTimeParameter(Contract):
    type: Literal["date_time"] = "date_time"
    fallback: ParameterText
    """The date in words: phones show nothing else."""
    name: ParameterName | None = None


class FileParameter(Contract):
    """The file in a header."""

    type: Literal["image", "video", "document"]
    link: HttpsLink | None = None
    media_id: MediaId | None = None
    filename: Annotated[str, Limit(240, one_line=True)] | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> "FileParameter":
        if (self.link is None) == (self.media_id is None):
            raise PydanticCustomError("one_source", "exactly one of link and media_id is needed")
        if self.filename is not None and self.type != "document":
            raise PydanticCustomError("filename", "filename: only a document has one")
        return self


BodyParameter = Annotated[
    TextParameter | CurrencyParameter | DateTimeParameter, Field(discriminator="type")
]
HeaderParameter = Annotated[
    TextParameter | CurrencyParameter | DateTimeParameter | FileParameter,
    Field(discriminator="type"),
]


class UrlButton(Contract):
    """What the address of a button ends with."""

    type: Literal["url"] = "url"
    index: Annotated[int, Field(ge=0, lt=MOST_TEMPLATE_BUTTONS)]
    text: Annotated[str, Limit(2000, one_line=True)]


class QuickReplyButton(Contract):
    """What comes back when the person taps a button."""

    type: Literal["quick_reply"] = "quick_reply"
    index: Annotated[int, Field(ge=0, lt=MOST_TEMPLATE_BUTTONS)]
    payload: Annotated[str, Limit(128, one_line=True)]
    """Providers document 128 or 256 characters, Meta's guide none: the shorter fits everywhere."""


TemplateButton = Annotated[UrlButton | QuickReplyButton, Field(discriminator="type")]


class TemplateContent(Contract):
    """An approved template and what stands in its placeholders, in their order."""

    type: Literal["template"] = "template"
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$", examples=["order_ready"])]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$", examples=["en_US"])]
    """As Meta writes it: `en`, `en_US`, `pt_BR`."""
    header: HeaderParameter | None = None
    body: Annotated[tuple[BodyParameter, ...], Field(max_length=100)] = ()
    buttons: Annotated[tuple[TemplateButton, ...], Field(max_length=MOST_TEMPLATE_BUTTONS)] = ()

    @model_validator(mode="after")
    def _parameters_fit(self) -> "TemplateContent":
        indexes = [button.index for button in self.buttons]
        if len(set(indexes)) < len(indexes):
            raise PydanticCustomError("buttons", "buttons: their indexes must differ")
        if len({parameter.name is None for parameter in self.body}) > 1:
            raise PydanticCustomError("body", "body: either all parameters have a name or none")
        return self


def template_of(stored: object) -> TemplateContent | None:
    """A template as it was stored; None for nothing, and for what today's limits refuse."""
    if stored is None:
        return None
    try:
        return TemplateContent.model_validate(stored)
    except ValidationError:
        return None
