"""Parses a file in a process of its own with limits on memory, CPU time, wall time and output.

A parser that loops, swells or crashes on a hostile file takes nothing with it but its own process.
"""

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from adapters.parsing.child import EXIT_OUT_OF_MEMORY, too_much_text
from adapters.parsing.document import (
    ParsedDocument,
    Unreadable,
    UnreadableDocument,
    UnsupportedDocument,
)
from adapters.parsing.fork_server import ForkRequest
from adapters.parsing.forks import Fork, Forks, shared_forks

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
    """How far the process stands back behind other processes, as `nice` counts it."""


class DocumentParser:
    """Turns a file into text, whatever its bytes."""

    def __init__(self, limits: ParserLimits | None = None, *, forks: Forks | None = None) -> None:
        """
        Args:
            limits: of each file.
            forks: processes to parse in; by default those that this whole process shares.
        """
        self._limits = limits or ParserLimits()
        self._forks = forks or shared_forks()

    async def parse(self, content: bytes) -> ParsedDocument:
        """The text of a file. Cancelling kills the process that reads it.

        Raises:
            UnsupportedDocument: not a kind of file that is read.
            UnreadableDocument: broken, protected, empty, or it exceeds a limit.
            ForkServerDied: nothing to do with the file; another attempt may succeed.
        """
        self._require_size(len(content))
        return await self._in_fork(None, content)

    async def parse_file(self, path: str | os.PathLike[str]) -> ParsedDocument:
        """As `parse`, of a file on disk: it is not read into the memory of this process.

        Raises:
            OSError: there is no such file, or it must not be read.
        """
        with await asyncio.to_thread(open, path, "rb") as file:
            self._require_size(os.fstat(file.fileno()).st_size)
            return await self._in_fork(file.fileno(), b"")

    def _require_size(self, size: int) -> None:
        most = self._limits.input_bytes
        if size > most:
            raise UnreadableDocument(
                Unreadable.TOO_LARGE,
                f"The file has {_megabytes(size)}; {_megabytes(most)} are the most: split it.",
            )

    async def _in_fork(self, file: int | None, content: bytes) -> ParsedDocument:
        limits = self._limits
        request = ForkRequest(
            memory_bytes=limits.memory_bytes,
            cpu_seconds=limits.cpu_seconds,
            text_characters=limits.text_characters,
            niceness=limits.niceness,
        )
        async with self._forks.fork(request, file=file) as fork:
            try:
                async with asyncio.timeout(limits.wall_seconds):
                    answer, _, status = await asyncio.gather(
                        self._read(fork), _write(fork, content), fork.status()
                    )
            except TimeoutError:
                raise _took_too_long() from None
        if status != 0:
            raise _died(status)
        return _parsed(answer)

    async def _read(self, fork: Fork) -> bytes:
        # A character of JSON is at the most 12 bytes: an escaped surrogate pair. The fork counts
        # characters itself; this is for one that a hostile file has taken over.
        most = self._limits.text_characters * 12 + _MEGABYTE
        answer = bytearray()
        with suppress(ConnectionResetError):  # it ended without reading all; its status says why
            while part := await fork.reader.read(_PIECE_BYTES):
                answer += part
                if len(answer) > most:
                    raise too_much_text(self._limits.text_characters)
        return bytes(answer)


async def _write(fork: Fork, content: bytes) -> None:
    """In pieces: a socket that is handed everything at once keeps a second copy of it."""
    try:
        for start in range(0, len(content), _PIECE_BYTES):
            fork.writer.write(content[start : start + _PIECE_BYTES])
            await fork.writer.drain()
        fork.writer.write_eof()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended while reading; its exit status says why


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
