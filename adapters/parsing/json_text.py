"""JSON, and JSON Lines, as a person would read it: one line for each value, under its names."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from adapters.parsing.document import ParsedDocument, Unreadable, UnreadableDocument
from adapters.parsing.plain_text import decoded_text, visible

_DEEPEST_HEADING: Final = 4
_QUESTIONS: Final = ("question", "q")
_ANSWERS: Final = ("answer", "a")
_NAMES: Final = ("title", "name", "label", "id")
"""Of these, the first that an object has is the heading of its section."""


def parse_json(file: BinaryIO) -> ParsedDocument:
    """Objects flattened; lists of questions and answers as a section for each question.

    What is no JSON after all stays the text that it is.
    """
    text = decoded_text(file)
    found = _values(text)
    if found is None:
        return ParsedDocument(visible(text).strip("\n"))
    flat = visible("\n\n".join(_sections(found, 1))).strip()
    if not flat:
        raise UnreadableDocument(Unreadable.EMPTY, "The JSON file has no values.")
    return ParsedDocument(flat)


def _values(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return None


def _sections(value: Any, level: int) -> Iterator[str]:
    """A value as blocks of Markdown, its containers under headings of `level`."""
    match value:
        case dict():
            yield from _object(value, level)
        case list():
            for item in value:
                if isinstance(item, dict):
                    yield from _entry(item, level)
                elif isinstance(item, list):
                    yield from _sections(item, level)
            scalars = [f"- {_shown(item)}" for item in value if _is_shown(item)]
            if scalars:
                yield "\n".join(scalars)
        case _ if _is_shown(value):
            yield _shown(value)


def _entry(item: dict[str, Any], level: int) -> Iterator[str]:
    """One object of a list: a question with its answer, a section with its name, or lines."""
    question, answer = _first(item, _QUESTIONS), _first(item, _ANSWERS)
    if question and answer:
        yield f"{_mark(level)} {_title(item[question])}"
        yield _shown(item[answer])
        yield from _object(
            {k: v for k, v in item.items() if k not in (question, answer)}, level + 1
        )
        return
    name = _first(item, _NAMES)
    if name and any(isinstance(value, (dict, list)) for value in item.values()):
        yield f"{_mark(level)} {_title(item[name])}"
        yield from _object({k: v for k, v in item.items() if k != name}, level + 1)
        return
    yield from _object(item, level)


def _object(item: dict[str, Any], level: int) -> Iterator[str]:
    lines = [f"{key}: {_inline(value)}" for key, value in item.items() if _inline(value)]
    if lines:
        yield "\n".join(lines)
    for key, value in item.items():
        if isinstance(value, (dict, list)) and value and not _inline(value):
            yield f"{_mark(level)} {_title(key)}"
            yield from _sections(value, level + 1)


def _inline(value: Any) -> str:
    """A value that fits on a line; an empty string for what does not."""
    if isinstance(value, list):
        if value and all(_is_shown(item) for item in value):
            return ", ".join(_shown(item) for item in value)
        return ""
    return _shown(value) if _is_shown(value) else ""


def _is_shown(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and str(value).strip() != ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).strip()


def _first(item: dict[str, Any], names: tuple[str, ...]) -> str | None:
    by_name = {key.strip().lower(): key for key in item if _is_shown(item[key])}
    return next((by_name[name] for name in names if name in by_name), None)


def _title(value: Any) -> str:
    return " ".join(_shown(value).split())


def _mark(level: int) -> str:
    return "#" * min(level, _DEEPEST_HEADING)
