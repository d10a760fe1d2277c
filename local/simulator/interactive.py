"""Interactive messages a business may send, with Meta's limits per kind."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

LOOSELY_CHECKED = frozenset({
    "flow", "location_request_message", "address_message", "product", "product_list",
    "catalog_message", "carousel", "call_permission_request", "request_contact_info",
    "order_details", "order_status",
})  # fmt: skip
"""Kinds whose inside is not checked; a text body may be missing in some of them."""

MOST_ROWS = 10


class Part(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class ShortBody(Part):
    text: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class LongBody(Part):
    text: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Footer(Part):
    text: Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Header(Part):
    type: Annotated[str, StringConstraints(pattern="^(text|image|video|document)$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None

    @model_validator(mode="after")
    def _has_its_content(self) -> "Header":
        extra = self.model_extra or {}
        content = self.text if self.type == "text" else extra.get(self.type)
        if content is None:
            raise ValueError(f"a header of type {self.type} needs its {self.type}")
        return self


class TextHeader(Part):
    type: Annotated[str, StringConstraints(pattern="^text$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Reply(Part):
    id: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=20)]


class ReplyButton(Part):
    type: Annotated[str, StringConstraints(pattern="^reply$")]
    reply: Reply


class ButtonAction(Part):
    buttons: Annotated[list[ReplyButton], Field(min_length=1, max_length=3)]

    @model_validator(mode="after")
    def _differ(self) -> "ButtonAction":
        for values in (
            [button.reply.title for button in self.buttons],
            [button.reply.id for button in self.buttons],
        ):
            if len(set(values)) < len(values):
                raise ValueError("titles and ids of buttons must be unique")
        return self


class Row(Part):
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=24)]
    description: Annotated[str, StringConstraints(max_length=72)] | None = None


class Section(Part):
    title: Annotated[str, StringConstraints(max_length=24)] | None = None
    rows: Annotated[list[Row], Field(min_length=1)]


class ListAction(Part):
    button: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    sections: Annotated[list[Section], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _rows(self) -> "ListAction":
        rows = [row for section in self.sections for row in section.rows]
        if len(rows) > MOST_ROWS:
            raise ValueError(f"total row count must be at most {MOST_ROWS}")
        if len({row.id for row in rows}) < len(rows):
            raise ValueError("ids of rows must be unique")
        if len(self.sections) > 1 and not all(section.title for section in self.sections):
            raise ValueError("a section needs a title when there are several")
        return self


class CallToActionParameters(Part):
    display_text: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    url: Annotated[str, StringConstraints(pattern=r"^(?i:https?)://\S", max_length=2000)]


class CallToAction(Part):
    name: Annotated[str, StringConstraints(pattern="^cta_url$")]
    parameters: CallToActionParameters


class ButtonMessage(Part):
    header: Header | None = None
    body: ShortBody
    footer: Footer | None = None
    action: ButtonAction


class ListMessage(Part):
    header: TextHeader | None = None
    body: LongBody
    footer: Footer | None = None
    action: ListAction


class CallToActionMessage(Part):
    header: Header | None = None
    body: ShortBody
    footer: Footer | None = None
    action: CallToAction


class LooseMessage(Part):
    action: dict[str, Any]


SHAPES: dict[str, type[Part]] = {
    "button": ButtonMessage,
    "list": ListMessage,
    "cta_url": CallToActionMessage,
} | dict.fromkeys(LOOSELY_CHECKED, LooseMessage)


class Interactive(Part):
    """Any interactive message; the rules of its `type` apply to the whole object."""

    type: str

    @model_validator(mode="after")
    def _fits_its_shape(self) -> "Interactive":
        shape = SHAPES.get(self.type)
        if shape is None:
            raise ValueError(f"type must be one of {', '.join(sorted(SHAPES))}")
        try:
            shape.model_validate(self.model_extra or {})
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise PydanticCustomError(
                "interactive",
                "{place}: {reason}",
                {"place": place, "reason": problem["msg"].removeprefix("Value error, ")},
            ) from None
        return self
