"""Parses a file in a child process with limits on memory, CPU time, wall time and output.

A parser that loops, swells or crashes on a hostile file takes nothing with it but its own process.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from adapters.parsing.child import EXIT_OUT_OF_MEMORY, too_much_text
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    UnsupportedDocument,
)

_PIECE_BYTES: Final = 64 * 1024
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one file may cost. The defaults take a 5,000-page PDF and stop every bomb we know."""

    input_bytes: int = 100 * _MEGABYTE
    memory_bytes: int = 1024 * _MEGABYTE
    cpu_seconds: int = 60
    wall_seconds: float = 90
    text_characters: int = 10_000_000
    niceness: int = 0
    """How far the child stands back behind other processes, as `nice` counts it."""


class DocumentParser:
    """Turns a file into text, whatever its bytes."""

    def __init__(self, limits: ParserLimits | None = None) -> None:
        self._limits = limits or ParserLimits()

    async def parse(self, content: bytes) -> ParsedDocument:
        """The text of a file. Cancelling kills the process that reads it.

        Raises:
            UnsupportedDocument: not a kind of file that is read.
            UnreadableDocument: broken, protected, empty, or it exceeds a limit.
        """
        self._require_size(len(content))
        return await self._in_child(PIPE, content)

    async def parse_file(self, path: str | os.PathLike[str]) -> ParsedDocument:
        """As `parse`, of a file on disk: it is not read into the memory of this process.

        Raises:
            OSError: there is no such file, or it must not be read.
        """
        with await asyncio.to_thread(open, path, "rb") as file:
            self._require_size(os.fstat(file.fileno()).st_size)
            return await self._in_child(file, b"")

    def _require_size(self, size: int) -> None:
        most = self._limits.input_bytes
        if size > most:
            raise UnreadableDocument(
                Unreadable.TOO_LARGE,
                f"The file has {_megabytes(size)}; {_megabytes(most)} are the most: split it.",
            )

    async def _in_child(self, stdin: int | IO[bytes], content: bytes) -> ParsedDocument:
        limits = self._limits
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-X", "utf8", "-m", "adapters.parsing.child",
            str(limits.memory_bytes), str(limits.cpu_seconds), str(limits.text_characters),
            stdin=stdin, stdout=PIPE, stderr=DEVNULL, env={},
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
        return _parsed(answer)

    async def _read(self, process: Process) -> bytes:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe above
        # A character of JSON is at the most 12 bytes: an escaped surrogate pair. The child counts
        # characters itself; this is for one that a hostile file has taken over.
        most = self._limits.text_characters * 12 + _MEGABYTE
        answer = bytearray()
        while part := await process.stdout.read(_PIECE_BYTES):
            answer += part
            if len(answer) > most:
                process.kill()
                raise too_much_text(self._limits.text_characters)
        return bytes(answer)


async def _write(process: Process, content: bytes) -> None:
    """In pieces: a pipe that is handed everything at once keeps a second copy of it."""
    if process.stdin is None:
        return
    try:
        for start in range(0, len(content), _PIECE_BYTES):
            process.stdin.write(content[start : start + _PIECE_BYTES])
            await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it died while reading; its exit status says why


def _parsed(answer: bytes) -> ParsedDocument:
    found: dict[str, Any] = json.loads(answer)
    if "reason" in found:
        if found["reason"] == Unreadable.UNSUPPORTED:
            raise UnsupportedDocument(found["sentence"])
        raise UnreadableDocument(Unreadable(found["reason"]), found["sentence"])
    document = ParsedDocument(
        text=found["text"],
        page_starts=_tuple(found["page_starts"]),
        page_labels=_tuple(found["page_labels"]),
        warnings=tuple(found["warnings"]),
    )
    if not document.text.strip():
        raise UnreadableDocument(Unreadable.EMPTY, "The file has no text.")
    return document


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _died(status: int) -> UnreadableDocument:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return _took_too_long()
    if status == EXIT_OUT_OF_MEMORY:
        return UnreadableDocument(
            Unreadable.BOMB, "The document needs too much memory to be opened: split it."
        )
    return UnreadableDocument(
        Unreadable.CRASHED,
        "The document could not be read, it may be damaged or too large: save it again, or split "
        "it, and upload that.",
    )


def _took_too_long() -> UnreadableDocument:
    return UnreadableDocument(
        Unreadable.TOOK_TOO_LONG, "Reading the document took too long: split or simplify it."
    )


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
