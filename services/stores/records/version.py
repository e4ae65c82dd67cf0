"""Which version the tables of this product's own records are.

How they came to be stands in `migrations`, which is read for records of an older version alone.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

NEWEST = 27
"""The version that `migrations` leads to."""

_LOCK = 0x6B61746F  # "kato": any number that others hardly choose


def version_of(connection: Connection) -> int:
    """Return the version of the tables that are there; 0 for none.

    Whoever asks next on PostgreSQL waits until the transaction ends.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if not inspect(connection).has_table("schema_version"):
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT version FROM schema_version")).scalar()
    if version is None:
        connection.execute(text("INSERT INTO schema_version (version) VALUES (0)"))
    return int(version or 0)
