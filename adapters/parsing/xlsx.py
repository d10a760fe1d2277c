"""Excel workbooks: a section for each sheet, its rows as a Markdown table."""

import datetime
import re
import zipfile
from typing import BinaryIO, Final

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from adapters.parsing.archive import open_archive
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    protected,
    refusing,
)
from adapters.parsing.markdown_table import markdown_table
from adapters.parsing.plain_text import visible

MAX_CELLS: Final = 5_000_000
"""Of one sheet, blanks included: a single cell at the far corner of a sheet makes 17 billion."""
_PLACE: Final = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_LONGEST_PLACE: Final = 16
_BLOCK_BYTES: Final = 1024 * 1024


def parse_xlsx(file: BinaryIO) -> ParsedDocument:
    """What the cells showed last, formulas by their results. A hidden sheet is only named."""
    with open_archive(file, trees=False) as archive:
        for name in archive.namelist():
            if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".xml"):
                _require_size(archive, name)
    file.seek(0)
    try:
        with refusing(_damaged()):
            workbook = CalamineWorkbook.from_object(file)
    except UnreadableDocument as error:
        raise protected() if isinstance(error.__cause__, PasswordError) else error from None
    sections: list[str] = []
    warnings: list[str] = []
    for sheet in workbook.sheets_metadata:
        if sheet.typ is not SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible is not SheetVisibleEnum.Visible:
            warnings.append(f"The sheet “{visible(sheet.name)}” is hidden and was left out.")
            continue
        try:
            with refusing(_damaged()):
                table = _table(workbook, sheet.name)
        except UnreadableDocument as error:
            if error.reason is not Unreadable.DAMAGED:
                raise
            warnings.append(f"The sheet “{visible(sheet.name)}” is damaged and was left out.")
            continue
        if table:
            sections.append(f"# {' '.join(visible(sheet.name).split())}\n\n{table}")
    if not sections:
        if any("damaged" in warning for warning in warnings):
            raise _damaged()
        raise UnreadableDocument(Unreadable.EMPTY, "The workbook has no cells with text.")
    return ParsedDocument(text="\n\n".join(sections), warnings=tuple(warnings))


def _require_size(archive: zipfile.ZipFile, name: str) -> None:
    """Judge how far a sheet spans by its cells' places: its reader makes room for all between."""
    columns: set[bytes] = set()
    rows: set[int] = set()
    with refusing(_damaged()), archive.open(name) as part:
        kept = b""
        while block := part.read(_BLOCK_BYTES):
            places = _PLACE.findall(kept + block)
            columns.update(column for column, _ in places)
            if places:
                numbers = [int(row) for _, row in places]
                rows |= {min(numbers), max(numbers)}
            kept = block[-_LONGEST_PLACE:]
    if not rows:
        return
    letters = [_number(column) for column in columns]
    width, height = max(letters) - min(letters) + 1, max(rows) - min(rows) + 1
    if width * height > MAX_CELLS:
        raise UnreadableDocument(
            Unreadable.TOO_LARGE,
            f"A sheet of the workbook spans more than {MAX_CELLS:,} cells: split it, or delete "
            "what stands far from its table.",
        )


def _number(column: bytes) -> int:
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def _table(workbook: CalamineWorkbook, name: str) -> str:
    sheet = workbook.get_sheet_by_name(name)
    rows = [[visible(_shown(value)) for value in row] for row in sheet.iter_rows()]
    title, rows = _title(rows)
    table = markdown_table(rows)
    return "\n\n".join(part for part in (title, table) if part)


def _title(rows: list[list[str]]) -> tuple[str, list[list[str]]]:
    """Lines above a table that fill one cell only are its title, not its column names."""
    lines: list[str] = []
    position = 0
    while position < len(rows) and sum(1 for cell in rows[position] if cell.strip()) <= 1:
        lines.append(" ".join(" ".join(rows[position]).split()))
        position += 1
    if position == len(rows):
        return "", rows
    return "\n\n".join(line for line in lines if line), rows[position:]


def _shown(value: object) -> str:
    """A value as a person would write it: no `.0` at whole numbers, dates by ISO 8601."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return f"{value:.10g}" if abs(value) >= 1e-4 or value == 0 else str(value)
        case datetime.datetime():
            midnight = value.time() == datetime.time()
            return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
        case datetime.time():
            return value.isoformat("minutes")
        case _:
            return str(value)


def _damaged() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.DAMAGED,
        "The workbook is damaged: open it in Excel, save it again and upload that.",
    )
