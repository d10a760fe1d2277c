"""Sources of the type `url`."""

from adapters.sources.items import Fetched, Known, Listed, Listing, NotFetched, Writable
from adapters.sources.pages import fetch_page
from adapters.sources.web import Website


class UrlReader:
    """One page or file, named by its owner: robots.txt is for robots that find pages themselves."""

    def __init__(self, website: Website, *, url: str, name: str) -> None:
        self._website = website
        self._url = url
        self._name = name

    async def list(self) -> Listing:
        return Listing([Listed(self._url, title=self._name, url=self._url)])

    async def fetch(
        self, _item: Listed, known: Known | None, into: Writable, /
    ) -> Fetched | NotFetched:
        # 404 is a failure like any: of a source's only page, a mistake is likelier than the truth.
        found = await fetch_page(self._website, self._url, known, into, title=self._name)
        return found if isinstance(found, NotFetched) else found[0]
