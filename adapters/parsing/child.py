"""What a process does in which a stranger's file is opened (`fork_server.py`).

It gives up its own rights to memory, CPU and files, reads the file from standard input (a socket,
or the file itself, which then need not fit in memory), and writes one JSON object to standard
output: the parsed document, or the reason why there is none.
"""

import io
import json
import os
import resource
import stat
from contextlib import suppress
from dataclasses import asdict
from typing import BinaryIO, Final

from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    too_deep,
)

EXIT_OUT_OF_MEMORY: Final = 3


def read_and_answer(*, memory_bytes: int, cpu_seconds: int, text_characters: int) -> int:
    """The exit status of this process, which is of no other use from then on.

    Args:
        memory_bytes: of address space.
        cpu_seconds: of CPU time.
        text_characters: of text in the document.
    """
    # macOS refuses a limit of address space; CPU and wall time still end a bomb there.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = _answer(_input(), text_characters)
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    with open(1, "wb", closefd=False) as output:
        output.write(answer)
    return 0


def _input() -> BinaryIO:
    # Mammoth takes the name apart, which of a descriptor alone would be a number.
    given = open("standard input", "rb", opener=lambda *_: 0)  # noqa: SIM115 - until the end
    if stat.S_ISREG(os.fstat(0).st_mode):
        return given
    return io.BytesIO(given.read())


def _answer(file: BinaryIO, characters: int) -> bytes:
    try:
        return json.dumps(asdict(read_document(file, characters=characters))).encode()
    except UnreadableDocument as error:
        return _refusal(error)
    except RecursionError:
        return _refusal(too_deep())


def _refusal(error: UnreadableDocument) -> bytes:
    return json.dumps({"reason": error.reason, "sentence": error.sentence}).encode()


def too_much_text(characters: int) -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.TOO_LARGE, f"The document has more than {characters:,} characters: split it."
    )


def read_document(file: BinaryIO, *, characters: int) -> ParsedDocument:
    """The document in a file, of at most so many characters.

    Raises:
        UnreadableDocument: there is none. Lack of memory and too deep a nesting come as they are.
    """
    # Imported when needed: whoever only asks for a document has use for none of them.
    from adapters.parsing.sniffing import TEXTUAL, sniff_file

    kind = sniff_file(file)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if kind in TEXTUAL and size > characters * _MOST_BYTES_PER_CHARACTER:
        raise too_much_text(characters)
    match kind:
        case "pdf":
            from adapters.parsing.pdf import parse_pdf as parse
        case "docx":
            from adapters.parsing.docx import parse_docx as parse
        case "pptx":
            from adapters.parsing.pptx import parse_pptx as parse
        case "xlsx":
            from adapters.parsing.xlsx import parse_xlsx as parse
        case "epub":
            from adapters.parsing.epub import parse_epub as parse
        case "html":
            from adapters.parsing.web_page import parse_web_page as parse
        case "csv":
            from adapters.parsing.delimited import parse_delimited as parse
        case "json":
            from adapters.parsing.json_text import parse_json as parse
        case "text":
            from adapters.parsing.plain_text import parse_text as parse
    document = parse(file)
    if len(document.text) > characters:
        raise too_much_text(characters)
    return document


_MOST_BYTES_PER_CHARACTER: Final = 4
"""In UTF-8, UTF-16 and UTF-32."""
