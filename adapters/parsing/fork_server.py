"""The process that parsers are forked from: `python -I -m adapters.parsing.fork_server FD`.

Starting Python and importing a parser takes longer than parsing most files: 0.1 s of CPU time for
a text, 0.4 s for a PDF or a Word file. Here that is done once. This process opens no file itself
and has neither secrets nor an environment; each file gets a fork of its own, which gives up its
rights, reads and ends.

A `ForkRequest` comes through the socket `FD`, with three descriptors: what the fork reads, where it
writes, and a connection. On the connection its exit status is told, as `Popen.returncode` has it.
When the other end of the connection is shut down, the fork is killed; when the other end of `FD`
is closed, all are, and this process ends.
"""

import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import ClassVar, Final, Self

from adapters.parsing.child import read_and_answer

STATUS: Final = struct.Struct("!i")

_LAYOUT: Final = struct.Struct("!QQQQ")
_IMPORTED_AHEAD: Final = (
    "adapters.parsing.delimited", "adapters.parsing.docx", "adapters.parsing.epub",
    "adapters.parsing.json_text", "adapters.parsing.pdf", "adapters.parsing.plain_text",
    "adapters.parsing.pptx", "adapters.parsing.sniffing", "adapters.parsing.web_page",
    "adapters.parsing.xlsx", "pdfplumber",
)  # fmt: skip
"""All that a fork would import: 60 MB, which the forks share."""


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """What a fork may cost."""

    memory_bytes: int
    """Of address space, with what it begins with."""
    cpu_seconds: int
    text_characters: int
    niceness: int

    SIZE: ClassVar[int] = _LAYOUT.size

    def pack(self) -> bytes:
        return _LAYOUT.pack(*astuple(self))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        return cls(*_LAYOUT.unpack(packed))


class _ForkServer:
    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._ended, ended = socket.socketpair()
        for end in (self._ended, ended):
            end.setblocking(False)
        self._told_when_ended = ended
        self._connections: dict[int, socket.socket] = {}
        """Of each fork, by its process id."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)
        self._selector.register(self._ended, selectors.EVENT_READ)

    def serve(self) -> None:
        """Return when nobody can ask any more. No fork is left then."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._told_when_ended.fileno())
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._ended:
                    self._ended.recv(4096)
                    self._tell_ends()
                elif key.fileobj is not self._requests:
                    self._kill(key.data)
                elif not self._take():
                    for process in self._connections:
                        os.kill(process, signal.SIGKILL)
                    return

    def _take(self) -> bool:
        """The next request; False when there will be none."""
        packed, given, _, _ = socket.recv_fds(self._requests, ForkRequest.SIZE, 3)
        if not packed:
            return False
        read_from, write_to, connected = given
        connection = socket.socket(fileno=connected)
        try:
            process = os.fork()
        except OSError:
            connection.close()  # without a status: no file is to blame
        else:
            if process == 0:
                _parse(ForkRequest.unpack(packed), read_from=read_from, write_to=write_to)
            self._connections[process] = connection
            self._selector.register(connection, selectors.EVENT_READ, process)
        finally:
            os.close(read_from)
            os.close(write_to)
        return True

    def _kill(self, process: int) -> None:
        """Nobody waits for what it reads; its connection stays, to tell its end."""
        if process in self._connections:
            self._selector.unregister(self._connections[process])
            os.kill(process, signal.SIGKILL)

    def _tell_ends(self) -> None:
        while self._connections:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            connection = self._connections.pop(process)
            with suppress(KeyError):
                self._selector.unregister(connection)
            with connection, suppress(OSError):
                connection.send(STATUS.pack(os.waitstatus_to_exitcode(status)))


def _parse(request: ForkRequest, *, read_from: int, write_to: int) -> None:
    """In the fork: ends it."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(read_from, 0)
        os.dup2(write_to, 1)
        # What a hostile file takes over reaches neither other files nor this process's requests.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.nice(request.niceness)
        status = read_and_answer(
            memory_bytes=request.memory_bytes,
            cpu_seconds=request.cpu_seconds,
            text_characters=request.text_characters,
        )
    finally:
        os._exit(status)


def main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    for name in _IMPORTED_AHEAD:
        importlib.import_module(name)
    # A collection in a fork would write to, and so copy, every page of what all of them share.
    gc.freeze()
    _ForkServer(requests).serve()


if __name__ == "__main__":
    main()
