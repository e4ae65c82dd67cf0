"""ClickHouse's engine in a process of its own, answering over HTTP as its rows are made.

    python -m bench.clickhouse_server DIRECTORY

Prints its port. The driver's client and its server then cost what they cost apart, and neither
holds a whole answer.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import clickhouse_connect
import psutil

from bench.clickhouse import Connect

_engine: Any = chdb  # which is not typed
_WHERE = "param_"
_SETTINGS = frozenset({
    "max_block_size", "preferred_block_size_bytes", "output_format_native_write_json_as_string",
})  # fmt: skip


@contextmanager
def served(directory: str) -> Iterator[tuple[Connect, psutil.Process]]:
    """Serve a directory, and yield what makes clients of it with the server's process."""
    command = [sys.executable, "-m", __name__, directory]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield (
                lambda: clickhouse_connect.get_client(
                    host="127.0.0.1", port=port, compress=False, autogenerate_session_id=False
                ),
                psutil.Process(process.pid),
            )
        finally:
            process.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Say that it is there."""
        self._begin(200)
        self._send(b"Ok.\n")
        self._send(b"")

    def do_POST(self) -> None:
        """Run a query, and send what it answers as it comes."""
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with closing(self.server.connect(asked)) as connection:  # type: ignore[attr-defined]
            try:
                pieces = _answers(connection, asked.get("query", "") + body.decode(), asked)
                first = next(pieces, b"")
            except RuntimeError as exc:
                self._begin(500)
                self._send(str(exc).encode())
            else:
                self._begin(200)
                self._send(first)
                for piece in pieces:
                    self._send(piece)
        self._send(b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _begin(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._ended = False

    def _send(self, data: bytes) -> None:
        """Send a chunk; the first empty one ends the answer."""
        if not self._ended:
            self.wfile.write(b"%x\r\n" % len(data))
            self.wfile.write(data)
            self.wfile.write(b"\r\n")
            self._ended = not data


def _answers(connection: Any, query: str, asked: Mapping[str, str]) -> Iterator[bytes]:
    bound = {name.removeprefix(_WHERE): value for name, value in asked.items()
             if name.startswith(_WHERE)}  # fmt: skip
    if not query.lstrip().startswith("SELECT"):
        connection.query(query, "TabSeparated", params=bound)
        return
    with connection.send_query(query, "TabSeparated", params=bound) as found:
        while (piece := found.fetch()) is not None and piece.size():
            yield bytes(piece.bytes())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, directory: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._directory = directory

    def connect(self, asked: Mapping[str, str]) -> Any:
        """Return a connection with the settings and the database that are asked for."""
        connection = _engine.connect(self._directory)
        for name in _SETTINGS & asked.keys():
            connection.query(f"SET {name} = {int(asked[name])}")
        if asked.get("database"):
            connection.query(f"USE `{asked['database']}`")
        return connection


if __name__ == "__main__":
    with closing(_engine.connect(sys.argv[1])):
        server = _Server(sys.argv[1])
        print(server.server_port, flush=True)
        server.serve_forever()
