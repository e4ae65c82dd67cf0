"""The tables of archives, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text

from services.stores.records.schema import METADATA, Moment

ARCHIVES = Table(
    "archive",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)

ARCHIVE_TENANTS = Table(
    "archive_tenant",
    METADATA,
    Column("tenant", String(64), primary_key=True),  # the digest of kind/id
    Column("archive", String(32), ForeignKey(ARCHIVES.c.id), primary_key=True),
)
