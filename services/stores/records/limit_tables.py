"""The tables of limits, as the newest migration leaves them, and the one that made them."""

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

LIMITING = (
    """CREATE TABLE limit_rule (
        digest VARCHAR(64) NOT NULL, quantity VARCHAR(64) NOT NULL, scope TEXT NOT NULL,
        most BIGINT, who TEXT NOT NULL, "at" {moment} NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (digest, quantity))""",
    """CREATE TABLE limit_crossed (
        digest VARCHAR(64) NOT NULL, quantity VARCHAR(64) NOT NULL, tenant TEXT NOT NULL,
        state VARCHAR(16) NOT NULL, most BIGINT NOT NULL, since {moment} NOT NULL,
        PRIMARY KEY (digest, quantity))""",
    "CREATE TABLE limit_version (version BIGINT NOT NULL)",
    "INSERT INTO limit_version (version) VALUES (0)",
)
"""What makes them; history, as all migrations are."""
