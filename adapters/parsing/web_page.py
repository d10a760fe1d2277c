"""Web pages: the main content with its tables and links, without menus, banners and footers."""

import re
from typing import BinaryIO, Final

import trafilatura
from selectolax.lexbor import LexborHTMLParser

from adapters.parsing.decoding import decoded
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    UnsupportedDocument,
    damaged,
    refusing,
)
from adapters.parsing.hidden_html import shown_page
from adapters.parsing.html_to_markdown import html_to_markdown
from adapters.parsing.plain_text import visible
from adapters.parsing.sniffing import SUPPORTED

_CHARSET: Final = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_CHARSET_WITHIN: Final = 4096
_FRAME: Final = (
    "nav, header, footer, aside, form, [role=navigation], [role=banner], [role=contentinfo]"
)
_LEAST_SHARE: Final = 0.5
"""Of the words and headings of the page without its frame. Where the extractor keeps fewer it took
content for a frame, as it does with lists of questions and with price lists."""


def parse_web_page(file: BinaryIO) -> ParsedDocument:
    """The content under the page's title. What a browser would not show is not there."""
    content = file.read()
    declared = _CHARSET.search(content[:_CHARSET_WITHIN])
    html = decoded(content, declared=declared[1].decode("ascii") if declared else None)
    if html is None:
        raise UnsupportedDocument(f"This does not seem to be a web page. {SUPPORTED}")
    page = shown_page(html)
    title = " ".join(visible(_title(page)).split())
    main = _main_content(page)
    for node in page.css(_FRAME):
        # A frame within the content, such as an article's header, belongs to it.
        if node.parent is not None and not _is_in_article(node):
            node.decompose()
    rest = visible(html_to_markdown(page.body.html or "" if page.body else "")).strip()
    text = main if _keeps(main, rest) else rest
    if not text:
        raise UnreadableDocument(
            Unreadable.EMPTY,
            "The page has no text of its own; what a program writes into it in the browser is not "
            "read: save it as PDF and upload that.",
        )
    if title and title not in text[: 2 * len(title) + 100]:
        text = f"# {title}\n\n{text}"
    return ParsedDocument(text)


def _main_content(page: LexborHTMLParser) -> str:
    try:
        with refusing(damaged()):
            found = trafilatura.extract(
                page.html or "",
                output_format="markdown",
                include_comments=False,
                include_links=True,
                include_tables=True,
                favor_recall=True,
            )
    except UnreadableDocument:
        return ""  # the page as a whole is read instead
    return visible(found or "").strip()


def _keeps(main: str, rest: str) -> bool:
    words = len(main.split()) >= _LEAST_SHARE * len(rest.split())
    return words and _headings(main) >= _LEAST_SHARE * _headings(rest)


def _headings(text: str) -> int:
    return sum(line.startswith("#") for line in text.splitlines())


def _title(page: LexborHTMLParser) -> str:
    heading = page.css_first("h1")
    if heading is not None and heading.text().strip():
        return heading.text()
    title = page.css_first("title")
    return title.text() if title is not None else ""


def _is_in_article(node: object) -> bool:
    parent = getattr(node, "parent", None)
    while parent is not None:
        if parent.tag in ("article", "main"):
            return True
        parent = parent.parent
    return False
