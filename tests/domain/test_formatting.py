"""Markdown as WhatsApp shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.formatting import to_whatsapp


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# Opening **hours**", "*Opening hours*"),
        ("Title\n=====\n\ntext", "*Title*\n\ntext"),
        ("**bold** *italic* __bold__ _italic_", "*bold* _italic_ *bold* _italic_"),
        ("~~gone~~", "~gone~"),
        ("***both***", "_*both*_"),
        ("**bold\nover lines**", "*bold*\n*over lines*"),
        ("un**believ**able", "unbelievable"),
        ("`code` and ``a`b``", "`code` and `a\u2019b`"),
        ("```python\nprint(1)\n```", "```\nprint(1)\n```"),
        ("~~~\na ``` b\n~~~", "```\na ''' b\n```"),
        ("    indented", "```\nindented\n```"),
        ("- a\n- b\n  - c\n    1. d\n", "- a\n- b\n  - c\n    1. d"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("* a\n\n* b", "- a\n- b"),
        ("1. a\n\n   more\n2. b", "1. a\n   more\n2. b"),
        ("[site](https://velo.example/a)", "site (https://velo.example/a)"),
        ("[https://velo.example](https://velo.example)", "https://velo.example"),
        ("[velo.example](https://velo.example/)", "https://velo.example/"),
        ("<https://velo.example>", "https://velo.example"),
        ("[mail us](mailto:a@velo.example)", "mail us (a@velo.example)"),
        ("<a@velo.example>", "a@velo.example"),
        ("[bad](javascript:alert(1))", "[bad](javascript:alert(1))"),
        ("![a bike](https://velo.example/b.png)", "a bike (https://velo.example/b.png)"),
        ("![](https://velo.example/b.png)", "https://velo.example/b.png"),
        ("> quoted\n> twice\n\nafter", "> quoted\n> twice\n\nafter"),
        ("a<br>b <b>c</b> <!-- no -->", "a\nb c"),
        ("<div>kept</div>", "kept"),
        ("<script>\nalert(1)\n</script>", ""),
        ("a &amp; b &lt;3", "a & b <3"),
        ("line one\nline two", "line one\nline two"),
        ("5 * 3 = 15, snake_case_name", "5 * 3 = 15, snake_case_name"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("|Day|Hours|\n|-|-|\n|Mon|9–17|\n|Sun||", "*Day: Hours*\n- Mon: 9–17\n- Sun"),
        (
            "|Bike|Day|Week|\n|-|-|-|\n|City|20 €|90 €|\n|**Cargo**|40 €||",
            "- *City* — Day: 20 € · Week: 90 €\n- *Cargo* — Day: 40 €",
        ),
        ("Kostet *viel*?\n\n\n\nNein.", "Kostet _viel_?\n\nNein."),
    ],
)
def test_markdown_becomes_whatsapps_formatting(markdown: str, shown: str) -> None:
    assert to_whatsapp(markdown) == shown


WORDS = st.lists(
    st.text(alphabet=st.characters(categories=("Lu", "Ll", "Lo", "Nd")), min_size=1, max_size=8),
    min_size=1,
    max_size=30,
)


@given(words=WORDS, joints=st.lists(st.sampled_from([" ", "\n", "\n\n", ". "]), max_size=30))
def test_plain_prose_keeps_every_word(words: list[str], joints: list[str]) -> None:
    text = "".join(w + j for w, j in zip(words, joints + [" "] * len(words), strict=False))
    # "1. " at a line's start is a list and may be indented, never changed.
    assert to_whatsapp(text).split() == text.split()


@given(markdown=st.text(alphabet=st.sampled_from("ab *_~`#>-|[]()<>/!\n1."), max_size=80))
def test_any_markdown_can_be_formatted(markdown: str) -> None:
    shown = to_whatsapp(markdown)
    assert shown == shown.strip("\n")
