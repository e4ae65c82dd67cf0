#!/usr/bin/env bash
# qdrant-client 1.20.0: to a server at "localhost" or 127.0.0.1 every request opens a connection.
#
# Most would expect: a client that keeps its connections to a server keeps them wherever that is.
# Seen: for these two names alone the client sets its pool to keep no idle connection, without a
# word in what its constructor documents: ten requests one after the other are ten connections, and
# one where httpx' own limits are given. Who measures a client beside a server, or reaches a far
# one through a tunnel that ends at localhost, pays for a connection (and TLS) with each request.
#
# It installs the client into a temporary folder; a small HTTP server there answers as Qdrant does
# to GET /collections, and counts who connects. Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check qdrant-client==1.20.0 httpx==0.28.1
cat > "$folder/show.py" <<'PYTHON'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from qdrant_client import QdrantClient

ANSWER = b'{"result":{"collections":[]},"status":"ok","time":0.0}'
REQUESTS = 10


class Server(ThreadingHTTPServer):
    connections = 0

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        pass


def connections(host, **options):
    server = Server(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = QdrantClient(host=host, port=server.server_port, check_compatibility=False, **options)
    for _ in range(REQUESTS):
        assert client.get_collections().collections == []
    client.close()
    server.shutdown()
    return server.connections


found = {
    "127.0.0.1": connections("127.0.0.1"),
    "localhost": connections("localhost"),
    "127.0.0.1 with limits": connections("127.0.0.1", limits=httpx.Limits()),
}
for name, number in found.items():
    print(f"{REQUESTS} requests to {name}: {number} connections")
sys.exit(0 if list(found.values()) == [REQUESTS, REQUESTS, 1] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
