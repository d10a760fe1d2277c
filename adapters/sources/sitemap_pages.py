"""Sources of the type `sitemap`."""

from adapters.sources.items import (
    Fetched,
    Known,
    Listed,
    Listing,
    NotFetched,
    SourceRefused,
    Writable,
)
from adapters.sources.pace import Pace
from adapters.sources.pages import fetch_page
from adapters.sources.sitemap import read_sitemap
from adapters.sources.web import PageGone, Website
from domain.web_addresses import Scope


class SitemapReader:
    """The pages that a website's sitemap names, as far as robots may read them."""

    def __init__(
        self, website: Website, *, url: str, scope: Scope, most_pages: int, pace: Pace
    ) -> None:
        self._website = website
        self._url = url
        self._scope = scope
        self._most_pages = most_pages
        self._pace = pace

    async def list(self) -> Listing:
        pages, complete = await read_sitemap(self._website, self._url, most_pages=self._most_pages)
        items = [Listed(page, url=page) for page in pages if self._scope.holds(page)]
        if pages and not items:
            raise SourceRefused("No page of the sitemap is within the paths of this source.")
        note = None if complete else f"The sitemap has more than {self._most_pages:,} pages."
        return Listing(items, complete, note)

    async def fetch(
        self, item: Listed, known: Known | None, into: Writable
    ) -> Fetched | NotFetched:
        try:
            await self._pace.wait(item.key)
            found = await fetch_page(self._website, item.key, known, into)
        except PageGone as error:
            return NotFetched("gone", str(error))
        if isinstance(found, NotFetched):
            return found
        fetched, said = found
        if said is not None and not said.may_be_indexed:
            return NotFetched("gone", "The page asks not to be indexed.")
        return fetched
