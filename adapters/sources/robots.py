"""robots.txt of each host, read once (RFC 9309): what may be fetched, and how fast."""

from typing import Final
from urllib.parse import urlsplit

from anyio import SpooledTemporaryFile
from protego import Protego

from adapters.sources.items import ItemFailed, SourceFailed
from adapters.sources.web import ROBOT, PageGone, Website

MOST_BYTES: Final = 512 * 1024
"""RFC 9309, section 2.5: at least 500 kibibytes must be read."""
LONGEST_DELAY: Final = 30.0
SECONDS: Final = 20.0


class Robots:
    """What the owners of websites ask robots for."""

    def __init__(self, website: Website) -> None:
        self._website = website
        self._rules: dict[str, Protego] = {}

    async def allows(self, url: str) -> bool:
        """`SourceFailed` when the rules cannot be read now: then nothing may be fetched."""
        return (await self._of(url)).can_fetch(url, ROBOT)

    async def delay(self, url: str) -> float:
        """Seconds to leave the host alone between two requests."""
        asked = (await self._of(url)).crawl_delay(ROBOT)
        return min(max(float(asked or 0), 0.0), LONGEST_DELAY)

    async def _of(self, url: str) -> Protego:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            self._rules[site] = Protego.parse(await self._text(f"{site}/robots.txt"))
        return self._rules[site]

    async def _text(self, url: str) -> str:
        async with SpooledTemporaryFile[bytes](max_size=MOST_BYTES) as file:
            try:
                await self._website.get(url, file, most_bytes=MOST_BYTES, seconds=SECONDS)
            except PageGone:
                return ""
            except ItemFailed as error:
                if error.retryable:
                    # RFC 9309, section 2.3.1.4: unreachable means that nothing is allowed.
                    raise SourceFailed(
                        f"The rules for robots at {url} cannot be read now. {error}"
                    ) from None
                # Section 2.3.1.3: a file that is refused forbids nothing.
                return ""
            await file.seek(0)
            return (await file.read()).decode("utf-8", "replace")
