"""Text without the characters that a reader cannot see but a language model can."""

import re

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, except tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, fillers, Mongolian
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"  # zero width, direction, invisible operators
    "\u3164\ufeff\uffa0\ufff0-\ufffb"  # fillers, byte-order mark, interlinear annotation
    "\U000e0000-\U000e0fff"  # tags, selectors: can spell out hidden text
    "\ud800-\udfff"  # lone surrogates: not encodable
    "]"
)  # fmt: skip

_JOINERS = re.compile("[\u200c\u200d]+")


def strip_hidden(text: str) -> str:
    """`text` without control, zero-width and direction-changing characters; line ends become \\n.

    Joiners stay where writing needs them: one alone between two characters beyond ASCII, as in
    Persian, Hindi and emoji. Runs of them, which can encode a message, go.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _JOINERS.sub(_needed_joiner, _UNSEEN.sub("", text))


def _needed_joiner(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    is_needed = (
        end - start == 1
        and start > 0
        and end < len(text)
        and not text[start - 1].isascii()
        and not text[end].isascii()
    )
    return match.group() if is_needed else ""
