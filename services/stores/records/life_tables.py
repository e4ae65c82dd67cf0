"""The tables of a tenant's life, from its card on, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from services.stores.records.schema import METADATA, Moment, Words

CARDS = Table(
    "tenant_card",
    METADATA,
    Column("digest", String(64), primary_key=True),  # of the tenant
    Column("tenant", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("contact", Words, nullable=False),
    Column("labels", Text, nullable=False),  # JSON: a value for each key
    Column("notes", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("at", Moment),
    Column("held_at", Moment),  # none: not on hold
    Column("held_by", Words, nullable=False),
    Column("held_why", Words, nullable=False),
)

CARD_VERSION = Table("card_version", METADATA, Column("version", BigInteger, nullable=False))

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


def _of_tenants(name: str) -> Table:
    """Return a table that has a text of some tenants: what a `TenantBook` is kept in."""
    return Table(
        name,
        METADATA,
        Column("tenant", String(64), primary_key=True),  # the digest of kind/id
        Column("since", Moment, nullable=False),
        Column("text", Text, nullable=False),
    )


PARKED, MOVED = _of_tenants("parked"), _of_tenants("moved")

APART = Table(
    "apart",
    METADATA,
    Column("kb_id", String(64), primary_key=True),  # its digest
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)
