"""This product's own records as each version wrote them, kept as SQL and never written anew.

`GOLDEN=write` adds a file where the records have a version of which there is none.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

FOLDER = Path(__file__).parent / "records"


def keep_records() -> None:
    """Keep the records of the data directory, where files are written and there is none so far."""
    with closing(sqlite3.connect(_file())) as records:
        ((version,),) = records.execute("SELECT version FROM schema_version")
        file = FOLDER / f"version_{version}.sql"
        if os.environ.get("GOLDEN") == "write" and not file.exists():
            file.write_text("\n".join((*records.iterdump(), "")), "utf-8")


def restore(file: Path) -> None:
    """Make the data directory have the records of a file."""
    _file().parent.mkdir(parents=True)
    with closing(sqlite3.connect(_file())) as records:
        records.executescript(file.read_text("utf-8"))


def _file() -> Path:
    return Path(os.environ["KATO_TENANTS_DATA"], "state.sqlite")
