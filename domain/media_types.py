"""What a file is, by its first bytes, and whether that is what its message says.

Names and declared types are hints from strangers. WhatsApp's own formats and sizes: Meta, Cloud
API, media reference, "Supported media types".
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

MediaKind = Literal["image", "video", "audio", "document", "sticker"]
MEDIA_KINDS: Final[Mapping[str, MediaKind]] = {kind: kind for kind in get_args(MediaKind)}
"""Types of messages that bring a file."""

MEGABYTE: Final = 1024 * 1024
LARGEST: Final[Mapping[MediaKind, int]] = {
    "image": 5 * MEGABYTE,
    "audio": 16 * MEGABYTE,
    "video": 16 * MEGABYTE,
    "document": 100 * MEGABYTE,
    "sticker": 500 * 1024,
}
"""Bytes. A sticker's limit is that of animated ones."""

SNIFFED_BYTES: Final = 1024
"""Of the beginning of a file, all that is looked at."""

PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What vision models take (OpenAI, images and vision: and GIFs that do not move)."""

OCTET_STREAM: Final = "application/octet-stream"

_RENDERED: Final = frozenset(
    {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}
)
"""A browser would run what is in them: kept as bytes without a meaning."""

Container = Literal[
    "jpeg", "png", "webp", "gif", "pdf", "ogg", "mp3", "aac", "amr", "wav", "mp4", "3gp", "webm"
]

_TYPES: Final[Mapping[MediaKind, Mapping[Container, str]]] = {
    "image": {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"},
    "sticker": {"webp": "image/webp"},
    "audio": {
        "ogg": "audio/ogg", "mp3": "audio/mpeg", "aac": "audio/aac", "amr": "audio/amr",
        "wav": "audio/wav", "mp4": "audio/mp4", "3gp": "audio/3gpp", "webm": "audio/webm",
    },
    "video": {"mp4": "video/mp4", "3gp": "video/3gpp", "webm": "video/webm"},
}  # fmt: skip
_DOCUMENT_TYPES: Final[Mapping[Container, str]] = {
    **_TYPES["audio"], **_TYPES["video"], **_TYPES["image"],
    "gif": "image/gif", "pdf": "application/pdf",
}  # fmt: skip
"""Anything may be sent as a document; of these types it is told what it is."""

_FAMILY: Final[Mapping[str, frozenset[Container]]] = {
    "image": frozenset({"jpeg", "png", "webp", "gif"}),
    "audio": frozenset({"ogg", "mp3", "aac", "amr", "wav", "mp4", "3gp", "webm"}),
    "video": frozenset({"mp4", "3gp", "webm", "ogg"}),
}
"""Containers in which something of a top-level type may come."""


def true_type(start: bytes, *, kind: MediaKind, claimed: str | None) -> str | None:
    """The MIME type to keep; None when the bytes are not what the message says that they are.

    Args:
        start: the first `SNIFFED_BYTES` of the file, or all of it.
        kind: type of the message.
        claimed: MIME type that the message names, with or without parameters.
    """
    container = _container(start)
    if kind != "document":
        return None if container is None else _TYPES[kind].get(container)
    base = (claimed or "").partition(";")[0].strip().lower()
    family = base.partition("/")[0]
    if family in _FAMILY and container not in _FAMILY[family]:
        return None
    if (base == "application/pdf" and container != "pdf") or (
        family == "text" and container is not None
    ):
        return None
    if container is not None:
        return _DOCUMENT_TYPES[container]
    return OCTET_STREAM if not base or base in _RENDERED else base


def is_animated(start: bytes) -> bool:
    """Whether a WebP moves (its container specification, "Extended File Format": flag A)."""
    is_extended = _container(start) == "webp" and start[12:16] == b"VP8X" and len(start) > 20
    return is_extended and start[20] & 0x02 != 0


def _container(start: bytes) -> Container | None:
    for magic, container in _MAGIC:
        if start.startswith(magic):
            return container
    if start[:4] == b"RIFF":
        return _RIFF.get(start[8:12])
    if start[4:8] == b"ftyp":
        return "3gp" if start[8:10] == b"3g" else "mp4"
    if len(start) > 1 and start[0] == 0xFF:
        # MPEG frames: eleven bits of synchronisation, then version and layer.
        if start[1] & 0xF6 == 0xF0:
            return "aac"
        if start[1] & 0xE6 == 0xE2:
            return "mp3"
    return "pdf" if b"%PDF-" in start[:SNIFFED_BYTES] else None


_MAGIC: Final[tuple[tuple[bytes, Container], ...]] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"#!AMR", "amr"),
    (b"\x1aE\xdf\xa3", "webm"),
)
_RIFF: Final[Mapping[bytes, Container]] = {b"WEBP": "webp", b"WAVE": "wav"}
