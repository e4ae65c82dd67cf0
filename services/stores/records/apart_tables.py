"""The table of kb_ids that were taken apart, as the newest migration leaves it."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from services.stores.records.schema import METADATA, Moment

APART = Table(
    "apart",
    METADATA,
    Column("kb_id", String(64), primary_key=True),  # its digest
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)
