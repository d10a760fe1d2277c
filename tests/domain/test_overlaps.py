"""Passages that say the same, and neighbours that overlap."""

from dataclasses import dataclass

from contracts.ids import DocumentId
from domain.overlaps import distinct, without_overlaps

DOCUMENT = "One. Two. Three. Four. Five."


@dataclass(frozen=True)
class Piece:
    document_id: DocumentId
    text: str
    start_offset: int
    end_offset: int


def piece(start: int, end: int, *, of: str = "doc_1") -> Piece:
    return Piece(DocumentId(of), DOCUMENT[start:end], start, end)


def test_a_text_that_a_better_passage_has_is_left_out() -> None:
    whole, part, other = piece(0, 28), piece(5, 16), piece(5, 16, of="doc_2")
    assert list(distinct([whole, part, other])) == [whole]
    assert list(distinct([part, whole, other])) == [part, whole]


def test_words_that_only_begin_alike_are_others() -> None:
    short, long = (
        Piece(DocumentId("d"), text, 0, len(text)) for text in ("Open at ten", "Open at tenpin")
    )
    assert list(distinct([long, short])) == [long, short]


def test_a_neighbour_shows_only_what_is_new() -> None:
    first, second = piece(0, 16), piece(10, 28)
    assert without_overlaps([first, second]) == ["One. Two. Three.", " Four. Five."]
    assert without_overlaps([second, first]) == ["Three. Four. Five.", "One. Two. "]


def test_between_two_neighbours_the_middle_is_left() -> None:
    texts = without_overlaps([piece(0, 9), piece(17, 28), piece(5, 22)])
    assert texts == ["One. Two.", "Four. Five.", " Three. "]


def test_other_documents_and_changed_texts_are_left_as_they_are() -> None:
    changed = Piece(DocumentId("doc_1"), "Two", 5, 16)
    texts = without_overlaps([piece(0, 16), piece(10, 28, of="doc_2"), changed])
    assert texts == ["One. Two. Three.", "Three. Four. Five.", "Two"]
