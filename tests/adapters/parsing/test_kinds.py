"""What a file is, told by its bytes, and what is said of one that is not read."""

import pytest

from adapters.parsing.document import Unreadable, UnreadableDocument, UnsupportedDocument
from adapters.parsing.sniffing import Kind, delimiter_of, sniff
from tests.adapters.parsing.files import archive, book, pdf, slides, word, workbook

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
"""Begins every file of Office 2003 and older, and every encrypted one of today."""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pdf(["Hello"]), "pdf"),
        (b"some bytes before it\n" + pdf(["Hello"]), "pdf"),
        (word(), "docx"),
        (slides(), "pptx"),
        (workbook({"Prices": [["a"]]}), "xlsx"),
        (book({"a": "<p>Hello</p>"}, spine=["a"]), "epub"),
        (b"\n <!DOCTYPE HTML><p>Hello", "html"),
        (b'<?xml version="1.0"?>\n<!-- made by hand -->\n<html><body>Hello</body></html>', "html"),
        (b"<div><p>A piece of a page</p></div>", "html"),
        ("<html><body>Grüße</body></html>".encode("utf-16"), "html"),
        (b'{"a": 1}', "json"),
        (b' [{"a": 1}]', "json"),
        (b"name,price\ntea,2\ncoffee,3\n", "csv"),
        (b"name;price\n\"tea; green\";2,50\ncoffee;3\n", "csv"),
        (b"name\tprice\ntea\t2\n", "csv"),
        ("name\tprice\ntée\t2\n".encode("utf-16"), "csv"),
        (b"sep=|\na|b\n1|2\n", "csv"),
        (b"# Hello\n\nworld", "text"),
        (b"Dear all,\nwe open at nine, not at eight.\nYours, the shop", "text"),
        (b"One, two\nthree, four", "text"),
        (b"| a | b |\n| --- | --- |\n| 1 | 2 |\n", "text"),
        (b'<p align="center"><img src="logo.png"></p>\n\n# A project\n', "text"),
        (b"MZ is short for Mark Zbikowski", "text"),
        (b"- milk, eggs\n- bread, butter\n", "text"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_the_content(content: bytes, kind: Kind) -> None:
    assert sniff(content) == kind


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "an image"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "an image"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "an image"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "an image"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "an image"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(20), "a video"),
        (b"OggS" + bytes(20), "a sound recording"),
        (b"{\\rtf1 hello}", "Rich Text"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a program"),
        (b"\x7fELF" + bytes(20), "a program"),
        (b"Rar!\x1a\x07\x00", "a compressed archive"),
        (b"notes.txt".ljust(257, b"\x00") + b"ustar", "a compressed archive"),
        (archive({"notes.txt": b"x"}), "unpack it"),
        (archive({"content.xml": b"x", "mimetype": b"application/x"}), "OpenDocument"),
        (archive({"xl/workbook.bin": b"x"}), "Save it as XLSX"),
        (archive({"Index/Document.iwa": b"x"}), "iWork"),
        (OLE + "WordDocument".encode("utf-16-le"), "save it as DOCX"),
        (OLE + "Workbook".encode("utf-16-le"), "save it as XLSX"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "save it as PPTX"),
        (OLE, "2003"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(content: bytes, words: str) -> None:
    with pytest.raises(UnsupportedDocument) as caught:
        sniff(content)
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")


def test_an_encrypted_office_file_is_protected_not_old() -> None:
    with pytest.raises(UnreadableDocument) as caught:
        sniff(OLE + "EncryptedPackage".encode("utf-16-le"))
    assert caught.value.reason is Unreadable.PROTECTED


def test_a_delimiter_within_quotes_parts_nothing() -> None:
    assert delimiter_of('name;price\n"a, b, c";1\n"d, e, f";2\n') == ";"
    assert delimiter_of("nothing to part\nat all") is None
