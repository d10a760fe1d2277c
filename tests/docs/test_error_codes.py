"""The table of error codes in the docs is the one that the code acts on."""

from pathlib import Path

from domain.graph_error_codes import CODES

PAGE = Path(__file__).parents[2] / "docs/conversation.md"


def test_the_page_lists_every_code_as_it_is_handled() -> None:
    section = PAGE.read_text().partition("### Error codes")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        f"| {'200 to 299' if code == 200 else code} | `{known.verdict}` | {known.meaning} "
        f"| {known.what_to_do} |"
        for code, known in CODES.items()
    ]
