"""Addresses of web pages: which are the same, and which of them a crawl may go to."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit, urlunsplit

LONGEST: Final = 2000
_PORTS: Final = {"http": "80", "https": "443"}
_TRACKING: Final = ("utm_", "fbclid", "gclid", "msclkid", "mc_cid", "mc_eid")
"""Parameters that tell a server where somebody comes from, and change nothing of the page."""
_NO_PAGES: Final = (
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".ico", ".css", ".js", ".mjs", ".woff",
    ".woff2", ".ttf", ".mp3", ".mp4", ".webm", ".avi", ".mov", ".zip", ".gz", ".tar", ".exe",
    ".dmg", ".rss", ".atom",
)  # fmt: skip


def normalized(address: str, *, base: str = "") -> str | None:
    """The one spelling of an address, without its fragment; None for what is no web page's.

    Args:
        base: of the page that names it.
    """
    try:
        joined = urldefrag(urljoin(base, address.strip())).url
        parts = urlsplit(joined)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in _PORTS or not host or parts.username or len(joined) > LONGEST:
        return None
    if ":" in host:
        host = f"[{host}]"
    place = host if port is None or str(port) == _PORTS[parts.scheme] else f"{host}:{port}"
    # Blanks at the end may have stood before a fragment, or before another end.
    asked = "&".join(
        one.strip()
        for one in parts.query.split("&")
        if one.strip() and not one.lower().startswith(_TRACKING)
    )
    return urlunsplit((parts.scheme, place, parts.path.strip() or "/", asked, ""))


def host_of(address: str) -> str:
    """With its port, when that is not the scheme's own."""
    return urlsplit(address).netloc


class Scope(NamedTuple):
    """Where the pages of a source lie."""

    hosts: frozenset[str] = frozenset()
    """Empty: any."""
    include: Sequence[str] = ()
    """Prefixes of paths, of which one must match; empty: any."""
    exclude: Sequence[str] = ()
    """Prefixes of paths that go before those."""

    def holds(self, address: str) -> bool:
        parts = urlsplit(address)
        path = parts.path or "/"
        if self.hosts and parts.netloc not in self.hosts:
            return False
        if any(path.startswith(prefix) for prefix in self.exclude):
            return False
        return not self.include or any(path.startswith(prefix) for prefix in self.include)

    def may_follow(self, address: str) -> bool:
        """Whether a link to it leads to something that can be read."""
        return self.holds(address) and not urlsplit(address).path.lower().endswith(_NO_PAGES)
