"""Small things about sockets."""

from __future__ import annotations

import itertools
import random
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

LOOPBACK = "127.0.0.1"

_BLOCK = 400
_BLOCKS = range(12_000, 32_000, _BLOCK)
"""Below the ports that the kernel gives to whoever connects, or listens without saying where."""


def free_port() -> int:
    """Return a loopback port that nothing listens on, and nobody else takes meanwhile."""
    ports, _ = _mine()
    return next(port for port in ports if _is_free(port))


@cache
def _mine() -> tuple[Iterator[int], socket.socket]:
    """Return this process's ports: a block is its own as long as it has a socket of that name.

    A server that starts, or comes back, would else find its port taken by another test process.
    """
    for first in random.sample(_BLOCKS, len(_BLOCKS)):
        held = socket.socket(socket.AF_UNIX)
        with suppress(OSError):
            held.bind(f"\0kato-tenants tests {first}")  # of the network namespace, as ports are
            return itertools.cycle(range(first, first + _BLOCK)), held
        held.close()
    raise AssertionError("every port is in use by tests")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("", port))
        return True
    return False


def hang_up(connection: socket.socket) -> None:
    """Close a connection so that the other end sees a reset."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other end was first
    finally:
        connection.close()


def arrived(*connections: socket.socket) -> list[socket.socket]:
    """Wait for what arrives, and return over which; hanging up is something that arrives.

    A thread for each connection that looked every moment whether it is to end would keep the
    processor from those that work. Not by `select`, which takes no descriptor above 1,023.
    Raises ValueError for a connection that is closed.
    """
    poll, by_number = select.poll(), {each.fileno(): each for each in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(_LONGEST_WAIT)]


_LONGEST_WAIT = 1000
"""Milliseconds: for a connection that was closed just before the wait for it began."""
