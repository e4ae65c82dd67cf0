"""Servers on real sockets that fail on demand: an HTTP server over a function.

```
with HttpServer(lambda request: Answer.json({"ok": True})) as server:
    client(server.url)                     # server.calls holds every request
    server.fail(Slow(seconds=3))           # from now on; after=2 serves two more first
    server.heal()
    server.go_down(); server.come_back()   # on the same port
```
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from tests.servers.proxy import FaultyProxy
from tests.servers.sockets import LOOPBACK, free_port, hang_up

__all__ = [
    "SOON",
    "Answer",
    "Dropped",
    "Fault",
    "FaultyProxy",
    "Garbage",
    "HttpServer",
    "Refused",
    "Request",
    "Slow",
    "Unheard",
    "free_port",
    "hang_up",
]

SOON = 25.0
"""Seconds: well before a slow server's answer after 30, and enough for a busy machine."""


@dataclass(frozen=True)
class Request:
    """What a client sent, and over which of the connections that the server took, from 1."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: int = 0

    def json(self) -> Any:
        """Read the body as JSON; an empty one is an empty object."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True)
class Answer:
    """What the server sends back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Self:
        """Answer with a value as JSON."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class Fault(Protocol):
    """Takes the place of an answer: returns what to send, or None to hang up at once."""

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        """Fail."""
        ...


@dataclass(frozen=True)
class Slow:
    """Answers, but only after so many seconds (or when the server is stopped)."""

    seconds: float = 30.0

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        return None if stopping.wait(self.seconds) else answer()


@dataclass(frozen=True)
class Dropped:
    """Promises the whole body and hangs up after this part of it; of 0.0, says nothing at all."""

    part: float = 0.5

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        if not self.part:
            return None
        whole = answer()
        kept = whole.body[: int(len(whole.body) * self.part)]
        return Answer(whole.status, kept, {**whole.headers, "Content-Length": str(len(whole.body))})


@dataclass
class Unheard:
    """Does what it is asked and hangs up without a word, so many times; then it answers."""

    times: int = 1

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        done = answer()
        self.times -= 1
        return None if self.times >= 0 else done


@dataclass(frozen=True)
class Refused:
    """Answers with an error status of its own, as a proxy or a guard in front of it does."""

    status: int = 401
    body: bytes = b"who are you?"

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        return Answer(self.status, self.body, {"Content-Type": "text/plain"})


@dataclass(frozen=True)
class Garbage:
    """Answers 200 with a page of some other product."""

    body: bytes = b"<!doctype html><title>It works!</title><p>Some other product."

    def strike(self, answer: Callable[[], Answer], stopping: threading.Event) -> Answer | None:
        return Answer(200, self.body, {"Content-Type": "text/html"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: HttpServer

    def serve(self) -> None:
        """Take connections until the port is closed, and look for nothing else meanwhile."""
        while True:
            try:
                self.process_request(*self.get_request())
            except OSError:
                return

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    raw_requestline: bytes

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections.add(self.connection)
        self.number = next(self.server.owner.numbers)

    def finish(self) -> None:
        self.server.owner.connections.discard(self.connection)
        super().finish()

    def parse_request(self) -> bool:
        """Read the head. http.server reads it as an e-mail's, which takes a millisecond."""
        try:
            words = self.raw_requestline.decode("latin-1").split()
            self.command, self.path, self.request_version = words
        except ValueError:  # it is no HTTP
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return False
        self.head: dict[str, str] = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.head[name.lower()] = value.strip()
        self.close_connection = self.head.get("connection", "").lower() == "close"
        return True

    def _serve(self) -> None:
        request = self._read()
        answer = self.server.owner.respond(request)
        if answer is None:
            self.close_connection = True
            hang_up(self.connection)
            return
        self._write(request, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815

    def _read(self) -> Request:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True, errors="surrogateescape"))
        headers = self.head
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks()
        else:
            body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(self.command, url.path, query, headers, body, self.number)

    def _read_chunks(self) -> bytes:
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _write(self, request: Request, answer: Answer) -> None:
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}\r\n{lines}\r\n"
        body = b"" if request.method == "HEAD" else answer.body
        self.wfile.write(head.encode("latin-1") + body)
        self.wfile.flush()
        if int(headers["Content-Length"]) > len(answer.body):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class HttpServer:
    """Serves `answer(request)` on a loopback port of its own, and fails on demand.

    An exception in `answer` becomes a 500, as in any server. `calls` are the requests so far.
    """

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self.calls: list[Request] = []
        self.connections: set[socket.socket] = set()
        self.numbers = itertools.count(1)
        self.port = free_port()
        self._fault: Fault | None = None
        self._spared = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self.come_back()

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://{LOOPBACK}:{self.port}"

    def fail(self, fault: Fault, *, after: int = 0) -> None:
        """Strike every request with a fault, once `after` more were served."""
        self._fault, self._spared = fault, after

    def heal(self) -> None:
        """Serve again."""
        self._fault = None

    def respond(self, request: Request) -> Answer | None:
        """Answer one request, or fail as told."""
        with self._lock:
            self.calls.append(request)
            fault = self._fault
            if fault is not None and self._spared:
                self._spared -= 1
                fault = None
        if fault is None:
            return self._answer(request)
        return fault.strike(lambda: self._answer(request), self._stopping)

    def _answer(self, request: Request) -> Answer:
        try:
            return self.answer(request)
        except Exception as exc:  # noqa: BLE001 - a server answers whatever happens inside
            return Answer(500, repr(exc).encode())

    def go_down(self) -> None:
        """Close the port and every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        self._stopping.set()
        server.socket.shutdown(socket.SHUT_RDWR)
        self._serving.join()
        server.server_close()
        for connection in list(self.connections):
            hang_up(connection)

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._stopping = threading.Event()
        self._server = _Server((LOOPBACK, self.port), _Handler)
        self._server.owner = self
        self._serving = threading.Thread(target=self._server.serve, daemon=True)
        self._serving.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_down()
