#!/usr/bin/env bash
# clickhouse-connect 1.12.0 sends an INSERT again when the connection ends before its answer came,
# also with query_retries=0. The server may have done the first one: the rows are there twice.
#
# Most would expect: with query_retries=0, one request for one client.insert(), and an error when
# nobody knows whether it was done, as it is for client.command("INSERT ...").
# Seen: two requests with the same rows, and insert() returns as if nothing had happened.
#
# It installs clickhouse-connect into a temporary folder, and talks to a server on loopback that
# reads a whole INSERT, notes its rows, and closes the connection, as a proxy does that is
# restarted at that moment. Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    clickhouse-connect==1.12.0 urllib3==2.8.0
cat > "$folder/show.py" <<'PYTHON'
import platform
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

import clickhouse_connect

inserts = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self):
        body = self.body()
        query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
        statement = query.encode() + body
        if b"INSERT INTO" in statement:
            inserts.append(body)
            if len(inserts) in LOST:
                self.close_connection = True
                return
            answer = b""
        elif b"version()" in statement:
            answer = b"25.8.1.1\tUTC\n"
        else:
            answer = b""  # no settings: in Native, an answer without rows
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-ClickHouse-Query-Id", "shown")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_):
        pass


def outcome(act):
    inserts.clear()
    try:
        act()
    except Exception as exc:
        return len(inserts), f"raised {type(exc).__name__}"
    return len(inserts), "returned"


LOST = {1}
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = clickhouse_connect.get_client(
    host="127.0.0.1", port=server.server_address[1], query_retries=0, compress=False
)
names = {"column_names": ["a"], "column_type_names": ["String"]}
inserted = outcome(lambda: client.insert("t", [["one row"]], **names))
same = len(inserts) == 2 and inserts[0] == inserts[1] and b"one row" in inserts[0]
commanded = outcome(lambda: client.command("INSERT INTO t VALUES ('one row')"))
print(f"Python {platform.python_version()}, clickhouse-connect {version('clickhouse-connect')}, "
      f"urllib3 {version('urllib3')}, query_retries=0")
print(f"insert():  {inserted[0]} requests, {inserted[1]}; the same rows in each: {same}")
print(f"command(): {commanded[0]} requests, {commanded[1]}")
raise SystemExit(0 if (inserted, same, commanded) ==
                 ((2, "returned"), True, (1, "raised OperationalError")) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
