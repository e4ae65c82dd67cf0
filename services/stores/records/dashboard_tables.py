"""The tables of the dashboards that share these records, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table

from services.stores.records.schema import METADATA, Moment, Words

DASHBOARDS = Table(
    "dashboard",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", Words, nullable=False),
    Column("version", String(64), nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("started", Moment, nullable=False),
    Column("heard", Moment, nullable=False),  # when it said last that it is there
)

COLLECTING = Table(
    "collecting",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),  # a fencing token: it only grows
    Column("owner", String(32), nullable=False),
    Column("since", Moment),
    Column("until", Moment),
    Column("wanted", BigInteger, nullable=False),  # how often somebody asked for new figures
    Column("audits_wanted", BigInteger, nullable=False),
    Column("audits_done", BigInteger, nullable=False),
    Column("begun", BigInteger, nullable=False),  # rounds, of whichever dashboard
    Column("ended", BigInteger, nullable=False),  # the newest round that has
    Column("began_at", Moment),  # when the round under way did
    Column("published", BigInteger, nullable=False),  # which snapshot is in the table below
)
"""One row."""

PUBLISHED = Table(
    "published",
    METADATA,
    Column("part", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The head of the last snapshot, and its parts."""
