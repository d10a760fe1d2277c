"""E-books: chapters in the order of the spine, each a section."""

import posixpath
import zipfile
from typing import BinaryIO, Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.parsing.archive import open_archive, read_member
from adapters.parsing.decoding import decoded
from adapters.parsing.document import ParsedDocument, Unreadable, UnreadableDocument
from adapters.parsing.hidden_html import shown_page
from adapters.parsing.html_to_markdown import html_to_markdown
from adapters.parsing.plain_text import visible

_CONTAINER: Final = "META-INF/container.xml"
_ENCRYPTION: Final = "META-INF/encryption.xml"
_FONTS_ONLY: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Fonts scrambled against copying; the text is readable."""
_PAGES: Final = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")


def parse_epub(file: BinaryIO) -> ParsedDocument:
    """The text of an EPUB 2 or 3. A chapter that is missing is left out, and named."""
    with open_archive(file) as archive:
        _refuse_locked(archive)
        package_path, package = _package(archive)
        folder = posixpath.dirname(package_path)
        names = _chapter_names(package)
        titles = _titles(archive, package, folder)
        sections: list[str] = []
        missing: list[str] = []
        for name in names:
            path = posixpath.normpath(posixpath.join(folder, name))
            content = read_member(archive, path)
            html = None if content is None else decoded(content)
            if html is None:
                missing.append(name)
                continue
            section = _section(html, title=titles.get(path))
            if section:
                sections.append(section)
    if not sections:
        if missing:
            raise _damaged()
        raise UnreadableDocument(
            Unreadable.EMPTY, "The e-book has no text; text in pictures is not read."
        )
    warnings = (
        (f"{len(missing)} of {len(names)} chapters are missing in the file.",) if missing else ()
    )
    return ParsedDocument(text="\n\n".join(sections), warnings=warnings)


def _section(html: str, *, title: str | None) -> str:
    page = shown_page(html)
    for node in page.css("nav"):
        node.decompose()
    text = visible(html_to_markdown(page.body.html or "" if page.body else "")).strip()
    if text and title and not text.startswith("#"):
        return f"# {title}\n\n{text}"
    return text


def _refuse_locked(archive: zipfile.ZipFile) -> None:
    content = read_member(archive, _ENCRYPTION)
    if content is None:
        return
    methods = [
        method.get("Algorithm", "")
        for method in _xml(content).iter()
        if _is(method, "EncryptionMethod")
    ]
    if any(method not in _FONTS_ONLY for method in methods):
        raise UnreadableDocument(
            Unreadable.PROTECTED,
            "The e-book is protected against copying (DRM): upload one that is not.",
        )


def _package(archive: zipfile.ZipFile) -> tuple[str, Element]:
    container = read_member(archive, _CONTAINER)
    if container is None:
        raise _damaged()
    for element in _xml(container).iter():
        path = element.get("full-path")
        if path and _is(element, "rootfile"):
            content = read_member(archive, posixpath.normpath(path))
            if content is not None:
                return path, _xml(content)
    raise _damaged()


def _chapter_names(package: Element) -> list[str]:
    """Members with the text, in reading order."""
    items = {
        element.get("id"): unquote(element.get("href", "").partition("#")[0])
        for element in package.iter()
        if _is(element, "item") and element.get("media-type") in _PAGES
    }
    order = [element.get("idref") for element in package.iter() if _is(element, "itemref")]
    return list(dict.fromkeys(items[name] for name in order if items.get(name)))


def _titles(archive: zipfile.ZipFile, package: Element, folder: str) -> dict[str, str]:
    """Names of the chapters as the table of contents has them, by member."""
    titles: dict[str, str] = {}
    for element in package.iter():
        kind = element.get("media-type")
        is_contents = (
            kind == "application/x-dtbncx+xml" or "nav" in (element.get("properties") or "").split()
        )
        if not (_is(element, "item") and is_contents):
            continue
        path = posixpath.normpath(posixpath.join(folder, unquote(element.get("href", ""))))
        content = read_member(archive, path)
        html = None if content is None else decoded(content)
        if html is None:
            continue
        for address, title in _entries(html):
            target = posixpath.join(posixpath.dirname(path), unquote(address.partition("#")[0]))
            titles.setdefault(posixpath.normpath(target), " ".join(visible(title).split()))
    return titles


def _entries(html: str) -> list[tuple[str, str]]:
    """Address and title of each entry, of an EPUB 3 (`nav`) or of an EPUB 2 (`ncx`)."""
    page = shown_page(html)
    links = [(n.attributes.get("href") or "", n.text()) for n in page.css("nav a[href]")]
    for point in page.css("navpoint"):
        label, content = point.css_first("navlabel"), point.css_first("content")
        if label is not None and content is not None:
            links.append((content.attributes.get("src") or "", label.text()))
    return links


def _xml(content: bytes) -> Element:
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _damaged() from error
    return root


def _is(element: Element, name: str) -> bool:
    return str(element.tag).rpartition("}")[2] == name


def _damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED, "The e-book is damaged or incomplete: upload it again."
    )
