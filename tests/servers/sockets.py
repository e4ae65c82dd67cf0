"""Small things about sockets."""

from __future__ import annotations

import socket
import struct

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.02


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def hang_up(connection: socket.socket) -> None:
    """Close a connection so that the other end sees a reset."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other end was first
    finally:
        connection.close()
