"""Makes the files that people upload, and those that they should not."""

import io
import zipfile
from collections.abc import Sequence

import docx
from reportlab.lib import pdfencrypt
from reportlab.pdfgen import canvas


def pdf(pages: Sequence[str], *, password: str | None = None) -> bytes:
    """One page for each text; lines are drawn below one another. An empty text draws a picture."""
    buffer = io.BytesIO()
    encryption = pdfencrypt.StandardEncryption(password) if password else None
    drawing = canvas.Canvas(buffer, encrypt=encryption)
    for page in pages:
        if page:
            for number, line in enumerate(page.splitlines()):
                drawing.drawString(72, 760 - 16 * number, line)
        else:
            drawing.rect(72, 72, 200, 200, fill=1)
        drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def word() -> bytes:
    """Headings, a list, a table with a pipe in it, bold text and a picture-free second section."""
    document = docx.Document()
    document.add_heading("Returns", level=1)
    document.add_paragraph("You have ").add_run("30 days").bold = True
    document.add_heading("Shoes", level=2)
    document.add_paragraph("unworn", style="List Bullet")
    document.add_paragraph("in their box", style="List Bullet")
    table = document.add_table(2, 2)
    for row, values in zip(table.rows, (("Size", "Fee"), ("42|43", "none")), strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    document.add_paragraph("# not a heading")
    return saved(document)


def empty_word() -> bytes:
    return saved(docx.Document())


def saved(document: "docx.document.Document") -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def archive(members: dict[str, bytes], *, compressed: bool = True) -> bytes:
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def word_with(body: bytes) -> bytes:
    """A DOCX whose main part is `body`."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(empty_word())) as template,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for entry in template.infolist():
            is_body = entry.filename == "word/document.xml"
            file.writestr(entry.filename, body if is_body else template.read(entry))
    return buffer.getvalue()


def billion_laughs() -> bytes:
    """A few hundred bytes of XML that mean three gigabytes."""
    entities = ['<!ENTITY a0 "lololololol">'] + [
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    ]
    return (
        f'<?xml version="1.0"?><!DOCTYPE d [{"".join(entities)}]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body></w:document>"
    ).encode()
