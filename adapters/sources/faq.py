"""Sources of the type `faq`."""

from typing import Final

from anyio import SpooledTemporaryFile

from adapters.sources.items import (
    Fetched,
    ItemFailed,
    Known,
    Listed,
    Listing,
    NotFetched,
    SourceFailed,
    SourceRefused,
    Writable,
)
from adapters.sources.pages import MARKDOWN, hash_of
from adapters.sources.web import Website
from domain.faq import FaqError, Pair, read_faq

MOST_BYTES: Final = 20 * 1024 * 1024


class FaqReader:
    """Questions with answers, handed in or at an address: each pair is a document of its own.

    So the question is the document's title, which is embedded with its answer and is what a
    citation names; and a change of one answer embeds that answer alone.
    """

    def __init__(self, text: str | None, *, website: Website, url: str | None) -> None:
        """
        Args:
            text: what was handed in.
            url: where to get it instead.
        """
        self._text = text
        self._website = website
        self._url = url
        self._pairs: dict[str, Pair] | None = None

    async def list(self) -> Listing:
        pairs = await self._read()
        return Listing(
            [Listed(key, title=pair.question[:200], url=self._url) for key, pair in pairs.items()]
        )

    async def fetch(
        self, item: Listed, _known: Known | None, into: Writable, /
    ) -> Fetched | NotFetched:
        pair = (await self._read()).get(item.key)
        if pair is None:
            return NotFetched("gone", "The question is no longer there.")
        content = pair.markdown().encode()
        await into.write(content)
        return Fetched(pair.question[:200], MARKDOWN, hash_of(content), url=self._url)

    async def _read(self) -> dict[str, Pair]:
        if self._pairs is None:
            text = self._text if self._url is None else await self._downloaded(self._url)
            try:
                pairs = read_faq(text or "")
            except FaqError as error:
                raise SourceRefused(str(error)) from None
            self._pairs = {pair.key: pair for pair in pairs}
        return self._pairs

    async def _downloaded(self, url: str) -> str:
        async with SpooledTemporaryFile[bytes](max_size=MOST_BYTES) as file:
            try:
                await self._website.get(url, file, most_bytes=MOST_BYTES)
            except ItemFailed as error:
                raise SourceFailed(str(error)) from None
            await file.seek(0)
            return (await file.read()).decode("utf-8", "replace")
