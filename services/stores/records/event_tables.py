"""The table of what happened, as the newest migration leaves it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table

from services.stores.records.schema import METADATA, Moment, Words

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
