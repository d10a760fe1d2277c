"""Sitemaps: the addresses that a website names itself (sitemaps.org, protocol 0.9)."""

import asyncio
import zlib
from typing import Final, NamedTuple
from xml.etree.ElementTree import ParseError

from anyio import SpooledTemporaryFile
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.sources.items import ItemFailed, SourceFailed
from adapters.sources.web import Website
from domain.web_addresses import normalized

MOST_BYTES: Final = 50 * 1024 * 1024
"""The protocol's own limit of a file, unpacked."""
MOST_FILES: Final = 500
DEEPEST: Final = 3


class SitemapFile(NamedTuple):
    pages: list[str]
    sitemaps: list[str]


async def read_sitemap(website: Website, url: str, *, most_pages: int) -> tuple[list[str], bool]:
    """All addresses that the sitemap and those that it leads to have, and whether that is all.

    Raises:
        SourceFailed: one of them cannot be read whole. What the others have is no answer then.
    """
    waiting, seen, pages = [(url, 0)], {url}, dict[str, None]()
    while waiting:
        current, depth = waiting.pop(0)
        found = await _file(website, current)
        pages |= dict.fromkeys(found.pages)
        if len(pages) > most_pages:
            return list(pages)[:most_pages], False
        for sitemap in found.sitemaps:
            if sitemap in seen:
                continue
            if depth == DEEPEST or len(seen) == MOST_FILES:
                raise SourceFailed(
                    f"The sitemap leads to more than {MOST_FILES} others, or is nested more than "
                    f"{DEEPEST} levels deep."
                )
            seen.add(sitemap)
            waiting.append((sitemap, depth + 1))
    return list(pages), True


async def _file(website: Website, url: str) -> SitemapFile:
    async with SpooledTemporaryFile[bytes](max_size=MOST_BYTES) as file:
        try:
            await website.get(url, file, most_bytes=MOST_BYTES)
        except ItemFailed as error:
            raise SourceFailed(f"The sitemap at {url} cannot be read. {error}") from None
        await file.seek(0)
        content = await file.read()
    try:
        return await asyncio.to_thread(parse_sitemap, content, url=url)
    except (ParseError, DefusedXmlException, zlib.error, ValueError, EOFError):
        raise SourceFailed(f"What is at {url} is no sitemap, or only a part of one.") from None


def parse_sitemap(content: bytes, *, url: str) -> SitemapFile:
    """A sitemap, an index of sitemaps, or a text file with an address a line; packed or not.

    Raises:
        ParseError, DefusedXmlException, zlib.error, ValueError, EOFError: it is none.
    """
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(content)
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = content.decode("utf-8").split()
        if any(not line.startswith(("http://", "https://")) for line in lines):
            raise ValueError("not a list of addresses")
        return SitemapFile(_addresses(lines, url), [])
    root = fromstring(content, forbid_dtd=True)
    kind = root.tag.rpartition("}")[2]
    if kind not in ("urlset", "sitemapindex"):
        raise ValueError("not a sitemap")
    # Only of <url> and <sitemap>: pictures and videos in them have a <loc> of their own.
    places = [
        (child.text or "")
        for entry in root
        for child in entry
        if child.tag.rpartition("}")[2] == "loc"
    ]
    addresses = _addresses(places, url)
    return SitemapFile([], addresses) if kind == "sitemapindex" else SitemapFile(addresses, [])


def _addresses(given: list[str], base: str) -> list[str]:
    found = (normalized(one, base=base) for one in given if one.strip())
    return list(dict.fromkeys(one for one in found if one is not None))


def _unpacked(content: bytes) -> bytes:
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    plain = unpack.decompress(content, MOST_BYTES)
    if unpack.unconsumed_tail or not unpack.eof:
        raise EOFError("more than is taken, or not all of it")
    return plain
