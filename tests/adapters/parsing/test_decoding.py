"""Text in whatever encoding."""

import pytest

from adapters.parsing.decoding import decoded

ENGLISH = "Our shop opens at nine, and closes at five.\nOn Sundays it stays closed.\n"
CHINESE = "我们的商店九点开门。\n星期天休息。\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("# Größe\n\nüber alles", "utf-8"),
        ("# Größe\n\nüber alles", "utf-8-sig"),
        ("# Größe\n\nüber alles", "utf-16"),
        ("# Größe\n\nüber alles", "utf-32"),
        (ENGLISH, "utf-16-le"),
        (ENGLISH, "utf-16-be"),
        (ENGLISH, "utf-32-le"),
        (ENGLISH, "utf-32-be"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        ("Привет, как дела?\n", "utf-16-be"),
        ("naïve “quotes” in a café, señor", "cp1252"),
        ("así que está en España, niño", "latin-1"),
        ("Käse;2,50\nBrot;3\n", "cp1252"),
        ("Привет, как дела? Сегодня хорошая погода.", "cp1251"),
        ("日本語のテキストです。これは試験です。", "shift_jis"),
        (CHINESE * 3, "gb18030"),
    ],
)
def test_the_encoding_is_found_out(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


def test_an_encoding_that_the_file_names_is_believed() -> None:
    assert decoded("Zażółć gęślą".encode("iso8859-2"), declared="iso-8859-2") == "Zażółć gęślą"
    assert decoded("Grüße".encode(), declared="iso-8859-2") == "Grüße"
    assert decoded("Grüße".encode("cp1252"), declared="no-such-encoding") == "Grüße"


def test_a_slip_does_not_cost_the_rest() -> None:
    text = "Straße, Größe, Äpfel, Öl, über, schön, für, später, größer, müde, Tür " * 3
    assert decoded(text.encode() + b"\xc3") == text
    patched = decoded(text.encode() + b"\xe9t\xe9")
    assert patched is not None
    assert patched.startswith(text)


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"\x00" * 500, b"abc\x00\x01\x02\x03"])
def test_binary_data_is_no_text(content: bytes) -> None:
    assert decoded(content) is None
