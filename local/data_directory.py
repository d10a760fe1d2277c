"""The directory that one `parley run` at a time owns."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "lock"


class DataDirectoryTaken(Exception):
    """Another process runs on the directory; the message is a sentence for the console."""


@contextmanager
def owned(directory: Path) -> Iterator[Path]:
    """Own the directory (made when missing) until the end, or until the process dies.

    Raises:
        DataDirectoryTaken: another process owns it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode().strip() or "unknown"
            raise DataDirectoryTaken(
                f"Parley is already running on {directory} (process {owner}). "
                "Stop it first, or set PARLEY_DATA_DIR to another directory."
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield directory
    finally:
        os.close(lock)
