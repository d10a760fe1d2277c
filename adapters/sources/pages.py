"""Pages and files of websites as items: how one is fetched, whoever has named it."""

import asyncio
import hashlib
from typing import Final

from adapters.sources.html import HTML_TYPES, WebPage, read_page
from adapters.sources.html import MOST_BYTES as MOST_HTML
from adapters.sources.items import Fetched, ItemFailed, Known, NotFetched, Writable
from adapters.sources.web import Page, Unmodified, Website, filename_of

MARKDOWN: Final = "text/markdown"
"""As uploads of text have it."""
_PIECE: Final = 1024 * 1024


async def fetch_page(
    website: Website, url: str, known: Known | None, into: Writable, *, title: str | None = None
) -> tuple[Fetched, WebPage | None] | NotFetched:
    """The page with what it says of itself, which is nothing when it is no HTML; or `unchanged`.

    Raises:
        ItemFailed: it cannot be had.
    """
    page = await website.get(url, into, known=known)
    if isinstance(page, Unmodified):
        return NotFetched("unchanged")
    size = await into.seek(0, 2)
    if size == 0:
        raise ItemFailed("The website answered an empty page.", retryable=True)
    await into.seek(0)
    etag, last_modified = page.headers.get("etag"), page.headers.get("last-modified")
    if page.media_type in HTML_TYPES:
        said = await _said(page, into, size)
        return (
            Fetched(
                title=title or said.title or page.url,
                media_type="text/html",
                digest=said.digest,
                url=page.url,
                etag=etag,
                last_modified=last_modified,
            ),
            said,
        )
    filename = filename_of(page)
    return (
        Fetched(
            title=title or filename or page.url,
            media_type=page.media_type,
            digest=await digest_of(into),
            filename=filename,
            url=page.url,
            etag=etag,
            last_modified=last_modified,
        ),
        None,
    )


async def digest_of(file: Writable) -> str:
    """SHA-256 of a file, in hex; its position is then its beginning."""
    await file.seek(0)
    digest = hashlib.sha256()
    while piece := await file.read(_PIECE):
        digest.update(piece)
    await file.seek(0)
    return digest.hexdigest()


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _said(page: Page, file: Writable, size: int) -> WebPage:
    if size > MOST_HTML:
        raise ItemFailed(f"The page has more than {MOST_HTML // 1024 // 1024} MB of HTML.")
    charset = page.headers.get("content-type", "").partition("charset=")[2].strip(" \"';") or None
    return await asyncio.to_thread(
        read_page,
        await file.read(),
        url=page.url,
        charset=charset,
        robots=page.headers.get("x-robots-tag", ""),
    )
