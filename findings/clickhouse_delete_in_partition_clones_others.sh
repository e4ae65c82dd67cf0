#!/usr/bin/env bash
# ALTER TABLE … DELETE IN PARTITION … of ClickHouse 26.9 (chDB 4.4.0) makes every part of the other
# partitions anew too: each gets the mutation's version in its name.
#
# Most would expect: what says IN PARTITION leaves the parts of other partitions as they are; that
# is why one names a partition.
# Seen: the parts of all partitions are replaced, those of others by parts of the same rows. With a
# partition for each tenant, what is done for one is work on the parts of all, and one such
# statement a tenant is that work as often as there are tenants.
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
session.query("CREATE DATABASE d ENGINE = Atomic")
session.query(
    "CREATE TABLE d.t (k String, n UInt32) ENGINE = MergeTree PARTITION BY k ORDER BY n"
)
for key in "abc":
    session.query(f"INSERT INTO d.t SELECT '{key}', number FROM numbers(5)")


def parts():
    found = str(session.query(
        "SELECT partition, name FROM system.parts WHERE database = 'd' AND active ORDER BY 1",
        "TSV",
    ))
    return dict(line.split("\t") for line in found.splitlines())


print("ClickHouse", str(session.query("SELECT version()", "TSV")).strip())
before = parts()
session.query("ALTER TABLE d.t DELETE IN PARTITION 'a' WHERE n < 3 SETTINGS mutations_sync = 2")
after = parts()
for key in before:
    print(key, before[key], "->", after[key])
sys.exit(0 if len(after) == 3 and all(after[key] != before[key] for key in "bc") else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"
