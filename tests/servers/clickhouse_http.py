"""ClickHouse's HTTP interface over the engine of this test process, on a real socket.

It speaks what clickhouse-connect sends: queries in the body, bound `param_*`, settings and the
database in the address, answers in the format asked for and compressed where allowed, inserts
with or without compression, and the exception header.

```
with clickhouse_http(chdb_path, password="s3cret") as server:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port, password="s3cret")
```
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.parser import BytesParser
from functools import cache
from pathlib import Path

import chdb
import lz4.frame
from chdb.state.sqlitelike import Connection
from clickhouse_connect.driver.compression import _zstd_decompress

from tests.servers.faults import Answer, HttpServer, Request

TRANSPORT = frozenset({
    "buffer_size", "client_protocol_version", "compress", "database", "decompress",
    "default_format", "enable_http_compression", "http_headers_progress_interval_ms", "query",
    "query_id", "quota_key", "role", "send_progress_in_http_headers", "session_check",
    "session_id", "session_timeout", "wait_end_of_query",
})  # fmt: skip
_FIELD_BYTES = 131_072
"""`http_max_field_value_size`, which is of each value of an address and of a form."""
_SETTINGS = b"SELECT name, value, readonly FROM system.settings LIMIT 10000"
"""What every new client asks first: 1,800 rows, longer to make than what most tests ask."""
_CODE = re.compile(r"Code: (\d+)\.")
_STATUS = {516: 403, 497: 403, 60: 404, 81: 404}
DECODERS = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": _zstd_decompress,
}
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s.*?\bFORMAT\s+(\w+)[ \t]*\r?\n", re.IGNORECASE | re.DOTALL
)


def clickhouse_http(
    path: str, *, user: str = "default", password: str = "", limits: LimitedUser | None = None
) -> HttpServer:
    """Serve the engine at `path`, which this process already holds open."""
    return HttpServer(_Face(path, user, password, limits).answer)


@dataclass(frozen=True)
class LimitedUser:
    """Somebody who has these grants alone, each as `SELECT ON db.*`.

    The engine has no users: this refuses and answers as ClickHouse documents it for what tests
    ask. `can_check` is whether the server has CHECK GRANT, as there is since 24.10.
    """

    grants: tuple[str, ...]
    can_check: bool = True

    def asked(self, statement: str) -> str:
        """Return what to run in a statement's place where it is about grants.

        Raises RuntimeError for what such a server does not understand.
        """
        checked = re.fullmatch(r"CHECK GRANT (.+) ON (\S+)\s*", statement)
        if (checked and not self.can_check) or statement.startswith("SHOW GRANTS FINAL"):
            raise RuntimeError("Code: 62. DB::Exception: Syntax error: failed at position 1")
        if checked:
            return f"SELECT {int(self.may(checked[1], checked[2].replace('`', '')))}"
        if statement.startswith("SHOW GRANTS"):
            lines = [f"GRANT {grant} TO limited" for grant in self.grants]
            return f"SELECT arrayJoin({lines}){statement.removeprefix('SHOW GRANTS')}"
        return statement

    def check(self, statement: str, parameters: Mapping[str, str]) -> None:
        """Refuse to read what was not granted. Raises RuntimeError."""
        bound = re.sub(r"\{(\w+):Identifier\}", lambda m: parameters[m[1]], statement)
        for name in re.findall(r"(?:FROM|JOIN)\s+([\w`]+\.[\w`]+)", bound):
            if not self.may("SELECT", name.replace("`", "")):
                raise RuntimeError("Code: 497. DB::Exception: limited: Not enough privileges.")

    def may(self, right: str, on: str) -> bool:
        """Whether one of the grants gives a right."""
        places = {"*.*", on, on.partition(".")[0] + ".*"}
        wider = {
            right,
            *(["ALTER TABLE"] if right == "ALTER DELETE" else []),
            right.split(maxsplit=1)[0],
        }
        return any(
            name in wider and place in places
            for name, _, place in (grant.partition(" ON ") for grant in self.grants)
        )


@dataclass(frozen=True)
class _Face:
    path: str
    user: str
    password: str
    limits: LimitedUser | None = None

    def answer(self, request: Request) -> Answer:
        if request.path == "/ping" or not (request.body or "query" in request.query):
            return Answer(200, b"Ok.\n")
        if not self._admits(request):
            return failure("Code: 516. DB::Exception: default: Authentication failed")
        try:
            return success(request, self._run(unpacked(request)))
        except (RuntimeError, chdb.ChdbError) as exc:
            return failure(str(exc))

    def _admits(self, request: Request) -> bool:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        given = base64.b64decode(secret).decode() if scheme == "Basic" else "default:"
        return given == f"{self.user}:{self.password}"

    def _run(self, request: Request) -> bytes:
        body = DECODERS[request.headers.get("content-encoding", "identity")](request.body)
        query = request.query.get("query", "").encode()
        statement = b"\n".join(part for part in (query, body) if part)
        if self.limits is not None:
            text = self.limits.asked(statement.decode(errors="surrogateescape"))  # rows are bytes
            self.limits.check(text, _parameters(request))
            statement = text.encode(errors="surrogateescape")
        if statement.startswith(_SETTINGS):
            return _settings(self.path, statement)
        settings = {
            name: value
            for name, value in request.query.items()
            if name not in TRANSPORT and not name.startswith("param_")
        }
        database = request.query.get("database") or "default"
        with _connection(self.path, settings, database) as connection:
            return _execute(connection, statement, _parameters(request))


@cache
def _settings(path: str, statement: bytes) -> bytes:
    """Return the engine's settings, which stay as they are."""
    with _connection(path, {}, "default") as connection:
        return _execute(connection, statement, {})


