"""The offline model as a note-taker: the summary quotes what was asked and how it was answered, and
facts are what people say of themselves in a few well-known ways, in six languages."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from local.model.prompt_reader import text_of

MARK: Final = "You keep the notes on a conversation on WhatsApp"
"""How the rules of a request for notes begin (`domain/memory.py`)."""

LONGEST: Final = 1_500
"""Characters of a summary, as its rules ask for; what is older goes first."""
LONGEST_QUOTE: Final = 120

_BLOCK: Final = re.compile(
    r"^<(?P<name>summary|about_person|transcript)>\n(?P<json>.*?)\n</(?P=name)>$",
    re.DOTALL | re.MULTILINE,
)
_NAME: Final = r"(?P<value>[^\W\d_][\w'\u2019-]*(?: (?-i:[A-ZÀ-ÞŠŽ])[\w'\u2019-]*){0,3})"
_NUMBER: Final = r"(?P<value>(?=[\w-]*\d)[A-Z0-9][A-Z0-9-]{2,24})"

_FACTS: Final[Sequence[tuple[re.Pattern[str], str]]] = [
    (re.compile(pattern, re.IGNORECASE), statement)
    for pattern, statement in (
        (rf"\bmy name is {_NAME}", "Name: {}"),
        (rf"\b(?:me llamo|mi nombre es) {_NAME}", "Nombre: {}"),
        (rf"\b(?:jag heter|mitt namn är) {_NAME}", "Namn: {}"),
        (rf"\b(?:ich heiße|mein name ist) {_NAME}", "Name: {}"),
        (rf"\b(?:je m['\u2019]appelle|mon nom est) {_NAME}", "Nom : {}"),
        (rf"\b(?:meu nome é|(?:eu )?me chamo|chamo-me) {_NAME}", "Nome: {}"),
        (rf"\border(?: number| no\.?)?(?: is)?:? ?#?{_NUMBER}\b", "Order {}"),
        (rf"\bpedido(?: (?:número|nº))?(?: es)?:? ?#?{_NUMBER}\b", "Pedido {}"),
        (rf"\b(?:order|beställning)(?:s?nummer)(?: är)?:? ?#?{_NUMBER}\b", "Beställning {}"),
        (rf"\bbestell(?:ung|nummer)(?: ist)?:? ?#?{_NUMBER}\b", "Bestellung {}"),
        (rf"\bcommande(?: (?:numéro|nº))?(?: est)?:? ?#?{_NUMBER}\b", "Commande {}"),
        (r"\b(?:please )?call me (?P<value>in the (?:morning|afternoon|evening))", "Call {}"),
    )
]
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")
_CITATION: Final = re.compile(r"\s*\[\d+\]")


def asks_for_notes(messages: Sequence[Mapping[str, object]]) -> bool:
    """Whether the conversation is Parley's request for notes and not one for a reply."""
    return bool(messages) and text_of(messages[0]).startswith(MARK)


def take_notes(messages: Sequence[Mapping[str, object]]) -> str:
    """The JSON object that the rules ask for."""
    content = "\n".join(text_of(message) for message in messages[1:])
    blocks = {found["name"]: _json(found["json"]) for found in _BLOCK.finditer(content)}
    before = blocks.get("summary")
    said = _rows(blocks.get("transcript"))
    known = {str(row.get("statement")) for row in _rows(blocks.get("about_person"))}
    lines = [before] if isinstance(before, str) and before else []
    lines += [line for row in said if (line := _line(row))]
    while len(lines) > 1 and len("\n".join(lines)) > LONGEST:
        lines = "\n".join(lines).split("\n")[1:]
    notes = {
        "summary": "\n".join(lines)[-LONGEST:] or "-",
        "facts": [fact for fact in _facts(said) if fact["statement"] not in known],
    }
    return json.dumps(notes, ensure_ascii=False)


def _line(row: Mapping[str, Any]) -> str:
    """`👤 question` or `🤖 answer`: quotations need no language."""
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        return ""
    marks = {"person": "👤", "assistant": "🤖", "colleague": "🧑‍💼"}
    first = _CITATION.sub("", _SENTENCE.split(" ".join(text.split()), maxsplit=1)[0])
    if len(first) > LONGEST_QUOTE:
        first = first[:LONGEST_QUOTE].rstrip() + " …"
    return f"{marks.get(str(row.get('from')), '•')} {first}"


def _facts(said: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in said:
        text = row.get("text")
        if row.get("from") != "person" or not isinstance(text, str):
            continue
        for pattern, statement in _FACTS:
            if match := pattern.search(text):
                fact = statement.format(match["value"].strip(" .,;!?"))
                found.setdefault(fact, {"statement": fact, "message": row.get("n")})
    return list(found.values())


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
