"""The tables of usage over time and of what happened, as the newest migration leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from services.history.rollup import Look
from services.stores.records.schema import METADATA, Moment, Words

HOLDERS = Table(
    "history_holder",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", Words, nullable=False),  # empty but for a tenant's
)

ROWS = Table(
    "history_row",
    METADATA,
    Column("grain", Integer, primary_key=True),  # seconds of the span; 1: since when it was so
    Column("holder", Integer, ForeignKey(HOLDERS.c.id), primary_key=True),
    Column("start", BigInteger, primary_key=True),  # seconds since the epoch, as all times here
    Column("row", LargeBinary, nullable=False),
    Index("history_row_by_start", "grain", "start"),
    sqlite_with_rowid=False,
)

LOOKS = Table(
    "history_look",
    METADATA,
    Column("quantity", String(32), primary_key=True),
    Column("began", BigInteger, primary_key=True),
    Column("ended", BigInteger, nullable=False),
    Column("reason", Words, nullable=False),  # empty where it was known
)

HEAD = Table(
    "history_head",
    METADATA,
    Column("number", BigInteger, nullable=False),  # of snapshots that were recorded
    Column("last", BigInteger, nullable=False),
    Column("hours", BigInteger, nullable=False),  # until when it is rolled up
    Column("days", BigInteger, nullable=False),
)

MADE_UP = Table("history_made_up", METADATA, Column("until", BigInteger, primary_key=True))

EVENTS = Table(
    "event",
    METADATA,
    Column("at", Moment, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("digest", String(64), primary_key=True),  # of the tenant; empty without one
    Column("quantity", String(64), primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("most", BigInteger),
    Index("event_of_whom", "digest", "at"),
    Index("event_of_kind", "kind", "at"),
)


def looks_in(rows: Iterable[Any]) -> Iterator[tuple[str, Look]]:
    """Yield the looks that rows have, each with its quantity."""
    return ((row.quantity, Look(row.began, row.ended, row.reason)) for row in rows)