_idle: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[Connection, str]]] = defaultdict(
    list
)
"""Connections with their database, by their settings."""


@contextmanager
def _connection(path: str, settings: Mapping[str, str], database: str) -> Iterator[Connection]:
    """Lend one that has these settings; making one and setting them takes as long as a query."""
    idle = _idle[path, frozenset(settings.items())]
    connection, uses = idle.pop() if idle else (_connected(path, settings), "")
    try:
        if uses != database:
            connection.query(f"USE `{database}`")
        yield connection
    except BaseException:
        connection.close()
        raise
    idle.append((connection, database))


def _connected(path: str, settings: Mapping[str, str]) -> Connection:
    """Connect with one thread a query, as tables of some rows need: more take twice as long."""
    connection = chdb.connect(path)
    for name, value in {"max_threads": "1", **settings}.items():
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        connection.query(f"SET {name} = '{quoted}'")
    return connection


def close_idle() -> None:
    """Close what this process holds open of its engine."""
    for idle in _idle.values():
        while idle:
            idle.pop()[0].close()


def unpacked(request: Request) -> Request:
    """Take query and parameters out of a form, which the driver sends when they are long."""
    _check(request.query.values())
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return request
    form = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    fields = {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in form.get_payload()
    }
    _check(fields.values())
    body = fields.pop("query", b"")
    texts = {name: value.decode() for name, value in fields.items()}
    return replace(request, query={**request.query, **texts}, body=body)


def _check(values: Iterable[bytes | str]) -> None:
    if any(len(value) > _FIELD_BYTES for value in values):
        raise RuntimeError("Code: 1000. HTML Form Exception: Field value too long")


def _parameters(request: Request) -> dict[str, str]:
    prefix = "param_"
    return {
        name.removeprefix(prefix): value
        for name, value in request.query.items()
        if name.startswith(prefix)
    }


def _execute(connection: Connection, statement: bytes, parameters: dict[str, str]) -> bytes:
    insert = _INSERT.match(statement)
    if insert is None:
        result = connection.query(statement, "TabSeparated", params=parameters)
        return bytes(result.bytes() or b"")
    with tempfile.NamedTemporaryFile(suffix=".insert") as data:
        data.write(statement[insert.end() :])
        data.flush()
        head = insert[0][: insert.start(1) - insert.start()].rstrip()[: -len(b"FORMAT")]
        source = f" FROM INFILE '{Path(data.name)}' FORMAT ".encode()
        connection.query(head + source + insert[1], "TabSeparated", params=parameters)
    return b""


def success(request: Request, body: bytes) -> Answer:
    headers = {
        "Content-Type": "application/octet-stream",
        "X-ClickHouse-Query-Id": request.query.get("query_id", "test"),
        "X-ClickHouse-Summary": json.dumps({"read_rows": "0", "written_rows": "0"}),
    }
    wanted = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
    if request.query.get("enable_http_compression") == "1" and "lz4" in wanted and body:
        body, headers["Content-Encoding"] = lz4.frame.compress(body), "lz4"
    return Answer(200, body, headers)


def failure(text: str) -> Answer:
    found = _CODE.search(text)
    code = int(found[1]) if found else 49
    headers = {"X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain"}
    return Answer(_STATUS.get(code, 500), text.encode(), headers)
