#!/usr/bin/env bash
# prometheus_client 0.26.0 does not heed the weights of an Accept header: a client that names
# OpenMetrics with the quality 0, or with a lower one than text/plain, gets OpenMetrics.
#
# Most would expect (RFC 9110, sections 12.4.2 and 12.5.1): q=0 is "not acceptable", so such a
# client gets the text format 0.0.4; and of two acceptable formats it gets the one of the higher
# quality, whichever is named first.
# Seen: choose_encoder, by which make_wsgi_app, make_asgi_app and start_http_server choose, takes
# OpenMetrics wherever it is named before a text/plain of version 1.0.0 or later, whatever its q.
#
# It installs prometheus_client into a temporary folder and asks a WSGI application of it, in the
# same process, for its metrics. Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus_client==0.26.0
cat > "$folder/show.py" <<'PYTHON'
import platform
from importlib.metadata import version
from wsgiref.util import setup_testing_defaults

from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app

registry = CollectorRegistry()
Gauge("shown", "A gauge.", registry=registry).set(1)
application = make_wsgi_app(registry)


def media_type(accept):
    environ = {"HTTP_ACCEPT": accept}
    setup_testing_defaults(environ)
    told = {}
    b"".join(application(environ, lambda status, headers: told.update(headers)))
    return told["Content-Type"].split(";")[0]


PLAIN, OPEN = "text/plain", "application/openmetrics-text"
CASES = [  # the header, what is expected, what is seen
    ("text/plain", PLAIN, PLAIN),
    ("application/openmetrics-text", OPEN, OPEN),
    ("application/openmetrics-text;q=0, text/plain", PLAIN, OPEN),
    ("application/openmetrics-text;version=1.0.0;q=0, text/plain;q=1", PLAIN, OPEN),
    ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;version=1.0.0;q=0.1", PLAIN, OPEN),
]
print(f"Python {platform.python_version()}, prometheus_client {version('prometheus_client')}")
as_described = True
for accept, expected, described in CASES:
    seen = media_type(accept)
    as_described = as_described and seen == described
    print(f"Accept: {accept}\n    expected {expected}, seen {seen}")
raise SystemExit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
