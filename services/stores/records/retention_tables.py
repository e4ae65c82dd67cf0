"""The table of retention policies, as the newest migration leaves it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from services.stores.records.schema import METADATA, Moment, Words

POLICIES = Table(
    "retention_policy",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the scope
    Column("quantity", String(64), primary_key=True),
    Column("scope", Words, nullable=False),
    Column("most", BigInteger),  # none: all is kept
    Column("cron", Words, nullable=False),  # empty: it never runs by itself
    Column("zone", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("why", Words, nullable=False),
    Column("begun", Moment),
    Column("claimed", Moment),  # by a process that is about to begin a run
)
