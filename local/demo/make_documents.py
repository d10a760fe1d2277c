"""Writes the demo's PDF and DOCX: `python -m local.demo.make_documents` (needs the dev group).

Both files are committed, so that seeding needs none of what makes them. The output is the same,
byte for byte, on every run.
"""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

DOCUMENTS = Path(__file__).parent / "documents"
WRITTEN = datetime(2026, 9, 1, tzinfo=UTC)

RENTAL_RATES = [
    ["Bicycle", "Half day (4 hours)", "Day", "Weekend", "Week"],
    ["City bike", "€9", "€14", "€25", "€65"],
    ["Child's bike", "€6", "€9", "€16", "€40"],
    ["E-bike", "€22", "€35", "€62", "€165"],
    ["Cargo bike", "€25", "€39", "€70", "€185"],
    ["Electric cargo bike", "€35", "€55", "€99", "€260"],
    ["Tandem", "€18", "€28", "€50", "€130"],
]

RENTAL = [
    ("Deposit", "The deposit is €50 for a city bike, a child's bike or a tandem and €200 for an "
     "e-bike or a cargo bike. We reserve it on your card and release it when the bicycle is back."),
    ("What you need", "Please bring a valid passport, identity card or driving licence and a "
     "debit or credit card. Renters must be 18 or older; children ride on the responsibility of an "
     "adult."),
    ("What is included", "Every rental includes a chain lock, lights and a repair kit. Helmets "
     "cost €4 a day, child seats €5 a day and panniers €3 a day."),
    ("Collecting and returning", "Bicycles are collected from 10:00 and must be returned by 18:00 "
     "on the last day. Returning late costs €10 for every hour begun. You can leave a bicycle in "
     "the rack next to our door overnight only if you have told us beforehand."),
    ("Reserving and cancelling", "You can reserve by WhatsApp, by phone or at the counter. A "
     "reservation can be cancelled free of charge until 48 hours before it begins. After that we "
     "charge half of the price, and the full price if you do not come."),
    ("Damage and theft", "You are insured against theft with an own risk of €150, provided that "
     "you locked the bicycle and hand in the key. Damage beyond normal wear is charged at the "
     "prices of our workshop. A puncture on the way is free: call us and we help."),
    ("Groups and tours", "Groups of eight or more get 15 % off. On Saturdays at 13:00 a guided "
     "tour of the harbour leaves from our door; it takes three hours and costs €29 including the "
     "bicycle."),
]  # fmt: skip

DELIVERY = [
    ("Delivery", [
        "Bicycles ordered from us are delivered fully assembled, adjusted and ready to ride.",
        "In Rotterdam and Schiedam delivery is free. In the rest of the Netherlands it costs €35, "
        "in Belgium and Germany €75. We do not ship to other countries.",
        "A bicycle that is in stock is delivered within five working days. For a bicycle that we "
        "order from the maker it takes two to six weeks; you get the date with the confirmation.",
        "We deliver from Tuesday to Friday between 9:00 and 17:00 and call you half an hour ahead.",
    ]),
    ("Parts and accessories", [
        "Parcels with parts and accessories cost €4.95, and nothing from an order of €60. They "
        "arrive in one to two working days.",
    ]),
    ("Returns", [
        "You can return an unused bicycle within 14 days of delivery, and accessories within 30 "
        "days. Unused means that it has been ridden for no more than five kilometres.",
        "Bring it to the shop, or let us collect it: collecting costs €35.",
        "Bicycles built to order, opened inner tubes, helmets that have been worn and gift "
        "vouchers cannot be returned.",
    ]),
    ("Refunds", [
        "We pay the money back within seven days after the bicycle has reached us, to the account "
        "or card you paid with. Delivery costs are refunded only if the whole order is returned.",
    ]),
]  # fmt: skip


def write_rental_pdf(path: Path) -> None:
    """The rental conditions: a ruled table of rates and sections of text."""
    styles = getSampleStyleSheet()
    table = Table(RENTAL_RATES, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
                ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
            ]
        )
    )
    story: list[Flowable] = [
        Paragraph("Harbour Bikes: renting a bicycle", styles["Title"]),
        Paragraph("Rates", styles["Heading2"]),
        table,
        Spacer(1, 12),
    ]
    for heading, text in RENTAL:
        story += [Paragraph(heading, styles["Heading2"]), Paragraph(text, styles["BodyText"])]
    SimpleDocTemplate(
        str(path), pagesize=A4, title="Renting a bicycle", author="Harbour Bikes", invariant=1
    ).build(story)


def write_delivery_docx(path: Path) -> None:
    """Delivery and returns: headings and paragraphs, as an office would write them."""
    document = Document()
    document.core_properties.author = "Harbour Bikes"
    document.core_properties.title = "Delivery and returns"
    document.core_properties.created = WRITTEN
    document.core_properties.modified = WRITTEN
    document.add_heading("Delivery and returns", level=1)
    for heading, paragraphs in DELIVERY:
        document.add_heading(heading, level=2)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    written = io.BytesIO()
    document.save(written)
    path.write_bytes(_with_fixed_times(written.getvalue()))


def _with_fixed_times(archive: bytes) -> bytes:
    """The same zip with every entry dated alike."""
    stamped = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(stamped, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=WRITTEN.timetuple()[:6])
            target.writestr(entry, source.read(name), zipfile.ZIP_DEFLATED)
    return stamped.getvalue()


if __name__ == "__main__":
    write_rental_pdf(DOCUMENTS / "bicycles" / "renting-a-bicycle.pdf")
    write_delivery_docx(DOCUMENTS / "bicycles" / "delivery-and-returns.docx")
