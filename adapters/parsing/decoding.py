"""Finds out in which encoding a text is, and decodes it."""

import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

SAMPLE_BYTES: Final = 256 * 1024
"""From which an encoding is guessed; the guess is then tried on the whole."""

_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_LEAST_WIDE: Final = 16
_WIDE: Final = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")

_MAX_CONTROL_SHARE: Final = 0.01
"""Text has hardly any control characters but line ends and tabs; binary data is full of them."""

_STRAYS: Final = 3
"""Control characters that even a short text may hold."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+")
_LETTER: Final = re.compile(rb"[A-Za-z]")
_LATIN: Final = ("cp1252", "cp1250", "cp1254", "cp1257", "cp850", "mac_roman")

_LEGACY_SLIPS: Final = 0.001
"""Share of bytes that an otherwise fitting code page may not know: they are replaced."""


def decoded(content: bytes, *, declared: str | None = None) -> str | None:
    """The text, or `None` when it is not text.

    Args:
        declared: the encoding that the file itself names, believed when it fits and nothing proves
            another one.
    """
    text = _decoded(content, declared)
    if text is None or len(_CONTROL.findall(text)) > _STRAYS + len(text) * _MAX_CONTROL_SHARE:
        return None
    return text


def _decoded(content: bytes, declared: str | None) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if b"\x00" in content and len(content) >= _LEAST_WIDE and (text := _wide(content)) is not None:
        return text
    if (text := _try(content, "utf-8")) is not None:
        return text
    if (text := _broken_utf8(content)) is not None:
        return text
    if declared and (text := _try(content, declared)) is not None:
        return text
    return _legacy(content)


def _wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte-order mark, told by what its characters are."""
    sample = content[: SAMPLE_BYTES // 16 * 16]
    best, encoding = max((_likeness(sample, encoding), encoding) for encoding in _WIDE)
    if best < _LIKE_TEXT:
        return None
    width = 4 if "32" in encoding else 2
    return _try(content[: len(content) // width * width], encoding)


_LIKE_TEXT: Final = 0.9
_PLAIN: Final = " \n\r\t,.;:0123456789\u3001\u3002\uff0c"


def _likeness(sample: bytes, encoding: str) -> float:
    """Share of letters, digits, marks and plain punctuation; in the wrong byte order it is low.

    The wrong order of a Latin text gives Chinese letters, so that plain blanks count twice.
    """
    width = 4 if "32" in encoding else 2
    text = _try(sample[: len(sample) // width * width], encoding)
    if not text:
        return 0.0
    plain = sum(1 for character in text if character in _PLAIN)
    known = sum(1 for character in text if unicodedata.category(character)[0] in "LMNPSZ")
    breaks = sum(1 for character in text if character in "\n\r\t")
    return (known + breaks) / len(text) + min(plain / len(text), 0.2) - 0.1


def _broken_utf8(content: bytes) -> str | None:
    """UTF-8 that was cut in a character or patched with something else, in a few places."""
    text = content.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(1 for character in text if character > "\x7f") - broken
    return text.rstrip("\ufffd") if broken * 10 <= whole else None


def _legacy(content: bytes) -> str | None:
    sample = _whole_lines(content[:SAMPLE_BYTES])
    # Short texts fit many code pages. Accents among Latin letters are no Chinese and no Cyrillic,
    # whose words have hardly any Latin letters.
    words = b"".join(word for word in _WORD.findall(sample) if not word.isascii())
    accents = len(_LETTER.findall(words)) >= len(words) / 2
    guesses = from_bytes(sample, cp_isolation=list(_LATIN) if accents else None)
    best = guesses.best()
    if best is None:
        return None
    # Short texts fit several code pages alike; the western one is by far the most common then.
    western = any(guess.encoding == "cp1252" and guess.chaos <= best.chaos for guess in guesses)
    encoding = "cp1252" if western else best.encoding
    if (text := _try(content, encoding)) is not None:
        return text
    text = content.decode(encoding, errors="replace")
    return text if text.count("\ufffd") <= len(text) * _LEGACY_SLIPS else None


def _whole_lines(sample: bytes) -> bytes:
    """Without the last line when there are several: the cut may be within a character."""
    end = sample.rfind(b"\n")
    return sample[: end + 1] if len(sample) == SAMPLE_BYTES and end > 0 else sample


def _try(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None
