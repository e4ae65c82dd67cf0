"""How the tables of this product's own records came to be, one version after the other.

What is here is history and never changes: a new version is one more entry. A test holds the
result against `state_tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, text

from services.stores.records.migrations_12 import (
    ALERTING,
    APART,
    ARCHIVING,
    BACKING_UP,
    DESCRIBING,
    HAPPENING,
    LIMITING,
    MOVING,
    PACKING,
    PARKING,
    PLACING,
    RETAINING,
    SERVING,
    SHARING,
    WORKING,
)
from services.stores.records.version import version_of


def _hash_names(connection: Connection) -> None:
    from services.stores.records.migration_7 import hash_names  # noqa: PLC0415  for old records

    hash_names(connection)


_FIRST = (
    """CREATE TABLE IF NOT EXISTS node_seen (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, node_id {bytes} NOT NULL,
        source VARCHAR(32) NOT NULL, first_seen {moment} NOT NULL, last_seen {moment} NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS usage_history (
        measure VARCHAR(16) NOT NULL, collected_at {moment} NOT NULL, count BIGINT NOT NULL,
        bytes BIGINT, PRIMARY KEY (measure, collected_at))""",
)

_PURGING = (
    """CREATE TABLE purge_plan (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, created_at {moment} NOT NULL,
        text TEXT NOT NULL)""",
    """CREATE TABLE purge_job (
        id VARCHAR(32) NOT NULL PRIMARY KEY, plan TEXT NOT NULL, asked_by TEXT NOT NULL,
        reason TEXT NOT NULL, created_at {moment} NOT NULL, state VARCHAR(16) NOT NULL,
        outcome VARCHAR(16), ended_at {moment}, stop_asked BOOLEAN NOT NULL, owner TEXT NOT NULL,
        leased_until {moment}, problem TEXT NOT NULL, progress TEXT NOT NULL, receipt TEXT)""",
    """CREATE TABLE purge_step (
        job VARCHAR(32) NOT NULL REFERENCES purge_job (id), ordinal INTEGER NOT NULL,
        name VARCHAR(32) NOT NULL, state VARCHAR(16) NOT NULL, started_at {moment},
        ended_at {moment}, result TEXT NOT NULL, error TEXT NOT NULL,
        PRIMARY KEY (job, ordinal))""",
    """CREATE TABLE purge_hold (
        digest VARCHAR(64) NOT NULL PRIMARY KEY,
        job VARCHAR(32) NOT NULL REFERENCES purge_job (id))""",
    """CREATE TABLE tombstone (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, kb_id {bytes} NOT NULL, tenant TEXT NOT NULL,
        job VARCHAR(32) NOT NULL, erased_at {moment} NOT NULL)""",
)

_AUDITING = (
    """CREATE TABLE finding (
        id VARCHAR(16) NOT NULL PRIMARY KEY, code VARCHAR(64) NOT NULL, text TEXT NOT NULL,
        first_seen {moment} NOT NULL, last_seen {moment} NOT NULL, resolved_at {moment})""",
    """CREATE TABLE finding_acceptance (
        finding VARCHAR(16) NOT NULL PRIMARY KEY REFERENCES finding (id),
        accepted_by TEXT NOT NULL, why TEXT NOT NULL, accepted_at {moment} NOT NULL,
        until {moment})""",
    """CREATE TABLE audit_run ("at" {moment} NOT NULL PRIMARY KEY, text TEXT NOT NULL)""",
)

_LOGGING = (
    """CREATE TABLE audit_log (
        number {number} NOT NULL PRIMARY KEY, "at" {moment} NOT NULL, who TEXT NOT NULL,
        action TEXT NOT NULL, outcome VARCHAR(16) NOT NULL, request_id VARCHAR(32) NOT NULL,
        words TEXT NOT NULL, text TEXT NOT NULL, hash VARCHAR(64) NOT NULL)""",
    """CREATE TABLE audit_log_tenant (
        tenant VARCHAR(64) NOT NULL, number {number} NOT NULL REFERENCES audit_log (number),
        PRIMARY KEY (tenant, number))""",
    "CREATE INDEX audit_log_tenant_by_number ON audit_log_tenant (number)",
    'CREATE INDEX audit_log_by_time ON audit_log ("at")',
    "CREATE INDEX audit_log_by_who ON audit_log (who, number)",
    "CREATE INDEX audit_log_by_action ON audit_log (action, number)",
    "CREATE INDEX audit_log_by_outcome ON audit_log (outcome, number)",
    "CREATE INDEX audit_log_by_request ON audit_log (request_id, outcome)",
    {
        "sqlite": (
            """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
            """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
            """CREATE TRIGGER audit_log_tenant_no_update BEFORE UPDATE ON audit_log_tenant
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
            """CREATE TRIGGER audit_log_tenant_no_delete BEFORE DELETE ON audit_log_tenant
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
        ),
        "postgresql": (
            """CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
            """CREATE TRIGGER audit_log_no_change
                BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
                FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
            """CREATE TRIGGER audit_log_tenant_no_change
                BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log_tenant
                FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
        ),
    },
)

