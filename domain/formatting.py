"""Markdown, which language models write, as the formatting WhatsApp shows.

WhatsApp knows *bold*, _italic_, ~strikethrough~, `code`, ```blocks```, "- " and "1. " lists and
"> " quotes (WhatsApp Help Center, "How to format your messages"); everything else is put in words.
"""

import html
import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from contracts.message_length import message_length
from contracts.outbound_text import LONGEST_TEXT as MAX_BODY_LENGTH
from domain.message_parts import split_message

__all__ = ["MAX_BODY_LENGTH", "message_length", "split_message", "to_whatsapp"]

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])

_STYLES = {"strong": "*", "em": "_", "s": "~"}

_INVISIBLE_HTML = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def to_whatsapp(markdown: str) -> str:
    """`markdown` in WhatsApp's formatting; empty only if nothing in it is visible."""
    tree = SyntaxTreeNode(_MARKDOWN.parse(markdown))
    return _blocks(tree.children, separator="\n\n").strip("\n").rstrip()


def _blocks(nodes: Sequence[SyntaxTreeNode], *, separator: str) -> str:
    rendered = (_block(node) for node in nodes)
    return separator.join(block for block in rendered if block.strip())


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return _styled_lines(_inline_children(node, within=frozenset({"strong"})), "*")
        case "paragraph":
            return _inline_children(node)
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            quoted = _blocks(node.children, separator="\n\n")
            return "\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))
        case "fence" | "code_block":
            code = node.content.strip("\n").replace("```", "'''")
            return f"```\n{code}\n```" if code.strip() else ""
        case "table":
            return _table(node)
        case "html_block":
            return _html_text(node.content)
        case "hr":
            return "———"
        case _:
            return _blocks(node.children, separator="\n\n")


def _list(node: SyntaxTreeNode) -> str:
    """One line an item; what is nested is indented to stand under its item's text."""
    first = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
    lines: list[str] = []
    for index, item in enumerate(node.children):
        marker = f"{first + index}. " if node.type == "ordered_list" else "- "
        content = _blocks(item.children, separator="\n").split("\n")
        lines.append((marker + content[0]).rstrip())
        lines.extend(" " * len(marker) + line if line else "" for line in content[1:])
    return "\n".join(lines)


def _table(node: SyntaxTreeNode) -> str:
    """A line a row. Two columns read as "name: value", more name each value by its header."""
    rows = [
        [_inline_children(cell).replace("\n", " ") for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    header, body = rows[0], rows[1:]
    if not body:
        return " · ".join(cell for cell in header if cell)
    if len(header) == 2:
        title = ": ".join(cell for cell in header if cell)
        lines = [f"- {name}: {value}" if value else f"- {name}" for name, value in body]
        return "\n".join([_styled_lines(_unstyled(title), "*"), *lines] if title else lines)
    return "\n".join(_wide_row(row, header=header) for row in body)


def _wide_row(row: Sequence[str], *, header: Sequence[str]) -> str:
    named = [
        f"{name}: {value}" if name else value
        for name, value in zip(header[1:], row[1:], strict=True)
        if value
    ]
    subject = _styled_lines(_unstyled(row[0]), "*")
    return "- " + " — ".join(part for part in (subject, " · ".join(named)) if part)


def _inline_children(node: SyntaxTreeNode, *, within: frozenset[str] = frozenset()) -> str:
    return "".join(_inline(child.children, within=within) for child in node.children).strip()


def _inline(nodes: Sequence[SyntaxTreeNode], *, within: frozenset[str]) -> str:
    out = ""
    for index, node in enumerate(nodes):
        following = nodes[index + 1] if index + 1 < len(nodes) else None
        match node.type:
            case "text":
                out += node.content
            case "softbreak" | "hardbreak":
                out += "\n"
            case "code_inline":
                out += f"`{node.content.replace('`', chr(0x2019))}`"
            case "strong" | "em" | "s":
                inner = _inline(node.children, within=within | {node.type})
                is_inside_word = out[-1:].isalnum() or _starts_with_word(following)
                if node.type in within or is_inside_word:
                    out += inner
                else:
                    out += _styled_lines(inner, _STYLES[node.type])
            case "link":
                out += _link(_inline(node.children, within=within), str(node.attrs["href"]))
            case "image":
                out += _link(node.content, str(node.attrs["src"]))
            case "html_inline":
                out += "\n" if _LINE_BREAK.fullmatch(node.content) else ""
            case _:
                out += node.content
    return out


def _starts_with_word(node: SyntaxTreeNode | None) -> bool:
    """WhatsApp shows a closing mark as such only where a word ends."""
    return node is not None and node.type == "text" and node.content[:1].isalnum()


def _styled_lines(text: str, mark: str) -> str:
    """`text` with `mark` around each line: marks reach no further than a line's end or a space."""
    return "\n".join(_styled(line, mark) for line in text.split("\n"))


def _styled(line: str, mark: str) -> str:
    core = line.strip()
    if not core:
        return line
    lead = line[: len(line) - len(line.lstrip())]
    trail = line[len(line.rstrip()) :]
    return f"{lead}{mark}{core}{mark}{trail}"


def _unstyled(text: str) -> str:
    return text.replace("*", "")


def _link(text: str, url: str) -> str:
    target = re.sub(r"^(?:mailto|tel):", "", url)
    label = text.strip()
    if not target or label in (target, url):
        return label
    if not label or label == re.sub(r"^https?://", "", target).rstrip("/"):
        return target
    return f"{label} ({target})"


def _html_text(content: str) -> str:
    visible = _INVISIBLE_HTML.sub("", content)
    return html.unescape(_TAG.sub("", _LINE_BREAK.sub("\n", visible))).strip()
