"""How files that people send are spoken of in the transcript, and so to the model.

What was said goes behind a mark in brackets: `[voice note] how late are you open`. What could not
be understood says so, and why: `[voice note that could not be played: it is too large]`.
"""

import re
from enum import StrEnum
from typing import Final

from contracts.conversation import MediaReference
from domain.media_types import MediaKind


class MediaProblem(StrEnum):
    """Why a file could not be had or understood."""

    GONE = "gone"
    TOO_LARGE = "too_large"
    WRONG_TYPE = "wrong_type"
    DAMAGED = "damaged"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOBODY_LISTENS = "nobody_listens"
    NOTHING_HEARD = "nothing_heard"
    PROTECTED = "protected"
    UNSUPPORTED = "unsupported"
    EMPTY = "empty"
    SCANNED = "scanned"
    MOVES = "moves"
    NO_EYES = "no_eyes"


_BECAUSE: Final[dict[MediaProblem, str]] = {
    MediaProblem.GONE: "it is no longer there",
    MediaProblem.TOO_LARGE: "it is too large",
    MediaProblem.WRONG_TYPE: "it is not what it claims to be",
    MediaProblem.DAMAGED: "it is damaged",
    MediaProblem.REFUSED: "it could not be fetched",
    MediaProblem.UNREACHABLE: "it could not be fetched yet",
    MediaProblem.NOBODY_LISTENS: "recordings cannot be listened to here",
    MediaProblem.NOTHING_HEARD: "no words were heard in it",
    MediaProblem.PROTECTED: "it is protected with a password",
    MediaProblem.UNSUPPORTED: "files of its kind are not read here",
    MediaProblem.EMPTY: "it has no text",
    MediaProblem.SCANNED: "it was scanned and has no text",
    MediaProblem.MOVES: "moving pictures are not looked at here",
    MediaProblem.NO_EYES: "pictures are not looked at here",
}

_DONE_TO: Final[dict[MediaKind, str]] = {
    "image": "looked at",
    "sticker": "looked at",
    "audio": "played",
    "video": "watched",
    "document": "read",
}

_MARK: Final = re.compile(
    r"\A\[(?:image|video|audio|voice note|document|sticker|animated sticker)\b[^\]]*\]\s*"
)


def understood(kind: MediaKind, media: MediaReference, *, said: str | None) -> str:
    """With what was said in it or beside it: a transcript, a caption, or nothing."""
    return _joined(f"[{_name(kind, media)}]", said)


def not_understood(
    kind: MediaKind,
    media: MediaReference,
    *,
    problem: MediaProblem | None = None,
    caption: str | None,
) -> str:
    """A placeholder that says what is missing, and why where that is known."""
    because = f": {_BECAUSE[problem]}" if problem is not None else ""
    name = _name(kind, media)
    return _joined(f"[{name} that could not be {_DONE_TO[kind]}{because}]", caption)


def not_yet_understood(kind: MediaKind, media: MediaReference, *, caption: str | None) -> str:
    """The placeholder until it is known, which stays if it never is."""
    return _joined(f"[{_name(kind, media)} that could not be {_DONE_TO[kind]} yet]", caption)


def caption_of(text: str | None, media: MediaReference) -> str | None:
    """What the person wrote beside a file, of a message whose text may be nothing but a mark."""
    text = (text or "").strip()
    # A file's name may hold the bracket that ends the mark.
    if media.filename and text.startswith(f"[document: {media.filename}]"):
        text = text.removeprefix(f"[document: {media.filename}]")
    return _MARK.sub("", text).strip() or None


def _name(kind: MediaKind, media: MediaReference) -> str:
    if kind == "audio" and media.voice:
        return "voice note"
    if kind == "sticker" and media.animated:
        return "animated sticker"
    name = " ".join(re.sub(r"[\[\]]", " ", media.filename or "").split())
    return f"{kind}: {name}" if name else kind


def _joined(mark: str, words: str | None) -> str:
    return f"{mark} {words}" if words else mark