_APPROVING = (
    """CREATE TABLE approval (
        id VARCHAR(32) NOT NULL PRIMARY KEY, action VARCHAR(64) NOT NULL,
        digest VARCHAR(64) NOT NULL, target TEXT NOT NULL, tenants TEXT NOT NULL,
        asked_by TEXT NOT NULL, asked_at {moment} NOT NULL, expires_at {moment} NOT NULL,
        approved_by TEXT NOT NULL, approved_at {moment}, used_at {moment},
        details TEXT NOT NULL)""",
    "CREATE INDEX approval_by_what ON approval (action, digest)",
    "CREATE INDEX approval_by_time ON approval (asked_at)",
)

_COUNTING = (
    "CREATE TABLE node_version (version BIGINT NOT NULL)",
    "INSERT INTO node_version (version) VALUES (0)",
)

_FENCING = (
    # what was planned before has expired: the first plan of this version removes it
    "ALTER TABLE purge_plan ADD COLUMN expires_at {moment} NOT NULL DEFAULT '1970-01-01 00:00:00'",
    "ALTER TABLE purge_job ADD COLUMN plan_number INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE purge_job ADD COLUMN lease BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE purge_job ADD COLUMN done BIGINT",
    "ALTER TABLE purge_job ADD COLUMN whole BIGINT",
    "ALTER TABLE purge_job ADD COLUMN logged_at {moment}",
    "UPDATE purge_job SET logged_at = ended_at",
    "CREATE INDEX purge_job_unlogged ON purge_job (ended_at) WHERE logged_at IS NULL",
    """CREATE TABLE purge_look (
        job VARCHAR(32) NOT NULL REFERENCES purge_job (id), first_at {moment} NOT NULL,
        "at" {moment} NOT NULL, back INTEGER NOT NULL, PRIMARY KEY (job, first_at))""",
    "CREATE TABLE own_key (secret VARCHAR(64) NOT NULL PRIMARY KEY)",
    """CREATE TABLE tombstone_7 (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, job VARCHAR(32) NOT NULL,
        erased_at {moment} NOT NULL)""",
    _hash_names,
    "DROP TABLE tombstone",
    "ALTER TABLE tombstone_7 RENAME TO tombstone",
)

_NAMING = (
    """ALTER TABLE node_seen ADD COLUMN imported_by TEXT NOT NULL DEFAULT '""'""",
    """CREATE TABLE confirmed_owner (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, kb_id {bytes} NOT NULL, tenant TEXT NOT NULL,
        who TEXT NOT NULL, "at" {moment} NOT NULL, why TEXT NOT NULL)""",
)

