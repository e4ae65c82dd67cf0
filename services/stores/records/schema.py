"""The tables of this product's own records, as the newest migration leaves them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from services.tenancy.layout import bytes_of, text_of


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite forgets the zone, and compares times as text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Write any zone as UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Read what has no zone as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Name(TypeDecorator[str]):
    """A name out of a store, as the bytes that it is: it may hold NUL or bad UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        """Write bytes."""
        return None if value is None else bytes_of(value)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        """Read the text that stands for these bytes."""
        return None if value is None else text_of(value)


class Words(TypeDecorator[str]):
    """Any text, as a JSON string in ASCII: PostgreSQL takes neither NUL nor half a character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        """Write a JSON string."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, _: Dialect) -> str | None:
        """Read the text."""
        if value is None:
            return None
        return value[1:-1] if "\\" not in value else str(_read(value))


_read = lru_cache(maxsize=64)(json.loads)  # most rows say who did it, which few did


def digest_of(name: str) -> str:
    """Return the key under which a name is kept, since a name may be too long for an index."""
    return hashlib.sha256(bytes_of(name)).hexdigest()


METADATA = MetaData()

SCHEMA = Table("schema_version", METADATA, Column("version", Integer, nullable=False))

NODES = Table(
    "node_seen",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("node_id", Name, nullable=False),
    Column("source", String(32), nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("imported_by", Words, nullable=False),  # empty where it was not
)

CONFIRMED = Table(
    "confirmed_owner",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("kb_id", Name, nullable=False),
    Column("tenant", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("why", Words, nullable=False),
)

NODES_VERSION = Table("node_version", METADATA, Column("version", BigInteger, nullable=False))

INSTANCES = Table(
    "instance",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("service", String(64), nullable=False),
    Column("here", Boolean, nullable=False),  # whether it writes into this deployment's stores
    Column("serving", Boolean, nullable=False),
    Column("since", Moment, nullable=False),
    Column("text", Text, nullable=False),
)

INSTANCE_PORTS = Table(
    "instance_port",
    METADATA,
    Column("port", Integer, primary_key=True, autoincrement=False),  # so a port has one at most
    Column("name", String(63), ForeignKey(INSTANCES.c.name), nullable=False),
)

HISTORY = Table(
    "usage_history",
    METADATA,
    Column("measure", String(16), primary_key=True),
    Column("collected_at", Moment, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("bytes", BigInteger),
)

PLANS = Table(
    "purge_plan",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("text", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

JOBS = Table(
    "job",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("plan", Text, nullable=False),  # its own, since a digest may be planned again
    Column("asked_by", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16)),
    Column("ended_at", Moment),
    Column("stop_asked", Boolean, nullable=False),
    Column("owner", Text, nullable=False),
    Column("leased_until", Moment),
    Column("problem", Words, nullable=False),
    Column("progress", Words, nullable=False),
    Column("receipt", Text),
    Column("plan_number", Integer, nullable=False),  # another one whenever the plan is
    Column("lease", BigInteger, nullable=False),  # a fencing token: it only grows
    Column("done", BigInteger),
    Column("whole", BigInteger),
    Column("logged_at", Moment),  # when its end was in the audit log
    Column("kind", String(16), nullable=False, server_default="purge"),
)

STEPS = Table(
    "job_step",
    METADATA,
    Column("job", String(32), ForeignKey(JOBS.c.id), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("result", Text, nullable=False),
    Column("error", Words, nullable=False),
)

HOLDS = Table(
    "job_hold",
    METADATA,
    Column("digest", String(64), primary_key=True),  # so a name has one holder at most
    Column("job", String(32), ForeignKey(JOBS.c.id), nullable=False),
)

LOOKS = Table(
    "purge_look",
    METADATA,
    Column("job", String(32), ForeignKey(JOBS.c.id), primary_key=True),
    Column("first_at", Moment, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("back", Integer, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("tenants", Text, nullable=False),  # JSON; empty where an earlier version looked
)

OWN_KEY = Table("own_key", METADATA, Column("secret", String(64), primary_key=True))
"""What names are hashed with where the audit log has no key. One row, made with the table."""

TOMBSTONES = Table(
    "tombstone",
    METADATA,
    Column("digest", String(64), primary_key=True),  # a keyed hash of the kb_id
    Column("tenant", Words, nullable=False),
    Column("job", String(32), nullable=False),
    Column("erased_at", Moment, nullable=False),
)

FINDINGS = Table(
    "finding",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("code", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("resolved_at", Moment),
)

ACCEPTANCES = Table(
    "finding_acceptance",
    METADATA,
    Column("finding", String(16), ForeignKey(FINDINGS.c.id), primary_key=True),
    Column("accepted_by", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("accepted_at", Moment, nullable=False),
    Column("until", Moment),
)

AUDITS = Table(
    "audit_run",
    METADATA,
    Column("at", Moment, primary_key=True),
    Column("text", Text, nullable=False),
)

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # there, only INTEGER is the row's own id

LOG = Table(
    "audit_log",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("who", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("request_id", String(32), nullable=False),
    Column("words", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)

LOG_TENANTS = Table(
    "audit_log_tenant",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("number", _NUMBER, ForeignKey(LOG.c.number), primary_key=True, autoincrement=False),
)

APPROVALS = Table(
    "approval",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("action", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("target", Words, nullable=False),
    Column("tenants", Text, nullable=False),
    Column("asked_by", Words, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("approved_by", Words, nullable=False),
    Column("approved_at", Moment),
    Column("used_at", Moment),
    Column("details", Text, nullable=False),
)
