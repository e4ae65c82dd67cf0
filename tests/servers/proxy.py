"""A TCP proxy on a real socket that fails on demand.

```
with FaultyProxy("127.0.0.1", 6379) as proxy:
    client(proxy.port)
    proxy.refuse(); proxy.slow(3.0); proxy.drop_after_bytes(100); proxy.passing()
```
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from tests.servers.sockets import LOOPBACK, arrived, free_port, hang_up


class FaultyProxy:
    """Passes TCP on to a target, from a loopback port of its own, until told otherwise."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self.target = (target_host, target_port)
        self.port = free_port()
        self.connections = 0
        self._delay = 0.0
        self._limit: int | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self.passing()

    def passing(self) -> None:
        """Pass everything on, at once."""
        self._delay, self._limit = 0.0, None
        self._listen()

    def refuse(self) -> None:
        """Close the port and every connection."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            self._accepting.join()  # as long as it waits in accept, the port is not free again
            listener.close()
        with self._lock:
            for connection in self._open:
                hang_up(connection)
            self._open.clear()

    def slow(self, seconds: float) -> None:
        """Hold back what the target answers by so many seconds, each time."""
        self.passing()
        self._delay = seconds

    def drop_after_bytes(self, count: int) -> None:
        """Hang up on each connection once so many bytes of answers went through it."""
        self.passing()
        self._limit = count

    def _listen(self) -> None:
        if self._listener is not None:
            return
        self._stopping = threading.Event()
        self._listener = socket.create_server((LOOPBACK, self.port))
        self._accepting = self._start(self._accept, self._listener, self._stopping)

    def _start(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._pass_on, client, stopping)

    def _pass_on(self, client: socket.socket, stopping: threading.Event) -> None:
        try:
            target = socket.create_connection(self.target)
        except OSError:
            hang_up(client)
            return
        with self._lock:
            self._open |= {client, target}
        try:
            self._pump(client, target, stopping)
        except (OSError, ValueError):
            pass  # hung up by one end or by refuse()
        finally:
            self._forget(client, target)

    def _pump(
        self, client: socket.socket, target: socket.socket, stopping: threading.Event
    ) -> None:
        answered = 0
        while not stopping.is_set():
            for source in arrived(client, target):
                data = source.recv(65536)
                if not data:
                    return
                if source is client:
                    target.sendall(data)
                    continue
                if self._delay and stopping.wait(self._delay):
                    return
                left = len(data) if self._limit is None else max(0, self._limit - answered)
                client.sendall(data[:left])
                answered += len(data)
                if left < len(data):
                    return

    def _forget(self, *connections: socket.socket) -> None:
        with self._lock:
            self._open.difference_update(connections)
        for connection in connections:
            hang_up(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
