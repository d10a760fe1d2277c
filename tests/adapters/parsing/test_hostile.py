"""Whatever the bytes, there is a text or a sentence: never another error, never a standstill.

`PARLEY_FUZZ_EXAMPLES` sets how many broken files of each format are tried.
"""

import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.parsing.archive import read_member
from adapters.parsing.document import Unreadable, UnreadableDocument
from adapters.parsing.parser import DocumentParser
from tests.adapters.parsing.files import (
    archive,
    book,
    pdf,
    ruled_table,
    slides,
    word,
    word_with_hidden_text,
    workbook,
)
from tests.adapters.parsing.reading import read

EXAMPLES = int(os.environ.get("PARLEY_FUZZ_EXAMPLES", "15"))

FILES = {
    "pdf": ruled_table(),
    "docx": word_with_hidden_text(),
    "pptx": slides(),
    "xlsx": workbook({"Prices": [["Name", "Price"], ["Tea", 2]]}),
    "epub": book({"a": "<h1>One</h1><p>Text</p>"}, spine=["a"]),
    "html": b"<!doctype html><html><body><h1>One</h1><table><tr><td>a<td>b</table></body></html>",
    "csv": b'name;price\n"tea";2\ncoffee;3\n',
    "json": b'[{"question": "Why?", "answer": {"because": ["of", 1, null]}}]',
    "text": "# Größe\n\n- eins\n- zwei\n".encode("utf-16"),
}

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A broken file shrinks to nothing that says more, and slowly.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def require_answer(content: bytes) -> None:
    try:
        answer = read(content).text
    except UnreadableDocument as error:
        answer = error.sentence
        assert answer.endswith(".")
    except RecursionError:
        return  # the child answers for it
    answer.encode()
    assert "\x00" not in answer


@fuzzed
@given(content=st.binary(max_size=600), head=st.sampled_from([b"", b"%PDF-1.7\n", b"<html>", b"{"]))
def test_any_bytes(content: bytes, head: bytes) -> None:
    require_answer(head + content)


@pytest.mark.parametrize("kind", FILES)
@fuzzed
@given(data=st.data())
def test_files_that_were_cut_off(kind: str, data: st.DataObject) -> None:
    content = FILES[kind]
    require_answer(content[: data.draw(st.integers(0, len(content)))])


@pytest.mark.parametrize("kind", FILES)
@fuzzed
@given(data=st.data())
def test_files_with_flipped_bits(kind: str, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    require_answer(bytes(content))


@pytest.mark.parametrize("kind", ["docx", "pptx", "epub"])
@fuzzed
@given(data=st.data())
def test_archives_whose_parts_are_broken(kind: str, data: st.DataObject) -> None:
    """Bits flipped in a part before it is packed: its checksum is right."""
    require_answer(_repacked(FILES[kind], data))


def _repacked(content: bytes, data: st.DataObject) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = data.draw(st.sampled_from(sorted(name for name in members if members[name])))
    part = bytearray(members[name])
    for _ in range(data.draw(st.integers(1, 6))):
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    return archive(members | {name: bytes(part)})


def test_names_that_lead_out_of_an_archive_lead_nowhere() -> None:
    members = {"../../../../tmp/parley-was-here": b"x", "/tmp/parley-was-here": b"x"}  # noqa: S108 - the attack itself
    require_answer(archive(members | {"word/document.xml": b"<x/>"}))
    assert not Path("/tmp/parley-was-here").exists()  # noqa: S108 - the attack itself


@pytest.mark.parametrize("content", [pdf(["a"]), word()])
def test_an_archive_in_an_archive_is_not_opened(content: bytes) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        read(archive({"inner.zip": archive({"inner.docx": content})}))
    assert "unpack it" in caught.value.sentence


@pytest.mark.parametrize(
    "content",
    [
        b"<!---->" * 9000 + b"x",
        b"<html><body>" + b"<a" * 300_000,
        b"<html><p style='font-size:" + b"0" * 300_000 + b"x'>Text</p>",
        b"a" * 250_000 + b"\xe9",
        b"[" + b"a" * 300_000,
        b"|" * 300_000,
        b"a,b\n" + b'"' * 300_000,
    ],
    ids=["comments", "tags", "zeros", "letters", "bracket", "pipes", "quotes"],
)
def test_texts_made_to_take_long_do_not(content: bytes) -> None:
    started = time.process_time()
    require_answer(content)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "content",
    [b"<html><body>" + b"<div>" * 200_000, b"[" * 200_000, b'{"a":' * 200_000],
    ids=["html", "list", "object"],
)
async def test_what_is_nested_too_deeply_says_so(content: bytes) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        await DocumentParser().parse(content)
    assert "nested too deeply" in caught.value.sentence


def test_an_archive_with_encrypted_members_is_protected() -> None:
    content = bytearray(archive({"word/document.xml": b"<x/>"}))
    content[6] |= 1  # of the flags in the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    with pytest.raises(UnreadableDocument) as caught:
        read(bytes(content))
    assert caught.value.reason is Unreadable.PROTECTED


def test_a_member_that_unpacks_to_more_than_it_declares_is_not_read_further() -> None:
    content = archive({"a.xml": b"x" * 100_000})
    declared = (100_000).to_bytes(4, "little")
    with zipfile.ZipFile(io.BytesIO(content.replace(declared, (10).to_bytes(4, "little")))) as file:
        assert file.infolist()[0].file_size == 10
        assert read_member(file, "a.xml") is None
