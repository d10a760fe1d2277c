"""Processes that parse, each for one file, made by a `fork_server`."""

import asyncio
import socket
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache

from adapters.parsing.fork_server import STATUS, ForkRequest

_Server = tuple["subprocess.Popen[bytes]", socket.socket]


class ForkServerDied(Exception):
    """It ended, or could not fork: no file is to blame, and the next attempt has a new one."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A process that parses. It ends with the block that it was made for."""

    reader: asyncio.StreamReader
    """Its answer."""
    writer: asyncio.StreamWriter
    """What it reads, when that is not a file; to be ended with `write_eof`."""
    _ended: asyncio.Task[int | None]

    async def status(self) -> int:
        """How it ended, as `Popen.returncode` has it.

        Raises:
            ForkServerDied: nobody knows.
        """
        status = await asyncio.shield(self._ended)
        if status is None:
            raise ForkServerDied("the parsers' process has ended")
        return status


class Forks:
    """Forks of one process, which is started when the first is asked for and whenever it is gone.

    It ends when this object does, or this process, however that ends.
    """

    def __init__(self) -> None:
        self._server: _Server | None = None

    @asynccontextmanager
    async def fork(self, request: ForkRequest, *, file: int | None) -> AsyncIterator[Fork]:
        """A process that reads the file, or what is written to it. Killed at the block's end.

        Args:
            request: what it may cost.
            file: descriptor of an open file.
        """
        wire, their_wire = socket.socketpair()
        connection, their_connection = socket.socketpair()
        with wire, connection:
            connection.setblocking(False)
            with their_wire, their_connection:
                read_from = their_wire.fileno() if file is None else file
                self._ask(request, [read_from, their_wire.fileno(), their_connection.fileno()])
            reader, writer = await asyncio.open_unix_connection(sock=wire)
            ended = asyncio.create_task(_told_status(connection))
            try:
                yield Fork(reader, writer, ended)
            finally:
                writer.transport.abort()
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                try:
                    await asyncio.wait([ended])
                finally:
                    ended.cancel()

    def _ask(self, request: ForkRequest, descriptors: list[int]) -> None:
        for server in (self._server, None):
            process, requests = server or self._start()
            if process.poll() is None:
                with suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(requests, [request.pack()], descriptors)
                    return
        raise ForkServerDied("the parsers' process does not start")

    def _start(self) -> _Server:
        if self._server is not None:
            self._server[1].close()
        requests, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-I", "-X", "utf8", "-m", "adapters.parsing.fork_server",
                 str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env={},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                # Not to be interrupted at the terminal, while the worker ends its work in peace.
                start_new_session=True,
            )  # fmt: skip
        self._server = process, requests
        weakref.finalize(self, _end, process, requests)
        return self._server


async def _told_status(connection: socket.socket) -> int | None:
    """None: it will never be told."""
    try:
        told = await asyncio.get_running_loop().sock_recv(connection, STATUS.size)
    except OSError:
        return None
    return STATUS.unpack(told)[0] if len(told) == STATUS.size else None


def _end(process: "subprocess.Popen[bytes]", requests: socket.socket) -> None:
    requests.close()
    process.wait()


@cache
def shared_forks() -> Forks:
    """Those of this process: one server has room for all that it parses."""
    return Forks()
