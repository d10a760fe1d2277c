"""Reads a file in this process: without the process around the parsers, which costs a second."""

import io

import pytest

from adapters.parsing.child import read_document
from adapters.parsing.document import ParsedDocument, UnreadableDocument
from adapters.parsing.parser import ParserLimits


def read(content: bytes) -> ParsedDocument:
    return read_document(io.BytesIO(content), characters=ParserLimits().text_characters)


def refused(content: bytes) -> UnreadableDocument:
    with pytest.raises(UnreadableDocument) as caught:
        read(content)
    assert caught.value.sentence.endswith(".")
    return caught.value
