"""Removes from HTML what a browser would not show, before anybody reads it."""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from adapters.parsing.document import too_deep

_DEEPEST: Final = 5000
"""Open elements at once; the time of parsing grows with their square."""
_TAG: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)[^<>]*>", re.I)
_NEVER_CLOSED: Final = frozenset(
    [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
        "track", "p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option",
    ]
)  # fmt: skip
_NEVER_SHOWN: Final = (
    "script, style, template, noscript, iframe, object, embed, svg, canvas, [hidden], "
    "input[type=hidden], dialog:not([open])"
)
_HIDING: Final = re.compile(
    r"(^|;)\s*("
    r"display\s*:\s*none"
    r"|visibility\s*:\s*(hidden|collapse)"
    r"|font-size\s*:\s*(0++(\.0*+)?|\.0++)\s*(px|pt|em|rem|%|vw|vh)?\s*(!important)?\s*(;|$)"
    r"|opacity\s*:\s*(0++(\.0*+)?|\.0++)\s*(!important)?\s*(;|$)"
    r")",
    re.I,
)


def shown_page(html: str) -> LexborHTMLParser:
    """The page without what never shows: scripts, `hidden`, `display:none`, text of no size.

    Only what the element itself says is believed. Rules of a style sheet hide menus and the answers
    of a folded FAQ alike, which people do read.
    """
    _require_shallow(html)
    page = LexborHTMLParser(html)
    for node in page.css(_NEVER_SHOWN):
        node.decompose()
    for node in page.css("[style]"):
        if _HIDING.search(node.attributes.get("style") or ""):
            node.decompose()
    return page


def _require_shallow(html: str) -> None:
    depth = 0
    for tag in _TAG.finditer(html):
        closes, name = tag.groups()
        if name.lower() in _NEVER_CLOSED:
            continue
        depth = max(0, depth - 1) if closes else depth + 1
        if depth > _DEEPEST:
            raise too_deep()
