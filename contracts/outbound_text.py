"""Texts and links of outbound messages: what Meta's limits ask of each."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from contracts.message_length import message_length

LONGEST_TEXT: Final = 4096
"""Of the body of a text or a list (Meta, Cloud API, "Text messages", "Interactive list")."""

LONGEST_BODY: Final = 1024
"""Of the body of every other interactive message, and of a caption ("Interactive reply buttons
messages", "Image messages")."""

LONGEST_EMOJI: Final = 32
"""In UTF-16: a family of four with skin tones has 19."""

Item = TypeVar("Item")

_BLOCKED: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that no message needs; U+0000 no store keeps."""


class _Rule:
    """What a text must be, told to Pydantic by an annotation."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, text: str) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Limit(_Rule):
    """A text that shows something, of at most `longest` characters, counted as `message_length`."""

    longest: int
    one_line: bool = False
    """Titles, headers and footers stand on one line."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "minLength": 1, "maxLength": self.longest}

    def _checked(self, text: str) -> str:
        if not text.strip():
            raise PydanticCustomError("blank", "must not be blank")
        length = message_length(text)
        if length > self.longest:
            raise PydanticCustomError(
                "too_long",
                "must be at most {limit} characters long (in UTF-16); it has {length}",
                {"limit": self.longest, "length": length},
            )
        if _BLOCKED.search(text):
            raise PydanticCustomError("control_character", "must not hold control characters")
        if self.one_line and len(text.splitlines()) > 1:
            raise PydanticCustomError("several_lines", "must be on one line")
        return text


@dataclass(frozen=True)
class Url(_Rule):
    """An absolute address of at most `longest` characters, without user or password in it."""

    longest: int
    schemes: tuple[str, ...]

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        pattern = f"^({'|'.join(self.schemes)})://"
        return {**handler(schema), "format": "uri", "pattern": pattern, "maxLength": self.longest}

    def _checked(self, text: str) -> str:
        if message_length(text) > self.longest:
            raise PydanticCustomError(
                "too_long", "must be at most {limit} characters long", {"limit": self.longest}
            )
        named = " or ".join(self.schemes)
        refusal = PydanticCustomError(
            "url", "must be an address with {schemes}", {"schemes": named}
        )
        try:
            parts = urlsplit(text)
            hostname = parts.hostname
        except ValueError:
            raise refusal from None
        spaced = any(character.isspace() or character < " " for character in text)
        if parts.scheme not in self.schemes or not hostname or spaced or "@" in parts.netloc:
            raise refusal
        return text


HttpsLink = Annotated[
    str, Url(2048, ("https",)), Field(examples=["https://files.example.com/menu.pdf"])
]
"""Where Meta fetches a file from."""
WebLink = Annotated[
    str, Url(2000, ("https", "http")), Field(examples=["https://shop.example.com/pay"])
]
"""What a person opens by a tap."""
MediaId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]
"""Meta's id of an uploaded file; it lives 30 days."""


def _an_emoji(text: str) -> str:
    letters = any(character.isalpha() or character.isspace() for character in text)
    if letters or (text and text.isascii()) or message_length(text) > LONGEST_EMOJI:
        raise PydanticCustomError("emoji", "must be one emoji, or empty to take the reaction back")
    return text


Emoji = Annotated[str, AfterValidator(_an_emoji), Field(examples=["👍"])]


def _some(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise PydanticCustomError("empty", "must have at least 1 item")
    return items


NOT_EMPTY: Final = AfterValidator(_some)
"""Pydantic's own minimum also counts items that were refused, and reports two errors for one."""

TextBody = Annotated[str, Limit(LONGEST_TEXT)]
Body = Annotated[str, Limit(LONGEST_BODY)]
Line60 = Annotated[str, Limit(60, one_line=True)]
"""A header or a footer."""
Line24 = Annotated[str, Limit(24, one_line=True)]
Line20 = Annotated[str, Limit(20, one_line=True)]
