"""What a web page says of itself: its title, its text, where it leads, what robots may do with it.

The parser is of the kind that browsers have: whatever the bytes, it makes a tree of them in linear
time. What is kept of a page is read again elsewhere, in a process of its own.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from charset_normalizer import from_bytes
from selectolax.lexbor import LexborHTMLParser

from adapters.sources.web import ROBOT
from domain.web_addresses import normalized

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_LINKS: Final = 5_000
HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})

_NO_TEXT: Final = [
    "script", "style", "noscript", "template", "svg", "nav", "header", "footer", "iframe", "form",
]  # fmt: skip
"""What changes from one look to the next and says nothing: menus, baskets, tokens of forms."""
_DECLARED: Final = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WebPage:
    title: str | None
    digest: str
    """Of its text: the same for the same text, whatever else of the page has changed."""
    canonical: str | None
    """The address that it wants to be known by."""
    links: tuple[str, ...]
    """Those that may be followed."""
    may_be_indexed: bool


def read_page(content: bytes, *, url: str, charset: str | None, robots: str) -> WebPage:
    """
    Args:
        charset: as the answer's header says.
        robots: `X-Robots-Tag` of the answer.
    """
    tree = LexborHTMLParser(_decoded(content, charset))
    rules = _robots_rules(tree, robots)
    base_node = tree.css_first("base[href]")
    base = url
    if base_node is not None:
        base = normalized(base_node.attributes.get("href") or "", base=url) or url
    links = () if "nofollow" in rules else _links(tree, base)
    canonical = tree.css_first('link[rel="canonical"][href]')
    title = tree.css_first("title") or tree.css_first("h1")
    told = " ".join(title.text(separator=" ").split())[:200] if title is not None else ""
    wanted = (canonical.attributes.get("href") or "") if canonical is not None else ""
    tree.strip_tags(_NO_TEXT)
    body = tree.body
    text = " ".join(body.text(separator=" ").split()) if body is not None else ""
    return WebPage(
        title=told or None,
        digest=sha256(f"{told}\n{text}".encode("utf-8", "replace")).hexdigest(),
        canonical=normalized(wanted, base=base) if wanted else None,
        links=links,
        may_be_indexed="noindex" not in rules,
    )


def _links(tree: LexborHTMLParser, base: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in tree.css("a[href]"):
        if "nofollow" in (node.attributes.get("rel") or "").lower().split():
            continue
        if (address := normalized(node.attributes.get("href") or "", base=base)) is not None:
            found[address] = None
        if len(found) == MOST_LINKS:
            break
    return tuple(found)


def _robots_rules(tree: LexborHTMLParser, header: str) -> set[str]:
    """`noindex` and `nofollow`, said to everybody or to us, in the page or in its header."""
    said = []
    for part in header.lower().split(","):
        agent, colon, rule = part.rpartition(":")
        if not colon or agent.strip() == ROBOT:
            said.append(rule)
    for node in tree.css("meta[name][content]"):
        if (node.attributes.get("name") or "").lower().strip() in ("robots", ROBOT):
            said += (node.attributes.get("content") or "").lower().split(",")
    rules = {rule.strip() for rule in said}
    return rules | ({"noindex", "nofollow"} if "none" in rules else set())


def _decoded(content: bytes, charset: str | None) -> str:
    declared = _DECLARED.search(content[:2048])
    for name in (charset, declared[1].decode() if declared else None, "utf-8"):
        if name is None:
            continue
        try:
            return content.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    guess = from_bytes(content[:100_000]).best()
    return content.decode(guess.encoding if guess else "utf-8", "replace")
