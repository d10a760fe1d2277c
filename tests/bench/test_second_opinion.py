"""Code that the parser does not use contradicts it where it is wrong."""

from pathlib import Path

import pytest

from bench.second_opinion import is_true
from tests.adapters.parsing.files import empty_word, pdf, slides, word


@pytest.mark.parametrize(
    ("name", "content", "truths"),
    [
        ("text.pdf", pdf(["Hello"]), {"ready"}),
        ("scan.pdf", pdf([""]), {"ready", "scanned"}),
        ("locked.pdf", pdf(["Hello"], password="open sesame"), {"ready", "protected"}),
        ("full.docx", word(), {"ready"}),
        ("empty.docx", empty_word(), {"ready", "empty"}),
        ("full.pptx", slides(), {"ready"}),
        ("empty.txt", b" \n", {"ready", "empty"}),
        ("picture.png", b"\x89PNG\r\n\x1a\n", {"unsupported"}),
    ],
)
def test_a_reason_is_true_or_not(
    name: str, content: bytes, truths: set[str], tmp_path: Path
) -> None:
    """`ready` is believed of any document: there is no other code that reads them all."""
    path = tmp_path / name
    path.write_bytes(content)
    reasons = {"ready", "unsupported", "damaged", "crashed"}
    match path.suffix:
        case ".pdf":
            reasons |= {"protected"} | ({"scanned"} if name != "locked.pdf" else set())
        case ".docx" | ".pptx" | ".txt":
            reasons |= {"empty"}
    assert {reason for reason in reasons if is_true(reason, path)} == truths
