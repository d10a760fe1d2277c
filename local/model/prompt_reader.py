"""The parts of a Parley prompt, read back from Chat Completions messages.

A message counts as Parley's when it holds a `<message>` block; any other conversation has no
passages and its last user message is the question.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_BLOCK = re.compile(
    r"^<(?P<name>context|passages|message|event|summary|about_person)>\n(?P<json>.*?)\n</(?P=name)>$",
    re.DOTALL | re.MULTILINE,
)
_INTRODUCTION = re.compile(
    r"\AYou are (?P<name>[^\n]+), the assistant of (?P<organization>[^\n]+?)\."
)
_LANGUAGE = re.compile(r"write in this language: (?P<language>[^\n]+?)\.")


_MARK = re.compile(
    r"^\[(?:image|video|audio|voice note|document|sticker|animated sticker)\b[^\]\n]*\][ \t]*",
    re.MULTILINE,
)
"""Stands for a file in what a person wrote; what was said in or beside it comes after."""


@dataclass(frozen=True, kw_only=True)
class ShownPassage:
    """One passage of the prompt; `number` is what a citation names."""

    number: int
    title: str
    section: str | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, of whom, and what the answer may rest on; `earlier` is oldest first."""

    text: str
    earlier: list[str] = field(default_factory=list)
    passages: list[ShownPassage] = field(default_factory=list)
    is_late: bool = False
    has_pictures: bool = False
    assistant: str | None = None
    organization: str | None = None
    language: str | None = None


def read_prompt(messages: Sequence[Mapping[str, object]]) -> Question:
    """The question that `messages` ends with. Blocks that are no valid JSON count as absent."""
    system = "\n".join(text_of(m) for m in messages if m.get("role") in ("system", "developer"))
    said: list[str] = []
    passages: list[ShownPassage] = []
    is_late = has_pictures = False
    for message in messages:
        if message.get("role") != "user":
            continue
        content = text_of(message)
        has_pictures = _has_pictures(message)
        blocks = [(m.group("name"), _json(m.group("json"))) for m in _BLOCK.finditer(content)]
        texts = [value for name, value in blocks if name == "message" and isinstance(value, str)]
        said.extend(texts or [content] if not blocks else texts)
        passages = [p for name, value in blocks if name == "passages" for p in _passages(value)]
        contexts = [value for name, value in blocks if name == "context"]
        is_late = any(isinstance(value, dict) and value.get("late") is True for value in contexts)
    introduction = _INTRODUCTION.search(system)
    language = _LANGUAGE.search(system)
    return Question(
        text=_MARK.sub("", said[-1]).strip() if said else "",
        earlier=[words for text in said[:-1] if (words := _MARK.sub("", text).strip())],
        passages=passages,
        is_late=is_late,
        has_pictures=has_pictures,
        assistant=introduction.group("name") if introduction else None,
        organization=introduction.group("organization") if introduction else None,
        language=language.group("language") if language else None,
    )


def text_of(message: Mapping[str, object]) -> str:
    """A message's text; content may be a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def _has_pictures(message: Mapping[str, object]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


def _passages(value: object) -> list[ShownPassage]:
    rows = value if isinstance(value, list) else []
    return [
        ShownPassage(
            number=row["id"],
            title=str(row.get("title") or ""),
            section=str(row["section"]) if row.get("section") else None,
            text=row["text"],
        )
        for row in rows
        if isinstance(row, dict)
        and isinstance(row.get("id"), int)
        and isinstance(row.get("text"), str)
    ]


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
