"""CSV and its kin: the delimiter and the encoding are found out; rows become a Markdown table."""

import csv
import io
from typing import BinaryIO, Final

from adapters.parsing.document import ParsedDocument
from adapters.parsing.markdown_table import markdown_table
from adapters.parsing.plain_text import decoded_text, visible
from adapters.parsing.sniffing import delimiter_of

_LONGEST_CELL: Final = 1024 * 1024


def parse_delimited(file: BinaryIO) -> ParsedDocument:
    """The table under its column names; the text as it is when it is not a table after all."""
    text = visible(decoded_text(file)).strip("\n")
    delimiter = delimiter_of(text)
    if delimiter is None:
        return ParsedDocument(text)
    first, _, rest = text.partition("\n")
    rows = rest if first.strip().startswith("sep=") else text
    csv.field_size_limit(_LONGEST_CELL)
    try:
        table = markdown_table(list(csv.reader(io.StringIO(rows, newline=""), delimiter=delimiter)))
    except csv.Error:
        return ParsedDocument(text)
    return ParsedDocument(table)
