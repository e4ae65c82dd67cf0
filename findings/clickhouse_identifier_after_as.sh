#!/usr/bin/env bash
# ClickHouse 26.9 (chDB 4.4.0) takes a bound identifier, {name:Identifier}, for a table that is read
# or made, and not after CREATE TABLE … AS or ALTER TABLE … ATTACH PARTITION … FROM.
#
# Most would expect: an identifier can be bound wherever a table is named; the documentation of
# query parameters says that it stands for names of databases, tables and columns.
# Seen: SELECT … FROM {name:Identifier} and CREATE TABLE {name:Identifier} work; as the source of a
# copied structure and of attached partitions it is a syntax error (code 62). There the name has to
# be quoted by hand, which a name from a stranger makes worth knowing.
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
session.query("CREATE TABLE d.t (k String) ENGINE = MergeTree PARTITION BY k ORDER BY k")
session.query("CREATE TABLE d.v AS d.t")
session.query("INSERT INTO d.t VALUES ('a')")
session.query("SET param_name = 't'")
session.query("SET param_new = 'u'")


def tried(statement):
    try:
        session.query(statement)
    except Exception as problem:
        return "code 62" if "Code: 62" in str(problem) else f"another: {str(problem)[:80]}"
    return "done"


print("ClickHouse", str(session.query("SELECT version()", "TSV")).strip())
statements = {
    "SELECT count() FROM d.{name:Identifier}": "done",
    "CREATE TABLE d.{new:Identifier} (k String) ENGINE = Memory": "done",
    "CREATE TABLE d.w AS d.{name:Identifier}": "code 62",
    "ALTER TABLE d.v ATTACH PARTITION ID 'x' FROM d.{name:Identifier}": "code 62",
}
changed = False
for statement, expected in statements.items():
    seen = tried(statement)
    print(f"{seen:8} {statement}")
    changed |= seen != expected
sys.exit(1 if changed else 0)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"
