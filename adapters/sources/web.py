"""Gets a page or file of somebody's website, politely: with conditions, limits and a name."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from typing import Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from adapters.guarded_http import Answer, GuardedHttp, Refused, TooLarge, Unreachable
from adapters.sources.items import ItemFailed, Known, Writable
from domain.webhook_retries import read_retry_after

USER_AGENT: Final = "Parley-Sources/1"
ROBOT: Final = "parley"
"""What robots.txt calls us."""
MOST_BYTES: Final = 100 * 1024 * 1024
SECONDS: Final = 60.0
"""For a whole page or file."""
MOST_REDIRECTS: Final = 5

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({404, 410})
_FOR_NOW: Final = frozenset({408, 425, 429})


class Page(NamedTuple):
    """What was written into the file."""

    url: str
    """Where the last redirect led."""
    media_type: str
    headers: Mapping[str, str]


class Unmodified(NamedTuple):
    url: str


class PageGone(ItemFailed):
    """Its server says that it is no more, or never was."""


class Website:
    """HTTP as sources need it. The client is handed in; it lets nobody into our own network."""

    def __init__(self, http: GuardedHttp) -> None:
        self._http = http

    async def get(
        self,
        url: str,
        into: Writable,
        *,
        known: Known | None = None,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
    ) -> Page | Unmodified:
        """The page, written into the file from its beginning on, unless it is as it was.

        Raises:
            PageGone: 404 or 410.
            ItemFailed: anything else that is no page.
        """
        headers = {"user-agent": USER_AGENT, "accept": "*/*", **_conditions(known)}
        for _ in range(MOST_REDIRECTS + 1):
            await into.seek(0)
            await into.truncate(0)
            answer = await self._get(url, headers, into, most_bytes, seconds)
            location = answer.headers.get("location")
            if answer.status in _REDIRECTS and location:
                url = urljoin(url, location)
                continue
            if answer.status == 304 and known is not None:
                return Unmodified(url)
            _require_page(answer)
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Page(url, media_type or "application/octet-stream", answer.headers)
        raise ItemFailed("It leads from one address to another without end.")

    async def _get(
        self,
        url: str,
        headers: Mapping[str, str],
        into: Writable,
        most_bytes: int,
        seconds: float,
    ) -> Answer:
        try:
            return await self._http.get(
                url, headers=headers, into=into, most_bytes=most_bytes, seconds=seconds
            )
        except Refused as error:
            raise ItemFailed(str(error)) from None
        except Unreachable as error:
            raise ItemFailed(f"The website did not answer: {error}.", retryable=True) from None
        except TooLarge:
            raise ItemFailed(
                f"It has more than {most_bytes // 1024 // 1024} MB, which is the most."
            ) from None


def filename_of(page: Page) -> str | None:
    """The name of a file, as its server or its address gives it."""
    told = Message()
    told["content-disposition"] = page.headers.get("content-disposition", "")
    name = told.get_filename() or unquote(urlsplit(page.url).path.rpartition("/")[2])
    printable = "".join(each for each in name if each.isprintable() and each not in "/\\")
    return printable.strip()[:200] or None


def _conditions(known: Known | None) -> dict[str, str]:
    if known is None:
        return {}
    told = {"if-none-match": known.etag, "if-modified-since": known.last_modified}
    return {name: value for name, value in told.items() if value and _SENDABLE.fullmatch(value)}


_SENDABLE: Final = re.compile(r"[\x20-\x7e]{1,500}")


def _require_page(answer: Answer) -> None:
    status = answer.status
    if status == 200:
        return
    if status in _GONE:
        raise PageGone(f"There is no such page any more (the website answered {status}).")
    told = answer.headers.get("retry-after")
    after = None if told is None else read_retry_after(told, now=datetime.now(UTC))
    raise ItemFailed(
        f"The website answered {status}.",
        retryable=status in _FOR_NOW or status >= 500,
        retry_after=after or 0,
    )
