"""The tables of limits, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from services.stores.records.schema import METADATA, Moment, Words

LIMITS = Table(
    "limit_rule",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the scope
    Column("quantity", String(64), primary_key=True),
    Column("scope", Words, nullable=False),
    Column("most", BigInteger),  # none: without a limit
    Column("who", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("why", Words, nullable=False),
)

CROSSED = Table(
    "limit_crossed",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the tenant
    Column("quantity", String(64), primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("state", String(16), nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("since", Moment, nullable=False),
)

LIMIT_VERSION = Table("limit_version", METADATA, Column("version", BigInteger, nullable=False))
