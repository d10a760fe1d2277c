"""Plain BM25 as a baseline: what any search engine would find by words."""

import logging
from collections.abc import Mapping, Sequence

import bm25s
import regex

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
"""With marks: `\\w` cuts words of Indic scripts and combining accents in pieces."""


def words(text: str) -> list[str]:
    """The words of any script, in small letters."""
    return [word.casefold() for word in _WORD.findall(text)]


class Bm25:
    """An index of some passages, with the usual constants (k1 = 1.5, b = 0.75)."""

    def __init__(self, tokens: Mapping[str, Sequence[str]]) -> None:
        """
        Args:
            tokens: of each passage, by its id.
        """
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it asks for DEBUG when imported
        self._ids = list(tokens)
        self._index = bm25s.BM25()
        self._index.index([list(tokens[id_]) for id_ in self._ids], show_progress=False)

    def scores(self, query: Sequence[str]) -> dict[str, float]:
        """Of the passages that share a word with the query."""
        if not query:
            return {}
        found = self._index.get_scores(list(query))
        return {id_: float(score) for id_, score in zip(self._ids, found, strict=True) if score > 0}