_INSISTING = (
    # REPLACE removes a row, and SQLite runs no trigger for that
    {
        "sqlite": (
            """CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
                WHEN EXISTS (SELECT 1 FROM audit_log WHERE number = NEW.number)
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
            """CREATE TRIGGER audit_log_tenant_no_replace BEFORE INSERT ON audit_log_tenant
                WHEN EXISTS (SELECT 1 FROM audit_log_tenant
                    WHERE tenant = NEW.tenant AND number = NEW.number)
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
        ),
        "postgresql": (),
    },
)

_LOOKING = (
    "ALTER TABLE purge_look ADD COLUMN asked_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE purge_look ADD COLUMN tenants TEXT NOT NULL DEFAULT ''",
)

_REMEMBERING = (
    """CREATE TABLE history_holder (
        id {serial} PRIMARY KEY, digest VARCHAR(64) NOT NULL UNIQUE, kind VARCHAR(16) NOT NULL,
        tenant TEXT NOT NULL)""",
    """CREATE TABLE history_row (
        grain INTEGER NOT NULL, holder INTEGER NOT NULL REFERENCES history_holder (id),
        start BIGINT NOT NULL, row TEXT NOT NULL, PRIMARY KEY (grain, holder, start)){rowless}""",
    "CREATE INDEX history_row_by_start ON history_row (grain, start)",
    """CREATE TABLE history_look (
        quantity VARCHAR(32) NOT NULL, began BIGINT NOT NULL, ended BIGINT NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (quantity, began))""",
    """CREATE TABLE history_head (
        number BIGINT NOT NULL, last BIGINT NOT NULL, hours BIGINT NOT NULL,
        days BIGINT NOT NULL)""",
    "INSERT INTO history_head (number, last, hours, days) VALUES (0, 0, 0, 0)",
)

Statement = str | Mapping[str, Sequence[str]] | Callable[[Connection], None]

PACKED_CLOSER = ()
"""Nothing in the tables: it keeps away who would misread the rows of usage over time that are
written from now on. Those of before are read as they are."""

PREDICTIONS_SIZED = ()
"""Nothing in the tables, as `PACKED_CLOSER`: rows have a figure that older products do not know."""

MIGRATIONS: tuple[tuple[Statement, ...], ...] = (
    _FIRST, _PURGING, _AUDITING, _LOGGING, _APPROVING, _COUNTING, _FENCING, _NAMING, _INSISTING,
    _LOOKING, _REMEMBERING, LIMITING, PACKING, ALERTING, PLACING,
    WORKING, DESCRIBING, ARCHIVING, RETAINING, HAPPENING, PARKING, BACKING_UP, MOVING,
    APART, PACKED_CLOSER, PREDICTIONS_SIZED, SHARING, SERVING,
)  # fmt: skip
"""The statements that lead from each version to the next, from version 0, nothing, on.

Those that each kind of database has in its own words are by its name; what no statement can do
is done by a function.
"""

_TYPES = {
    "sqlite": {
        "bytes": "BLOB",
        "moment": "DATETIME",
        "number": "INTEGER",
        "serial": "INTEGER NOT NULL",
        "rowless": " WITHOUT ROWID",
    },
    "postgresql": {
        "bytes": "BYTEA",
        "moment": "TIMESTAMP WITH TIME ZONE",
        "number": "BIGINT",
        "serial": "SERIAL",
        "rowless": "",
    },
}


def migrate(connection: Connection) -> int:
    """Bring the tables to the newest version, and return the version that was found.

    A version above `NEWEST` is left as it is. The transaction has to be one that writes, so that
    of two processes that start at once the second finds what the first did.
    """
    found = version_of(connection)
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        for statement in statements:
            _do(connection, statement)
        connection.execute(text("UPDATE schema_version SET version = :to"), {"to": number})
    return found


def _do(connection: Connection, statement: Statement) -> None:
    dialect = connection.dialect.name
    if isinstance(statement, str):
        connection.execute(text(statement.format_map(_TYPES[dialect])))
    elif isinstance(statement, Mapping):
        for each in statement[dialect]:
            connection.execute(text(each))
    else:
        statement(connection)
