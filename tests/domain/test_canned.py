"""What is said without a model."""

from typing import get_args

import pytest

from contracts.conversation import CannedKind
from domain.canned import canned_text

KINDS: tuple[CannedKind, ...] = get_args(CannedKind)


@pytest.mark.parametrize("language", ["en", "es", "de", "fr", "pt", "sv"])
def test_each_language_has_a_text_of_its_own_for_everything(language: str) -> None:
    texts = [canned_text(kind, language=language) for kind in KINDS]
    assert len(set(texts)) == len(KINDS)
    if language != "en":
        assert not set(texts) & {canned_text(kind, language="en") for kind in KINDS}


@pytest.mark.parametrize(
    ("language", "like"), [("pt-BR", "pt"), ("de_AT", "de"), ("xx", "en"), (None, "en")]
)
def test_a_region_speaks_its_language_and_the_unknown_english(
    language: str | None, like: str
) -> None:
    for kind in KINDS:
        assert canned_text(kind, language=language) == canned_text(kind, language=like)
