"""Makes the files that people upload, and those that they should not."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol

import docx
import pptx
import xlsxwriter
from docx.enum.style import WD_STYLE_TYPE
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from reportlab.lib import colors, pdfencrypt
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen import canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle


class Savable(Protocol):
    def save(self, file: BinaryIO, /) -> None: ...


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


def saved(document: Savable) -> bytes:
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


def workbook(sheets: dict[str, Sequence[Sequence[object]]], *, hidden: Sequence[str] = ()) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if name in hidden:
                sheet.hide()
    return buffer.getvalue()


def slides() -> bytes:
    """A title slide with notes, a table, two text boxes side by side, and a hidden slide."""
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Winter menu"
    first.placeholders[1].text = "Soups"
    first.placeholders[1].text_frame.add_paragraph().text = "Pumpkin"
    first.placeholders[1].text_frame.paragraphs[1].level = 1
    first.notes_slide.notes_text_frame.text = "Say that soups are vegan."
    second = deck.slides.add_slide(deck.slide_layouts[6])
    for left, text in ((5, "on the right"), (1, "on the left")):
        box = second.shapes.add_textbox(Inches(left), Inches(1), Inches(2), Inches(1))
        box.text_frame.text = text
    table = second.shapes.add_table(2, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row, values in enumerate((("Dish", "Price"), ("Soup", "€6"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    third = deck.slides.add_slide(deck.slide_layouts[5])
    third.shapes.title.text = "Secret margins"
    third.element.set("show", "0")
    return saved(deck)


def chart_slide() -> bytes:
    deck = pptx.Presentation()
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]  # its makers left it so
    data.categories = ["2025", "2026"]
    data.add_series("Guests", (120, 150.5))
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(5), Inches(4), data
    )
    return saved(deck)


def book(chapters: dict[str, str], *, spine: Sequence[str], encryption: str | None = None) -> bytes:
    """An EPUB 3; chapters by the name of their member, the table of contents names each."""
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in spine
    )
    order = "".join(f'<itemref idref="{name}"/>' for name in spine)
    entries = "".join(f'<li><a href="{n}.xhtml">Chapter {n}</a></li>' for n in spine)
    members = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": (
            b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            b'<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
        ),
        "OPS/book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
            '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
            f"{items}</manifest><spine>{order}</spine></package>"
        ).encode(),
        "OPS/nav.xhtml": f"<html><body><nav><ol>{entries}</ol></nav></body></html>".encode(),
    } | {
        f"OPS/{name}.xhtml": f"<html><body>{body}</body></html>".encode()
        for name, body in chapters.items()
    }
    if encryption:
        members["META-INF/encryption.xml"] = (
            '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
            f'<enc:EncryptionMethod Algorithm="{encryption}"/></enc:EncryptedData></encryption>'
        ).encode()
    return archive(members)


def word_with_hidden_text() -> bytes:
    """Hidden by the run itself and by its style; a third run is shown in spite of its style."""
    document = docx.Document()
    paragraph = document.add_paragraph("Shown. ")
    paragraph.add_run("Hidden by hand. ").font.hidden = True
    style = document.styles.add_style("Unseen", WD_STYLE_TYPE.CHARACTER)
    style.font.hidden = True
    paragraph.add_run("Hidden by style. ", style="Unseen")
    paragraph.add_run("Shown all the same.", style="Unseen").font.hidden = False
    return saved(document)


def columns_drawn_by_rows() -> bytes:
    """Two columns under a title, written line for line across both, as some programs do."""
    return _drawn(
        [(72, 800, "A title over both columns, which is wide enough to reach into the second")]
        + [
            place
            for n in range(8)
            for place in (
                (72, 760 - 14 * n, f"Left column, line {n}, with some words"),
                (320, 760 - 14 * n, f"Right column, line {n}, with some words"),
            )
        ]
    )


def prices_without_lines() -> bytes:
    return _drawn(
        [
            place
            for n, (dish, price) in enumerate([("Soup", 6), ("Salad", 8), ("Pasta", 11)] * 3)
            for place in (
                (72, 760 - 16 * n, f"{dish} of the day {n}"),
                (400, 760 - 16 * n, f"€{price}"),
            )
        ]
    )


def turned_pages() -> bytes:
    """A landscape page that says it is turned, and an upright one with text along its edge."""
    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer)
    drawing.setPageRotation(90)
    for number in range(4):
        _turned(drawing, 100 + 20 * number, 72, 90, f"Turned page, line {number}")
    drawing.showPage()
    drawing.setPageRotation(0)
    drawing.drawString(72, 700, "Upright, line 0")
    _turned(drawing, 30, 300, 90, "Along the edge")
    drawing.drawString(72, 680, "Upright, line 1")
    drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def ruled_table(*, sideways: bool = False, turned: bool = False) -> bytes:
    """A grid between two paragraphs.

    `sideways` draws all of it from bottom to top; a page that is `turned` as well shows it upright.
    """
    buffer = io.BytesIO()
    cells = [["Bicycle", "Day", "Week"]] + [
        [f"Model {row}", f"€{row}", f"€{7 * row}"] for row in range(1, 4)
    ]
    grid = Table(cells, style=TableStyle([("GRID", (0, 0), (-1, -1), 1, colors.black)]))
    text = getSampleStyleSheet()["BodyText"]

    def turn(drawing: canvas.Canvas, _document: object) -> None:
        if sideways:
            drawing.translate(A4[0], 0)
            drawing.rotate(90)
            drawing.setPageSize(A4)

    SimpleDocTemplate(buffer, pagesize=landscape(A4) if sideways else A4).build(
        [Paragraph("Before it.", text), grid, Paragraph("After it.", text)], onFirstPage=turn
    )
    content = buffer.getvalue()
    assert content.count(b"/Rotate 0 ") == 1
    return content.replace(b"/Rotate 0 ", b"/Rotate 90") if turned else content


def long_table() -> bytes:
    """A grid over several pages; its header is drawn once."""
    buffer = io.BytesIO()
    cells = [["Product", "Price"], *([f"Item {n}", f"€{n}"] for n in range(100))]
    grid = Table(cells, style=TableStyle([("GRID", (0, 0), (-1, -1), 1, colors.black)]))
    SimpleDocTemplate(buffer, pagesize=A4).build([grid])
    return buffer.getvalue()


def _drawn(places: Sequence[tuple[int, int, str]]) -> bytes:
    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer)
    for x, y, text in places:
        drawing.drawString(x, y, text)
    drawing.save()
    return buffer.getvalue()


def _turned(drawing: canvas.Canvas, x: int, y: int, angle: int, text: str) -> None:
    drawing.saveState()
    drawing.translate(x, y)
    drawing.rotate(angle)
    drawing.drawString(0, 0, text)
    drawing.restoreState()


def blank_pages() -> bytes:
    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer)
    drawing.showPage()
    drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def with_page_labels(content: bytes) -> bytes:
    """The first page is numbered `i`, the second one 1. Readers find what that moves."""
    labels = b"/PageLabels << /Nums [ 0 << /S /r >> 1 << /S /D >> ] >> "
    assert content.count(b"/Type /Catalog") == 1
    return content.replace(b"/Type /Catalog", labels + b"/Type /Catalog")
