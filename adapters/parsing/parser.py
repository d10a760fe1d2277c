"""Parses a file in a child process with limits on memory, CPU time, wall time and output.

A parser that loops, swells or crashes on a hostile file takes nothing with it but its own process.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from adapters.parsing.child import EXIT_OUT_OF_MEMORY
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    UnsupportedDocument,
)

_READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one file may cost. The defaults take a 5,000-page PDF and stop every bomb we know."""

    input_bytes: int = 32 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: float = 90
    text_characters: int = 10_000_000
    niceness: int = 0
    """How far the child stands back behind other processes, as `nice` counts it."""


class DocumentParser:
    """Turns the bytes of a file into text, whatever the bytes."""

    def __init__(self, limits: ParserLimits | None = None) -> None:
        self._limits = limits or ParserLimits()

    async def parse(self, content: bytes) -> ParsedDocument:
        """The text of a file. Cancelling kills the process that reads it.

        Raises:
            UnsupportedDocument: not a kind of file that is read.
            UnreadableDocument: broken, protected, empty, or it exceeds a limit.
        """
        limits = self._limits
        if len(content) > limits.input_bytes:
            raise UnreadableDocument(
                Unreadable.TOO_LARGE,
                f"The file has {_megabytes(len(content))}; "
                f"{_megabytes(limits.input_bytes)} are the most: split it.",
            )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-X", "utf8", "-m", "adapters.parsing.child",
            str(limits.memory_bytes), str(limits.cpu_seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )  # fmt: skip
        try:
            if limits.niceness:
                with suppress(ProcessLookupError):
                    os.setpriority(os.PRIO_PROCESS, process.pid, limits.niceness)
            async with asyncio.timeout(limits.wall_seconds):
                answer, _ = await asyncio.gather(self._read(process), _write(process, content))
                status = await process.wait()
        except TimeoutError:
            raise _took_too_long() from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise _died(status)
        return self._parsed(answer)

    async def _read(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe above
        # A character of JSON is at the most 12 bytes: an escaped surrogate pair.
        most = self._limits.text_characters * 12
        answer = bytearray()
        while part := await process.stdout.read(_READ_BYTES):
            answer += part
            if len(answer) > most:
                process.kill()
                raise self._too_much_text()
        return bytes(answer)

    def _parsed(self, answer: bytes) -> ParsedDocument:
        found: dict[str, Any] = json.loads(answer)
        if "reason" in found:
            if found["reason"] == Unreadable.UNSUPPORTED:
                raise UnsupportedDocument(found["sentence"])
            raise UnreadableDocument(Unreadable(found["reason"]), found["sentence"])
        pages = found["page_starts"]
        document = ParsedDocument(
            found["text"], None if pages is None else tuple(pages), tuple(found["warnings"])
        )
        if len(document.text) > self._limits.text_characters:
            raise self._too_much_text()
        if not document.text.strip():
            raise UnreadableDocument(Unreadable.EMPTY, "The file has no text.")
        return document

    def _too_much_text(self) -> UnreadableDocument:
        return UnreadableDocument(
            Unreadable.TOO_LARGE,
            f"The document has more than {self._limits.text_characters:,} characters: split it.",
        )


async def _write(process: asyncio.subprocess.Process, content: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe above
    try:
        process.stdin.write(content)
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it died while reading; its exit status says why


def _died(status: int) -> UnreadableDocument:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return _took_too_long()
    if status == EXIT_OUT_OF_MEMORY:
        return UnreadableDocument(
            Unreadable.BOMB, "The document needs too much memory to be opened: split it."
        )
    return UnreadableDocument(
        Unreadable.CRASHED,
        "The document could not be read, it may be damaged: save it again and upload that.",
    )


def _took_too_long() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.TOOK_TOO_LONG, "Reading the document took too long: split or simplify it."
    )


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
