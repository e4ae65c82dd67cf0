"""The migrations from version 12 on: limits, the past as bytes, alerts, places, a tenant's life."""

from __future__ import annotations

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

PACKING = (
    "CREATE TABLE history_made_up (until BIGINT NOT NULL PRIMARY KEY)",
    {
        "sqlite": (
            """CREATE TABLE history_row_8 (
                grain INTEGER NOT NULL, holder INTEGER NOT NULL REFERENCES history_holder (id),
                start BIGINT NOT NULL, row BLOB NOT NULL,
                PRIMARY KEY (grain, holder, start)) WITHOUT ROWID""",
            """INSERT INTO history_row_8
                SELECT grain, holder, start, CAST(row AS BLOB) FROM history_row""",
            "DROP TABLE history_row",
            "ALTER TABLE history_row_8 RENAME TO history_row",
            "CREATE INDEX history_row_by_start ON history_row (grain, start)",
        ),
        "postgresql": (
            """ALTER TABLE history_row
                ALTER COLUMN "row" TYPE BYTEA USING convert_to("row", 'UTF8')""",
        ),
    },
)

ALERTING = (
    """CREATE TABLE alert (
        id VARCHAR(32) NOT NULL PRIMARY KEY, state VARCHAR(16) NOT NULL, text TEXT NOT NULL,
        began {moment} NOT NULL, ended {moment}, settled BOOLEAN NOT NULL)""",
    "CREATE INDEX alert_by_settled ON alert (settled, ended)",
    """CREATE TABLE alert_silence (
        id VARCHAR(32) NOT NULL PRIMARY KEY, text TEXT NOT NULL, "at" {moment} NOT NULL,
        until {moment} NOT NULL)""",
    """CREATE TABLE alert_message (
        number {serial} PRIMARY KEY, id VARCHAR(32) NOT NULL UNIQUE, route TEXT NOT NULL,
        "at" {moment} NOT NULL, text TEXT NOT NULL, again BOOLEAN NOT NULL,
        tries INTEGER NOT NULL, next_at {moment}, claimed_until {moment}, failed_at {moment},
        refused BOOLEAN NOT NULL, problem TEXT NOT NULL, sent_at {moment},
        given_up BOOLEAN NOT NULL)""",
    "CREATE INDEX alert_message_by_sent ON alert_message (sent_at, given_up)",
    """CREATE TABLE alert_head (
        number BIGINT NOT NULL, "at" {moment}, owner TEXT NOT NULL, leased_until {moment})""",
    "INSERT INTO alert_head (number, owner) VALUES (0, '\"\"')",
)

PLACING = (
    """CREATE TABLE history_place (
        id VARCHAR(32) NOT NULL PRIMARY KEY, number BIGINT NOT NULL, last BIGINT NOT NULL,
        hours BIGINT NOT NULL, days BIGINT NOT NULL, writes BIGINT NOT NULL)""",
    """CREATE TABLE history_place_write (
        place VARCHAR(32) NOT NULL REFERENCES history_place (id), number BIGINT NOT NULL,
        began BIGINT NOT NULL, PRIMARY KEY (place, number))""",
    """CREATE TABLE history_place_look (
        place VARCHAR(32) NOT NULL REFERENCES history_place (id), quantity VARCHAR(32) NOT NULL,
        began BIGINT NOT NULL, ended BIGINT NOT NULL, reason TEXT NOT NULL,
        PRIMARY KEY (place, quantity, began))""",
)

WORKING = (
    "ALTER TABLE purge_job RENAME TO job",
    "ALTER TABLE purge_step RENAME TO job_step",
    "ALTER TABLE purge_hold RENAME TO job_hold",
    "ALTER TABLE job ADD COLUMN kind VARCHAR(16) NOT NULL DEFAULT 'purge'",
)

DESCRIBING = (
    """CREATE TABLE tenant_card (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
        contact TEXT NOT NULL, labels TEXT NOT NULL, notes TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment}, held_at {moment}, held_by TEXT NOT NULL, held_why TEXT NOT NULL)""",
    "CREATE TABLE card_version (version BIGINT NOT NULL)",
    "INSERT INTO card_version (version) VALUES (0)",
)

