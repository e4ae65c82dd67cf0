"""ClickHouse's engine in a process of its own behind the HTTP interface, until stdin ends.

It prints its port. A process has one engine, so that each server of a cluster takes one.
"""

from __future__ import annotations

import sys
import tempfile

import chdb

from tests.servers.clickhouse_http import clickhouse_http, close_idle


def main() -> None:
    """Serve until nobody is there any more."""
    with tempfile.TemporaryDirectory(prefix="kt-engine-", ignore_cleanup_errors=True) as path:
        keeper = chdb.connect(path)
        with clickhouse_http(path) as server:
            print(server.port, flush=True)
            sys.stdin.read()
        close_idle()
        keeper.close()


if __name__ == "__main__":
    main()
