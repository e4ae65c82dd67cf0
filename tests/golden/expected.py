"""Files of what is expected: compared byte by byte, or written anew where `GOLDEN=write` is set."""

from __future__ import annotations

import difflib
import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "expected"

_VARYING = {
    r"\b127\.(?:0\.0\.)?1:\d+": "127.0.0.1:<port>",
    r"(?<=CLICKHOUSE_PORT,)\d+": "<port>",
    r"(?<=Memory in use,)[\d.]+[KM]B": "<memory>",
    r'(?<="Redis memory in use", "body": ")[\d.]+[KM]B': "<memory>",
    r"(?<=,)\d+\.\d{8,}(?=,)": "<duration>",  # in a table; nothing else has so many digits
    r"\b\d+\.\d (?=ms\b)": "<duration> ",
    r"(?<=took )\d+ m?s\b": "<duration>",
    r'(?<="seconds": )\d+\.\d+': "<duration>",
    re.escape(f"sqlite {sqlite3.sqlite_version}"): "sqlite <version>",
}
"""What no fixture can hold still: ports, durations, and what the machine has."""


def normal(text: str) -> str:
    """Return a text with a placeholder for whatever differs from run to run."""
    text = text.replace(os.environ["KATO_TENANTS_DATA"], "<data>")
    for pattern, placeholder in _VARYING.items():
        text = re.sub(pattern, placeholder, text)
    return text


def check(folder: str, texts: Mapping[str, str]) -> None:
    """Compare a folder's files with texts by their names; neither may have one more."""
    home = FOLDER / folder
    found = {name: normal(text) for name, text in texts.items()}
    if os.environ.get("GOLDEN") == "write":
        _write(home, found)
    there = {file.name: file.read_bytes().decode() for file in home.iterdir()}
    assert sorted(found) == sorted(there)
    changes = [line for name in found for line in _changes(name, there[name], found[name])]
    assert not changes, "\n".join(("what users see has changed:", *changes))


def _write(home: Path, texts: Mapping[str, str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    for file in home.iterdir():
        file.unlink()
    for name, text in texts.items():
        (home / name).write_bytes(text.encode())


def _changes(name: str, before: str, now: str) -> list[str]:
    """Return what differs as lines; those of JSON in one line are cut at its commas."""
    if before == now:
        return []
    old, new = (text.replace(', "', ',\n"').splitlines(keepends=True) for text in (before, now))
    return [line.rstrip("\n") for line in difflib.unified_diff(old, new, name, name, n=1)]
