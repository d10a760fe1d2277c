"""The types of sources, each as what it lists and how an item of it is fetched."""

import asyncio
import hashlib
import time
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
from adapters.sources.pages import fetch_page
from adapters.sources.robots import Robots
from adapters.sources.sitemap import read_sitemap
from adapters.sources.web import PageGone, Website
from domain.faq import FaqError, Pair, read_faq
from domain.web_addresses import Scope, host_of, normalized

MOST_FAQ_BYTES: Final = 20 * 1024 * 1024
MARKDOWN: Final = "text/markdown"
"""As uploads of text have it."""


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
        return Fetched(self._name, MARKDOWN, _sha256(self._text))


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
        return Fetched(pair.question[:200], MARKDOWN, _sha256(content), url=self._url)

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
        async with SpooledTemporaryFile[bytes](max_size=MOST_FAQ_BYTES) as file:
            try:
                await self._website.get(url, file, most_bytes=MOST_FAQ_BYTES)
            except ItemFailed as error:
                raise SourceFailed(str(error)) from None
            await file.seek(0)
            return (await file.read()).decode("utf-8", "replace")


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


class SitemapReader:
    """The pages that a website's sitemap names, as far as robots may read them."""

    def __init__(
        self, website: Website, *, url: str, scope: Scope, most_pages: int, pace: "Pace"
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


class CrawlReader:
    """The pages that links lead to, from a first one on.

    A page is always fetched whole, for its links: whether it has changed, its text tells.
    """

    def __init__(
        self, website: Website, *, url: str, scope: Scope, most_depth: int, pace: "Pace"
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


class Pace:
    """Keeps to what robots.txt says: what may be fetched, and how long a host is left alone."""

    def __init__(self, robots: Robots) -> None:
        self.robots = robots
        self._free: dict[str, float] = {}

    async def wait(self, url: str) -> None:
        """Until the page may be fetched; `ItemFailed` when it may not."""
        if not await self.robots.allows(url):
            raise ItemFailed("The website's robots.txt asks us not to read this page.")
        delay, host = await self.robots.delay(url), host_of(url)
        now = time.monotonic()
        free = max(now, self._free.get(host, 0))
        self._free[host] = free + delay
        await asyncio.sleep(free - now)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
