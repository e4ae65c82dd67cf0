#!/usr/bin/env bash
# clickhouse-connect 1.12.0: Client.command() makes an int of a text that looks like one.
#
# Most would expect: a value of a column of type String is a str; command() is documented to return
# "a string or an int" for a result of one value, by what that value is.
# Seen: what comes back is text without types, and command() tries int() on it: the String '007' is
# the int 7, '1_000' is 1000, and an identifier with leading zeros is another one when it is sent
# back. query() asks for the types and returns '007'. Read names with query().
#
# It installs clickhouse-connect into a temporary folder and lets command() ask a server of a few
# lines on loopback, which answers as ClickHouse does in the format TabSeparated. Exit 0: as described
# here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check clickhouse-connect==1.12.0
cat > "$folder/show.py" <<'PYTHON'
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import clickhouse_connect


class Answer(BaseHTTPRequestHandler):
    """Answers SELECT '…' with that text and a line end.

    Of what the client asks at first it tells version and zone, and has no settings to tell.
    """

    def do_POST(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        found = re.search(r"SELECT '([^']*)'", asked)
        body = f"{found.group(1)}\n".encode() if found else b"26.9.2.1\tUTC\n"
        body = b"" if "FORMAT Native" in asked else body
        self.send_response(200)
        self.send_header("X-ClickHouse-Format", "TabSeparated")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = clickhouse_connect.create_client(
    host="127.0.0.1", port=server.server_port, autogenerate_session_id=False
)
seen = {text: client.command(f"SELECT '{text}'") for text in ("acme", "007", "1_000", "+5")}
for text, value in seen.items():
    print(f"SELECT '{text}' as String: {value!r}")
sys.exit(0 if seen == {"acme": "acme", "007": 7, "1_000": 1000, "+5": 5} else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
