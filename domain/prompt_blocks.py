"""Blocks of a prompt: how text of people and documents stays data, whatever it says.

Data travels as JSON in which no character can end the block it stands in, so a passage that says
"ignore your rules" stays a quotation.
"""

import json
import re
from typing import Final

from domain.plain_text import strip_hidden

BLOCKS: Final = (
    "context", "passages", "message", "event", "summary", "about_person", "transcript",
    "business_instructions",
)  # fmt: skip
"""Names of the blocks that prompts are made of."""

_DELIMITER: Final = re.compile(rf"<(\s*/?\s*(?:{'|'.join(BLOCKS)}))", re.IGNORECASE)


def block(name: str, value: object) -> str:
    return f"<{name}>\n{json_data(value)}\n</{name}>"


def list_block(name: str, rows: list[str]) -> str:
    """A block of rows that are JSON already, one on a line."""
    listed = ",\n".join(rows)
    return f"<{name}>\n[{listed}]\n</{name}>"


def json_data(value: object) -> str:
    """JSON without the two characters of which a delimiter is made."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def defused(text: str) -> str:
    """Text that cannot open or close a block, for places that stay prose."""
    return _DELIMITER.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}\\1", text)


def one_line(text: str) -> str:
    return defused(" ".join(strip_hidden(text).split()))
