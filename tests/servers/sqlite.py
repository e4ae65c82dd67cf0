"""The SQLite file of this product's own records, its tables made once and copied from then on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

_NAME = "state.sqlite"


def put_tables(data: Path) -> None:
    """Have a data directory begin with empty tables, unless it has records."""
    file = data / _NAME
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_made())


@cache
def _made() -> bytes:
    from services.stores.records.database import open_database

    with tempfile.TemporaryDirectory() as folder:
        open_database(Path(folder)).dispose()
        return Path(folder, _NAME).read_bytes()
