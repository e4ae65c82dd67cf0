#!/usr/bin/env bash
# chDB 4.4.0 (ClickHouse 26.9): after a query that fails half-way, the next query of the same
# session brings the failed one's rows, before its own.
#
# Most would expect: a query that raises leaves nothing behind; what the next one returns is its
# own result alone, as from clickhouse-client or over HTTP.
# Seen: the blocks that were written before the error stay in the session's output and come with
# the next result, which raises nothing: SELECT 42 returns several lines, of which the last is its
# own. The query after that is right again. A new session has nothing of it, so a session in which a
# query failed is best dropped.
#
# It installs chDB into a temporary folder and runs it in one process. Exit 0: as described here.
# Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb==4.4.0
cat > "$folder/show.py" <<'PYTHON'
import sys

from chdb.session import Session

session = Session(sys.argv[1])


def lines(statement):
    return str(session.query(statement, "TSV")).split("\n")[:-1]


print("ClickHouse", lines("SELECT version()")[0])
try:
    lines("SELECT 'failed', number, throwIf(number = 5) FROM numbers(10) SETTINGS max_block_size = 1")
    failed = False
except Exception as problem:
    failed = "Code: 395" in str(problem)
print("the first query raised code 395:", failed)
after, again = lines("SELECT 42"), lines("SELECT 42")
print("SELECT 42 after it:", after)
print("SELECT 42 once more:", again)
as_described = failed and len(after) > 1 and after[0].startswith("failed") and again == ["42"]
sys.exit(0 if as_described else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"
