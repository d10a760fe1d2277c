"""What stands in the transcript for a file."""

import pytest

from contracts.conversation import MediaReference
from domain.media_types import MediaKind
from domain.media_words import MediaProblem, caption_of, not_understood, understood

FILE = MediaReference(media_id="1")
VOICE = MediaReference(media_id="1", voice=True)
PRICES = MediaReference(media_id="1", filename="prices [2026].pdf")


@pytest.mark.parametrize(
    ("kind", "media", "said", "text"),
    [
        ("audio", VOICE, "how late are you open", "[voice note] how late are you open"),
        ("audio", FILE, "la la", "[audio] la la"),
        ("image", FILE, "this one", "[image] this one"),
        ("image", FILE, None, "[image]"),
        ("document", PRICES, None, "[document: prices 2026 .pdf]"),
        ("sticker", MediaReference(media_id="1", animated=True), None, "[animated sticker]"),
    ],
)
def test_what_was_said_stands_behind_a_mark(
    kind: MediaKind, media: MediaReference, said: str | None, text: str
) -> None:
    assert understood(kind, media, said=said) == text


def test_what_was_not_understood_says_why() -> None:
    assert (
        not_understood("audio", VOICE, problem=MediaProblem.TOO_LARGE, caption=None)
        == "[voice note that could not be played: it is too large]"
    )
    assert not_understood("video", FILE, caption="look") == "[video that could not be watched] look"


@pytest.mark.parametrize("problem", MediaProblem)
@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
def test_every_reason_has_its_words(problem: MediaProblem, kind: MediaKind) -> None:
    text = not_understood(kind, FILE, problem=problem, caption="and this")
    assert text.startswith(f"[{kind} that could not be ")
    assert caption_of(text, FILE) == "and this"


@pytest.mark.parametrize(
    ("text", "media", "caption"),
    [
        ("[image]", FILE, None),
        ("[voice note]", VOICE, None),
        ("[document: prices [2026].pdf]", PRICES, None),
        ("[document: prices 2026 .pdf] is it still true?", PRICES, "is it still true?"),
        ("[animated sticker]", FILE, None),
        ("is this yours?", FILE, "is this yours?"),
        ("[sic] is this yours?", FILE, "[sic] is this yours?"),
        ("", FILE, None),
        (None, FILE, None),
    ],
)
def test_a_caption_is_told_from_a_mark(
    text: str | None, media: MediaReference, caption: str | None
) -> None:
    assert caption_of(text, media) == caption
