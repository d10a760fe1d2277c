"""TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"


OUR_PORTS = range(20_000, 32_768)
"""Below the ports that systems lend to outgoing connections (Linux from 32768, others from 49152):
one of those could be taken by any connection before its server has come to listen on it."""


def free_port() -> int:
    """A port that nobody listens on at this moment, and that no connection will be lent."""
    # Any order does, as long as processes that look at the same time look at different ports.
    for port in random.sample(OUR_PORTS, len(OUR_PORTS)):
        if is_free(port):
            return port
    raise OSError(f"no port between {OUR_PORTS.start} and {OUR_PORTS.stop} is free")


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now; connections of an earlier one don't count."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are in TIME_WAIT can be taken again.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
