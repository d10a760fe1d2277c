"""Makes the reader of a source, as its row says."""

from typing import TYPE_CHECKING, Final

from adapters.guarded_http import GuardedHttp
from adapters.objects.objects import Objects
from adapters.postgres.tables import Source
from adapters.sources.crawl import CrawlReader
from adapters.sources.faq import FaqReader
from adapters.sources.items import SourceReader, SourceRefused
from adapters.sources.pace import Pace
from adapters.sources.robots import Robots
from adapters.sources.s3 import BucketRefused, S3Reader, check_bucket
from adapters.sources.sitemap_pages import SitemapReader
from adapters.sources.text import TextReader
from adapters.sources.url import UrlReader
from adapters.sources.web import Website
from domain.web_addresses import Scope, normalized
from settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

MOST_PAGES: Final = 10_000


class Readers:
    """Opens sources of every type."""

    def __init__(
        self, settings: Settings, *, http: GuardedHttp, objects: Objects, s3: "S3Client"
    ) -> None:
        self._settings = settings
        self._website = Website(http)
        self._objects = objects
        self._s3 = s3

    async def open(self, source: Source) -> SourceReader:
        """
        Raises:
            SourceRefused: it may no longer be read, or what was handed in is not there any more.
        """
        match source.type:
            case "text":
                return TextReader(await self._content(source), name=source.name)
            case "faq":
                url = source.settings.get("url")
                text = None if url else (await self._content(source)).decode()
                return FaqReader(text, website=self._website, url=url)
            case "url":
                return UrlReader(self._website, url=_address(source), name=source.name)
            case "sitemap":
                return SitemapReader(
                    self._website,
                    url=_address(source),
                    scope=_scope(source),
                    most_pages=source.settings.get("max_pages", MOST_PAGES),
                    pace=self._pace(),
                )
            case "crawl":
                return CrawlReader(
                    self._website,
                    url=_address(source),
                    scope=_scope(source),
                    most_depth=source.settings["max_depth"],
                    pace=self._pace(),
                )
            case _:
                return self._bucket(source)

    def _bucket(self, source: Source) -> S3Reader:
        bucket, prefix = source.settings["bucket"], source.settings["prefix"]
        try:
            # Again: what is open may have changed since the source was made.
            check_bucket(
                self._settings,
                organization_id=source.organization_id,
                bucket=bucket,
                prefix=prefix,
            )
        except BucketRefused as error:
            raise SourceRefused(f"The bucket cannot be read: {error}.") from None
        return S3Reader(self._s3, bucket=bucket, prefix=prefix)

    def _pace(self) -> Pace:
        return Pace(Robots(self._website))

    async def _content(self, source: Source) -> bytes:
        sha256 = source.content_sha256
        content = sha256 and await self._objects.get(source.organization_id, sha256)
        if not content:
            raise SourceRefused("What was handed in is no longer there: hand it in again.")
        return content


def _address(source: Source) -> str:
    url: str = source.settings["url"]
    return normalized(url) or url


def _scope(source: Source) -> Scope:
    return Scope(
        hosts=frozenset(source.settings.get("allowed_hosts", ())),
        include=source.settings.get("include_paths", ()),
        exclude=source.settings.get("exclude_paths", ()),
    )
