"""The process in which a stranger's file is opened: `python -I -m adapters.parsing.child`.

Reads the file from standard input, writes one JSON object to standard output: the parsed document,
or the reason why there is none. It gives up its own rights to memory, CPU and files first.
"""

import json
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from adapters.parsing.document import ParsedDocument, UnreadableDocument

EXIT_OUT_OF_MEMORY: Final = 3


def main() -> int:
    """Arguments: bytes of address space, seconds of CPU time."""
    memory, cpu = int(sys.argv[1]), int(sys.argv[2])
    # macOS refuses a limit of address space; CPU and wall time still end a bomb there.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = _answer(sys.stdin.buffer.read())
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    sys.stdout.buffer.write(answer)
    return 0


def _answer(content: bytes) -> bytes:
    try:
        return json.dumps(asdict(_parse(content))).encode()
    except UnreadableDocument as error:
        return json.dumps({"reason": error.reason, "sentence": error.sentence}).encode()


def _parse(content: bytes) -> ParsedDocument:
    # Each parser is imported only for its own format: starting this process is most of its cost.
    from adapters.parsing.sniffing import sniff

    match sniff(content):
        case "pdf":
            from adapters.parsing.pdf import parse_pdf as parse
        case "docx":
            from adapters.parsing.docx import parse_docx as parse
        case "text":
            from adapters.parsing.plain_text import parse_text as parse
    return parse(content)


if __name__ == "__main__":
    sys.exit(main())
