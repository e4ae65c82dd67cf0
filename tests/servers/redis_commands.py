"""A TCP proxy before a Redis that counts the commands that it passes on, and cuts off on demand."""

from __future__ import annotations

import socket
import threading
from typing import Any, Self

import hiredis

from tests.servers.sockets import LOOPBACK, hang_up


class CommandProxy:
    """Passes everything on. `commands` are the names of what was sent, over all connections.

    With `cut_after(name, number)` it hangs up when that command came for the nth time: the
    server has it, and its answer is lost.
    """

    def __init__(self, port: int) -> None:
        self._target = (LOOPBACK, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        self.commands: list[str] = []
        self.connections = 0
        self._cut: tuple[str, int] = ("", 0)
        self._deaf: set[socket.socket] = set()
        self._start(self._accept)

    def cut_after(self, name: str, number: int = 1) -> None:
        """Hang up at a command, from now on, every time it comes after that."""
        self._cut = (name, number)

    def count(self, name: str) -> int:
        """Return how often a command was sent."""
        return self.commands.count(name)

    def _start(self, target: Any, *args: Any) -> None:
        threading.Thread(target=target, args=args, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it was closed
            self.connections += 1
            server = socket.create_connection(self._target)
            self._start(self._answers, server, client)
            self._start(self._asks, client, server)

    def _asks(self, client: socket.socket, server: socket.socket) -> None:
        reader = hiredis.Reader()
        try:
            while data := client.recv(1 << 16):
                reader.feed(data)
                if self._is_cut(reader):
                    self._deaf.add(client)
                server.sendall(data)
        except OSError:
            pass  # one end hung up
        finally:
            hang_up(server)

    def _is_cut(self, reader: Any) -> bool:
        """Note what was sent; whether that is where to hang up."""
        is_cut = False
        while (words := reader.gets()) is not False:
            name = words[0].decode().upper()
            self.commands.append(name)
            is_cut |= name == self._cut[0] and self.count(name) >= self._cut[1]
        return is_cut

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while (data := server.recv(1 << 16)) and client not in self._deaf:
                client.sendall(data)
        except OSError:
            pass  # one end hung up
        finally:
            hang_up(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
