#!/usr/bin/env bash
# clickhouse-connect 1.12.0 with its compiled part: Native bytes that are read over
# clickhouse_connect.driver.buffer.ResponseBuffer are read for some types of columns, and raise
# TypeError for others.
#
# Most would expect: the class under its plain, importable name works with
# NativeTransform.parse_response for every type, slower than the compiled one if need be.
# Seen: UInt32, String, DateTime64, Array(UInt32) are read; DateTime, Date, UUID, IPv4 and
# Nullable(UInt32) raise "Argument 'buffer' has incorrect type", since their readers are compiled for
# the compiled buffer alone. A reader of stored Native files so passes its first tests and fails at
# the first DateTime. driver.ctypes.RespBuffCls is the class that goes with the readers in use.
#
# It installs clickhouse-connect into a temporary folder, and reads blocks of one column and one row.
# No server takes part. Exit 0: as described here. Exit 1: it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check clickhouse-connect==1.12.0
cat > "$folder/show.py" <<'PYTHON'
import struct
import sys

from clickhouse_connect.driver import buffer, ctypes
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

VALUES = {
    "UInt32": struct.pack("<I", 5),
    "String": b"\x01x",
    "DateTime64(3)": struct.pack("<q", 86_400_000),
    "Array(UInt32)": struct.pack("<QI", 1, 5),
    "DateTime": struct.pack("<I", 86_400),
    "Date": struct.pack("<H", 1),
    "UUID": bytes(16),
    "IPv4": struct.pack("<I", 1),
    "Nullable(UInt32)": b"\x00" + struct.pack("<I", 5),
}
FAILS = {"DateTime", "Date", "UUID", "IPv4", "Nullable(UInt32)"}


class Source:
    """Blocks of bytes, as the driver takes them."""

    def __init__(self, block):
        self.gen = iter([block])

    def close(self, *_):
        pass


def read(kind, made):
    """Read a block of one column of one row: its value, or what was raised."""
    text = kind.encode()
    block = b"\x01\x01" + b"\x01c" + bytes([len(text)]) + text + VALUES[kind]
    try:
        return NativeTransform.parse_response(made(Source(block)), QueryContext()).result_set[0][0]
    except TypeError as problem:
        return f"TypeError: {str(problem)[:45]}…"


failed = set()
for kind in VALUES:
    plain, compiled = read(kind, buffer.ResponseBuffer), read(kind, ctypes.RespBuffCls)
    if str(plain).startswith("TypeError"):
        failed.add(kind)
    print(f"{kind:17} buffer.ResponseBuffer: {plain!s:49} ctypes.RespBuffCls: {compiled}")
sys.exit(0 if failed == FAILS else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
