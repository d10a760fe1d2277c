"""Sources of the type `crawl`."""

from adapters.sources.items import (
    Fetched,
    ItemFailed,
    Known,
    Listed,
    Listing,
    NotFetched,
    SourceRefused,
    Writable,
)
from adapters.sources.pace import Pace
from adapters.sources.pages import fetch_page
from adapters.sources.web import PageGone, Website
from domain.web_addresses import Scope, host_of, normalized


class CrawlReader:
    """The pages that links lead to, from a first one on.

    A page is always fetched whole, for its links: whether it has changed, its text tells.
    """

    def __init__(
        self, website: Website, *, url: str, scope: Scope, most_depth: int, pace: Pace
    ) -> None:
        self._website = website
        self._url = url
        host = host_of(url)
        # Many sites answer at both, and send visitors from one to the other.
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        self._scope = scope._replace(hosts=scope.hosts | {host, other})
        self._most_depth = most_depth
        self._pace = pace

    async def list(self) -> Listing:
        if not await self._pace.robots.allows(self._url):
            raise SourceRefused("The website's robots.txt asks us not to read the first page.")
        return Listing([Listed(self._url, url=self._url)])

    async def fetch(
        self, item: Listed, known: Known | None, into: Writable
    ) -> Fetched | NotFetched:
        leaf = item.depth >= self._most_depth
        try:
            await self._pace.wait(item.key)
            found = await fetch_page(self._website, item.key, known if leaf else None, into)
        except PageGone as error:
            if item.depth == 0:
                raise
            return NotFetched("gone", str(error))
        if isinstance(found, NotFetched):
            return found
        fetched, said = found
        if said is None:
            return fetched
        links = () if leaf else self._wanted(said.links, item.depth + 1)
        elsewhere = self._elsewhere(item, normalized(fetched.url or ""), said.canonical)
        if elsewhere is not None:
            own = self._wanted((elsewhere,), item.depth)
            if item.depth == 0 and not own:
                raise ItemFailed(f"The first page is at {elsewhere} now: change the address.")
            return NotFetched("skipped", f"It is the same as {elsewhere}.", (*own, *links))
        if not said.may_be_indexed:
            return NotFetched("gone", "The page asks not to be indexed.", links)
        return Fetched(
            title=fetched.title,
            media_type=fetched.media_type,
            digest=fetched.digest,
            url=fetched.url,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            found=links,
        )

    def _elsewhere(self, item: Listed, landed: str | None, canonical: str | None) -> str | None:
        """Where the page is at home, if that is not here. A page that names a home outside of the
        crawl is kept: it would be lost otherwise."""
        if landed is not None and landed != item.key:
            return landed
        if canonical is not None and canonical != item.key and self._scope.may_follow(canonical):
            return canonical
        return None

    def _wanted(self, links: tuple[str, ...], depth: int) -> tuple[Listed, ...]:
        return tuple(
            Listed(link, url=link, depth=depth) for link in links if self._scope.may_follow(link)
        )
