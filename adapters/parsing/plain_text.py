"""Decodes text of any encoding, and removes from any text what a reader would not see."""

import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

from adapters.parsing.document import ParsedDocument, UnsupportedDocument
from adapters.parsing.sniffing import SUPPORTED

_DETECTION_SAMPLE: Final = 256 * 1024
"""Bytes from which an encoding is guessed; the guess is then tried on the whole."""

_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_MAX_CONTROL_SHARE: Final = 0.01
"""Text has hardly any control characters but line ends and tabs; binary data is full of them."""

_STRAYS: Final = 3
"""Control characters that even a short text may hold."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

_JOINERS: Final = "\u200c\u200d"
"""Zero-width, yet part of the spelling of Persian, Hindi and emoji: they hide nothing."""

_VARIATION_SELECTOR_SUPPLEMENT: Final = range(0xE0100, 0xE01F0)
_TAGS: Final = range(0xE0000, 0xE0080)


def parse_text(content: bytes) -> ParsedDocument:
    """The text of a file in whatever encoding; `UnsupportedDocument` when it is not text."""
    text = _decoded(content)
    if text is None or len(_CONTROL.findall(text)) > _STRAYS + len(text) * _MAX_CONTROL_SHARE:
        raise UnsupportedDocument(f"This does not seem to be a text document. {SUPPORTED}")
    return ParsedDocument(text=visible(text).strip("\n"))


def visible(text: str) -> str:
    """The text without characters that are not seen: control, zero-width, direction, tag, private.

    They carry instructions past a reviewer's eye, break words in a search index, and PostgreSQL
    refuses NUL. Line ends become line feeds, exotic spaces plain ones.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    if text.isascii():
        return _CONTROL.sub("", text)
    return "".join(_visible(character) for character in text)


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


def _decoded(content: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _try(content, encoding)
    if (text := _try(content, "utf-8")) is not None:
        return text
    guesses = from_bytes(content[:_DETECTION_SAMPLE])
    best = guesses.best()
    if best is None:
        return None
    # Short texts fit several code pages alike; the western one is by far the most common then.
    western = any(guess.encoding == "cp1252" and guess.chaos <= best.chaos for guess in guesses)
    return _try(content, "cp1252" if western else best.encoding)


def _try(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
