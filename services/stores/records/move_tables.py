"""The table of tenants that moved, as the newest migration leaves it."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from services.stores.records.schema import METADATA, Moment

MOVED = Table(
    "moved",
    METADATA,
    Column("tenant", String(64), primary_key=True),  # the digest of kind/id
    Column("since", Moment, nullable=False),
    Column("text", Text, nullable=False),
)
