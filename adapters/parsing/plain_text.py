"""Plain text and Markdown, and what is removed from any text because a reader would not see it."""

import re
import unicodedata
from typing import BinaryIO, Final

from adapters.parsing.decoding import decoded
from adapters.parsing.document import ParsedDocument, UnsupportedDocument
from adapters.parsing.sniffing import SUPPORTED
from domain.plain_text import strip_hidden

_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

_JOINERS: Final = "\u200c\u200d"
"""Zero-width, yet part of the spelling of Persian, Hindi and emoji. `strip_hidden` judges them."""

_VARIATION_SELECTOR_SUPPLEMENT: Final = range(0xE0100, 0xE01F0)
_TAGS: Final = range(0xE0000, 0xE0080)


def parse_text(file: BinaryIO) -> ParsedDocument:
    """The text of a file in whatever encoding; `UnsupportedDocument` when it is not text."""
    return ParsedDocument(text=visible(decoded_text(file)).strip("\n"))


def decoded_text(file: BinaryIO) -> str:
    """The file's text as it is; `UnsupportedDocument` when it is not text."""
    text = decoded(file.read())
    if text is None:
        raise UnsupportedDocument(f"This does not seem to be a text document. {SUPPORTED}")
    return text


def visible(text: str) -> str:
    """The text without characters that are not seen: control, zero-width, direction, tag, private.

    They carry instructions past a reviewer's eye, break words in a search index, and PostgreSQL
    refuses NUL. Line ends become line feeds, exotic spaces plain ones.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    if text.isascii():
        return _CONTROL.sub("", text)
    return strip_hidden(text.translate(_VISIBLE))


class _Visible(dict[int, str]):
    """What each code point becomes, looked up once."""

    def __missing__(self, code: int) -> str:
        self[code] = _visible(chr(code))
        return self[code]


_VISIBLE: Final = _Visible()


def _visible(character: str) -> str:
    if character in "\n\t" or character in _JOINERS:
        return character
    match unicodedata.category(character):
        case "Zs":
            return " "
        case "Cc" | "Cf" | "Cs" | "Co" | "Cn":
            return ""
        case "Mn" if ord(character) in _VARIATION_SELECTOR_SUPPLEMENT or ord(character) in _TAGS:
            return ""
        case _:
            return character
