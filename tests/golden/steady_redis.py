"""A proxy before Redis that gives what differs from run to run the same value each time.

What a key takes in memory depends on the allocator and on what was there before, and what is left
of its time to live on the moment.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Self
from zlib import crc32

from tests.servers.sockets import LOOPBACK, arrived, free_port, hang_up

_STEP_MS = 600_000
_READ_BYTES = 1 << 18
_LINE, _TEXT, _PAIRS = b"+-:_#,(", b"$=!", b"%|"  # first signs of replies, by how long these are


class SteadyRedis:
    """Passes commands and replies on, and changes the figures of MEMORY USAGE and PTTL."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._listener = socket.create_server((LOOPBACK, self.port))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection((LOOPBACK, self._target_port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._pump(client, server)
        except OSError:
            pass  # hung up by one end
        finally:
            hang_up(client)
            hang_up(server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        asked: deque[bytes] = deque()
        commands, replies = bytearray(), bytearray()
        while True:
            for source in arrived(client, server):
                data = source.recv(_READ_BYTES)
                if not data:
                    return
                if source is client:
                    commands += data
                    asked.extend(_frames(commands))
                    server.sendall(data)
                    continue
                replies += data
                steady = (_steady(asked.popleft(), reply) for reply in _frames(replies))
                client.sendall(b"".join(steady))


def _frames(buffer: bytearray) -> list[bytes]:
    """Take every whole command or reply from the beginning of what has arrived."""
    found, start = [], 0
    while start < len(buffer) and (end := _end(buffer, start)) is not None:
        found.append(bytes(buffer[start:end]))
        start = end
    del buffer[:start]
    return found


def _end(buffer: bytearray, start: int) -> int | None:
    """Return where a command or a reply ends; None where it has not arrived as a whole."""
    line = buffer.find(b"\r\n", start)
    if line < 0:
        return None
    sign, end = buffer[start : start + 1], line + 2
    if sign in _LINE:
        return end
    length = int(buffer[start + 1 : line])
    if sign in _TEXT:
        end += length + 2 if length >= 0 else 0
        return end if end <= len(buffer) else None
    for _ in range(length * 2 if sign in _PAIRS else length):
        found = _end(buffer, end)
        if found is None:
            return None
        end = found
    return end


def _steady(command: bytes, reply: bytes) -> bytes:
    """Return the reply to a command with the figure that it has in each run."""
    words = command.split(b"\r\n")[2::2]
    if not reply.startswith(b":") or reply.startswith(b":-"):
        return reply
    if [word.upper() for word in words[:2]] == [b"MEMORY", b"USAGE"]:
        return b":%d\r\n" % (100 + crc32(command) % 900)
    if words[0].upper() == b"PTTL":
        return b":%d\r\n" % (-(-int(reply[1:]) // _STEP_MS) * _STEP_MS)
    return reply
