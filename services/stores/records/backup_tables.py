"""The tables of backups, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from services.stores.records.schema import METADATA, Moment, Words

BACKUP_RULES = Table(
    "backup_rule",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the scope
    Column("text", Text, nullable=False),  # JSON
    Column("who", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("why", Words, nullable=False),
)

BACKUP_NEWEST = Table(
    "backup_newest",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the tenant: so one begins a run at a time
    Column("tenant", Words, nullable=False),
    Column("due", Moment, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("archive", String(64), nullable=False),
    Column("problem", Words, nullable=False),
)

BACKUPS = Table(
    "backup",
    METADATA,
    Column("archive", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, index=True),  # of the tenant
    Column("due", Moment, nullable=False),
    Column("begun", Moment, nullable=False),
)
