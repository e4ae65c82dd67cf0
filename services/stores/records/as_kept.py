"""Columns of the audit log read as they are kept, whatever somebody wrote there by hand.

What this product would not have written there is read as None, and stops no reading.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator

from services.stores.records.schema import Moment

_AT = "YYYY-MM-DD HH24:MI:SS.US"  # as SQLite keeps it


class _Unproven(TypeDecorator[str]):
    """A text that may be any bytes."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | bytes | None, _: Dialect) -> str | None:
        """Read UTF-8; None for what is none."""
        if not isinstance(value, bytes):
            return value
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None


class AsKept(FunctionElement[str]):
    """A column's text as it stands in the database; None for what is no text."""

    inherit_cache = True
    type = _Unproven()

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)


@compiles(AsKept, "sqlite")
def _sqlite(element: AsKept, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    return f"CASE WHEN typeof({column}) = 'text' THEN CAST({column} AS BLOB) END"


@compiles(AsKept)
def _typed(element: AsKept, compiler: SQLCompiler, **options: Any) -> str:
    """Its columns have types: only a time may be one that Python has not."""
    column = compiler.process(element.clauses, **options)
    (kept,) = element.clauses
    if not isinstance(kept.type, Moment):
        return column
    written = f"to_char({column} AT TIME ZONE 'UTC', '{_AT}')"
    return f"CASE WHEN {column} >= '0001-01-01Z' THEN {written} END"


def moment_of(kept: str | None) -> datetime | None:
    """Return the time, in UTC, that is kept so; None where this product keeps none so."""
    try:
        at = datetime.fromisoformat(kept or "")
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.isoformat(" ", "microseconds") == kept else None


def words_of(kept: str | None) -> str | None:
    """Return the text that is kept so; None where this product keeps none so."""
    try:
        found = json.loads(kept or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) and json.dumps(found) == kept else None
