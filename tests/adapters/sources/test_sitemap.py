"""Sitemaps are read whole or not at all."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.guarded_http import GuardedHttp
from adapters.sources import sitemap
from adapters.sources.items import SourceFailed
from adapters.sources.sitemap import parse_sitemap, read_sitemap
from adapters.sources.web import Website
from tests.http_server import serving

URL = "https://shop.example/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*places: str) -> bytes:
    entries = "".join(f"<url><loc>{one}</loc></url>" for one in places)
    return f"<urlset {NAMESPACE}>{entries}</urlset>".encode()


def index(*places: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{one}</loc></sitemap>" for one in places)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>".encode()


@asynccontextmanager
async def answering(files: dict[str, bytes]) -> AsyncIterator[tuple[Website, str]]:
    """A website with these files, and what reads it."""

    async def answer(request: Request) -> Response:
        body = files.get(request.url.path)
        return Response("no", 404) if body is None else Response(body)

    async with (
        serving(Starlette(routes=[Route("/{path:path}", answer)])) as url,
        GuardedHttp(allow_private=True) as http,
    ):
        yield Website(http), url


def test_only_pages_are_taken_from_a_sitemap() -> None:
    content = (
        f'<?xml version="1.0"?><urlset {NAMESPACE} xmlns:image="http://www.google.com/x">'
        "<url><loc> https://shop.example/a?x=1&amp;y=2 </loc><lastmod>2026</lastmod>"
        "<image:image><image:loc>https://shop.example/a.png</image:loc></image:image></url>"
        "<url><loc>/b</loc></url><url><loc>mailto:x@y</loc></url></urlset>"
    )
    found = parse_sitemap(content.encode(), url=URL)
    assert found.pages == ["https://shop.example/a?x=1&y=2", "https://shop.example/b"]
    assert found.sitemaps == []


def test_a_list_of_lines_is_a_sitemap() -> None:
    content = b"\xef\xbb\xbfhttps://shop.example/a\r\nhttps://shop.example/b\n"
    pages = parse_sitemap(content.removeprefix(b"\xef\xbb\xbf"), url=URL).pages
    assert pages == ["https://shop.example/a", "https://shop.example/b"]


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    b"<urlset><url><loc>&b;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    "content",
    [
        urlset("https://shop.example/a")[:-12], b"<html><body>Maintenance</body></html>", b"Sorry!",
        b"<urlset", BOMB, gzip.compress(urlset("https://shop.example/a"))[:-9],
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><urlset/>', b"\xff\xfe\x00",
    ],
    ids=["cut off", "a page", "a word", "a beginning", "entities", "cut off and packed",
         "a file of ours", "bytes"],
)  # fmt: skip
async def test_what_is_no_whole_sitemap_is_none(content: bytes) -> None:
    async with answering({"/sitemap.xml": content}) as (website, url):
        with pytest.raises(SourceFailed, match="sitemap"):
            await read_sitemap(website, f"{url}/sitemap.xml", most_pages=100)


async def test_an_index_leads_to_more_of_them_packed_or_not() -> None:
    files: dict[str, bytes] = {}
    async with answering(files) as (website, url):
        files |= {
            "/sitemap.xml": index(f"{url}/one.xml", f"{url}/two.xml.gz", f"{url}/sitemap.xml"),
            "/one.xml": urlset(f"{url}/a", f"{url}/b"),
            "/two.xml.gz": gzip.compress(index(f"{url}/three.xml")),
            "/three.xml": urlset(f"{url}/b", f"{url}/c"),
        }
        found = await read_sitemap(website, f"{url}/sitemap.xml", most_pages=100)
        assert found == ([f"{url}/a", f"{url}/b", f"{url}/c"], True)
        found = await read_sitemap(website, f"{url}/sitemap.xml", most_pages=2)
        assert found == ([f"{url}/a", f"{url}/b"], False)
        # One of them is missing: what the others have is not all.
        del files["/three.xml"]
        with pytest.raises(SourceFailed, match=r"three\.xml"):
            await read_sitemap(website, f"{url}/sitemap.xml", most_pages=100)


async def test_sitemaps_without_end_are_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MOST_BYTES", 100_000)
    files: dict[str, bytes] = {}
    async with answering(files) as (website, url):
        for number in range(9):
            files[f"/{number}.xml"] = index(f"{url}/{number + 1}.xml")
        with pytest.raises(SourceFailed, match="nested"):
            await read_sitemap(website, f"{url}/0.xml", most_pages=100)
        files["/0.xml"] = gzip.compress(urlset() + b" " * 200_000)
        with pytest.raises(SourceFailed, match="sitemap"):
            await read_sitemap(website, f"{url}/0.xml", most_pages=100)
