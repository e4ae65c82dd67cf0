"""Which version the tables of this product's own records are.

How they came to be stands in `migrations`, which is read for records of an older version alone.
"""

from __future__ import annotations

from zlib import crc32

from sqlalchemy import URL, Connection, inspect, text

from services.errors import SettingsError

NEWEST = 28
"""The version that `migrations` leads to."""

SCHEMA = "KATO_TENANTS_STATE_SCHEMA"

_LOCK = 0x6B61746F  # "kato": any number that others hardly choose


def in_schema(address: URL, schema: str) -> URL:
    """Have every connection find and make its tables in a schema, and in no other."""
    if not schema:
        return address
    if address.get_backend_name() != "postgresql":
        raise SettingsError(SCHEMA, "is for PostgreSQL alone")
    options = address.query.get("options", "")
    told = options if isinstance(options, str) else " ".join(options)
    path = f'{told} -csearch_path="{schema}"'.strip()
    return address.update_query_dict({"options": path})


def take_turns(connection: Connection, lock: int) -> None:
    """Wait until no other process is in a transaction that took this turn; SQLite has one writer.

    PostgreSQL's turns are of a whole database, and each schema in it has records of its own.
    """
    if connection.dialect.name == "postgresql":
        schema = str(connection.get_execution_options().get("schema", ""))
        number = lock ^ (crc32(schema.encode()) << 8)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": number})


def version_of(connection: Connection) -> int:
    """Return the version of the tables that are there; 0 for none.

    Whoever asks next on PostgreSQL waits until the transaction ends.
    """
    take_turns(connection, _LOCK)
    if schema := connection.get_execution_options().get("schema"):  # of letters, digits, _.-
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    if not inspect(connection).has_table("schema_version"):
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT version FROM schema_version")).scalar()
    if version is None:
        connection.execute(text("INSERT INTO schema_version (version) VALUES (0)"))
    return int(version or 0)
