"""Sources of the type `text`."""

from adapters.sources.items import Fetched, Known, Listed, Listing, NotFetched, Writable
from adapters.sources.pages import MARKDOWN, hash_of


class TextReader:
    """A text that was handed in: one document."""

    def __init__(self, text: bytes, *, name: str) -> None:
        self._text = text
        self._name = name

    async def list(self) -> Listing:
        return Listing([Listed("text", title=self._name)])

    async def fetch(
        self, _item: Listed, _known: Known | None, into: Writable, /
    ) -> Fetched | NotFetched:
        await into.write(self._text)
        return Fetched(self._name, MARKDOWN, hash_of(self._text))
