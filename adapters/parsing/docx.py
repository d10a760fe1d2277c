"""Word documents: headings, lists and tables become Markdown, pictures and layout are left out."""

import io
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, tostring

import mammoth
from defusedxml.ElementTree import fromstring

from adapters.parsing.archive import open_archive, read_member
from adapters.parsing.document import ParsedDocument, Unreadable, UnreadableDocument, refusing
from adapters.parsing.html_to_markdown import html_to_markdown
from adapters.parsing.plain_text import visible

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF: Final = ("0", "false", "off")
_PICTURES: Final = "word/media/"


def parse_docx(file: BinaryIO) -> ParsedDocument:
    """The body of a DOCX as Markdown. The archive is judged before it is unpacked."""
    with open_archive(file) as archive, refusing(_damaged()):
        html = mammoth.convert_to_html(
            _readable(archive, file), convert_image=lambda _image: []
        ).value
    text = visible(html_to_markdown(html)).strip()
    if not text:
        raise UnreadableDocument(Unreadable.EMPTY, "The Word document has no text.")
    return ParsedDocument(text=text)


def _readable(archive: zipfile.ZipFile, file: BinaryIO) -> BinaryIO:
    """The same file; when it has hidden text, a copy without it and without pictures.

    A part with a document type is damage: Office writes none, and entities could swell in one.
    """
    parts = {
        entry.filename: content
        for entry in archive.infolist()
        if entry.filename.endswith((".xml", ".rels"))
        if (content := read_member(archive, entry.filename)) is not None
    }
    if any(b"<!DOCTYPE" in content or b"<!ENTITY" in content for content in parts.values()):
        raise _damaged()
    if not any(b"vanish" in content for content in parts.values()):
        file.seek(0)
        return file
    styles = _hidden_styles(parts.get("word/styles.xml"))
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as target:
        for entry in archive.infolist():
            if entry.filename.startswith(_PICTURES) or entry.filename in target.namelist():
                continue
            content = parts.get(entry.filename)
            if content is None:
                content = archive.read(entry)
            elif b"vanish" in content or styles:
                content = _without_hidden(content, styles)
            target.writestr(entry.filename, content)
    copy.seek(0)
    return copy


def _without_hidden(content: bytes, styles: frozenset[str]) -> bytes:
    root = fromstring(content, forbid_dtd=True)
    for parent in root.iter():
        style = parent.find(f"{_W}pPr/{_W}pStyle") if parent.tag == f"{_W}p" else None
        by_style = style is not None and style.get(f"{_W}val") in styles
        for run in list(parent):
            if run.tag == f"{_W}r" and _is_hidden(run, styles, otherwise=by_style):
                parent.remove(run)
    cleaned: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return cleaned


def _is_hidden(run: Element, styles: frozenset[str], *, otherwise: bool) -> bool:
    properties = run.find(f"{_W}rPr")
    if properties is None:
        return otherwise
    vanish = properties.find(f"{_W}vanish")
    if vanish is not None:
        return vanish.get(f"{_W}val") not in _OFF
    style = properties.find(f"{_W}rStyle")
    return otherwise if style is None else style.get(f"{_W}val") in styles


def _hidden_styles(content: bytes | None) -> frozenset[str]:
    """Ids of the styles whose text is hidden."""
    if content is None or b"vanish" not in content:
        return frozenset()
    return frozenset(_ids_of_hidden(fromstring(content, forbid_dtd=True)))


def _ids_of_hidden(styles: Element) -> Iterator[str]:
    for style in styles.iter(f"{_W}style"):
        vanish = style.find(f"{_W}rPr/{_W}vanish")
        if vanish is not None and vanish.get(f"{_W}val") not in _OFF:
            yield style.get(f"{_W}styleId", "")


def _damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED,
        "The Word document is damaged: open it in Word, save it again and upload that.",
    )