ARCHIVING = (
    """CREATE TABLE archive (
        id VARCHAR(32) NOT NULL PRIMARY KEY, state VARCHAR(16) NOT NULL,
        created_at {moment} NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX archive_by_time ON archive (created_at)",
    """CREATE TABLE archive_tenant (
        tenant VARCHAR(64) NOT NULL, archive VARCHAR(32) NOT NULL REFERENCES archive (id),
        PRIMARY KEY (tenant, archive))""",
)

RETAINING = (
    """CREATE TABLE retention_policy (
        digest VARCHAR(64) NOT NULL, quantity VARCHAR(64) NOT NULL, scope TEXT NOT NULL,
        most BIGINT, cron TEXT NOT NULL, zone TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment} NOT NULL, why TEXT NOT NULL, begun {moment}, claimed {moment},
        PRIMARY KEY (digest, quantity))""",
)

HAPPENING = (
    """CREATE TABLE event (
        "at" {moment} NOT NULL, kind VARCHAR(16) NOT NULL, digest VARCHAR(64) NOT NULL,
        quantity VARCHAR(64) NOT NULL, tenant TEXT NOT NULL, most BIGINT,
        PRIMARY KEY ("at", kind, digest, quantity))""",
    'CREATE INDEX event_of_whom ON event (digest, "at")',
    'CREATE INDEX event_of_kind ON event (kind, "at")',
)

PARKING = (
    """CREATE TABLE parked (
        tenant VARCHAR(64) NOT NULL PRIMARY KEY, since {moment} NOT NULL, text TEXT NOT NULL)""",
)

BACKING_UP = (
    """CREATE TABLE backup_rule (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, text TEXT NOT NULL, who TEXT NOT NULL,
        "at" {moment} NOT NULL, why TEXT NOT NULL)""",
    """CREATE TABLE backup_newest (
        digest VARCHAR(64) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, due {moment} NOT NULL,
        begun {moment} NOT NULL, archive VARCHAR(64) NOT NULL, problem TEXT NOT NULL)""",
    """CREATE TABLE backup (
        archive VARCHAR(64) NOT NULL PRIMARY KEY, digest VARCHAR(64) NOT NULL,
        due {moment} NOT NULL, begun {moment} NOT NULL)""",
    "CREATE INDEX ix_backup_digest ON backup (digest)",
)

MOVING = (
    """CREATE TABLE moved (
        tenant VARCHAR(64) NOT NULL PRIMARY KEY, since {moment} NOT NULL, text TEXT NOT NULL)""",
)

APART = (
    """CREATE TABLE apart (
        kb_id VARCHAR(64) NOT NULL PRIMARY KEY, "at" {moment} NOT NULL, text TEXT NOT NULL)""",
)

SHARING = (
    """CREATE TABLE dashboard (
        id VARCHAR(32) NOT NULL PRIMARY KEY, name TEXT NOT NULL, version VARCHAR(64) NOT NULL,
        read_only BOOLEAN NOT NULL, started {moment} NOT NULL, heard {moment} NOT NULL)""",
    """CREATE TABLE collecting (
        id INTEGER NOT NULL PRIMARY KEY, number BIGINT NOT NULL, owner VARCHAR(32) NOT NULL,
        since {moment}, until {moment}, wanted BIGINT NOT NULL, audits_wanted BIGINT NOT NULL,
        audits_done BIGINT NOT NULL, begun BIGINT NOT NULL, ended BIGINT NOT NULL,
        began_at {moment}, published BIGINT NOT NULL)""",
    """INSERT INTO collecting (id, number, owner, wanted, audits_wanted, audits_done, begun, ended,
        published) VALUES (1, 0, '', 0, 0, 0, 0, 0, 0)""",
    """CREATE TABLE published (
        part VARCHAR(16) NOT NULL PRIMARY KEY, digest VARCHAR(64) NOT NULL,
        content {bytes} NOT NULL)""",
    # it is compressed already: PostgreSQL would try once more
    {
        "sqlite": (),
        "postgresql": ("ALTER TABLE published ALTER COLUMN content SET STORAGE EXTERNAL",),
    },
)

SERVING = (
    """CREATE TABLE instance (
        name VARCHAR(63) NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, service VARCHAR(64) NOT NULL,
        here BOOLEAN NOT NULL, serving BOOLEAN NOT NULL, since {moment} NOT NULL,
        text TEXT NOT NULL)""",
    """CREATE TABLE instance_port (
        port INTEGER NOT NULL PRIMARY KEY,
        name VARCHAR(63) NOT NULL REFERENCES instance (name))""",
)
