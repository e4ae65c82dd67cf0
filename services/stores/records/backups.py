"""Rules and runs of backups, in this product's own records."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Engine, delete, insert, select, update

from services.backups.formats import rule_of, rule_text
from services.backups.models import Kept, Run
from services.cards.scope import Scope
from services.stores.records.database import insert_into, reading, writing
from services.stores.records.life_tables import BACKUP_NEWEST, BACKUP_RULES, BACKUPS
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of
from services.tenancy.kb_ids import TenantKey


class BackupBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""
        with reading(self._engine, "reading rules of backups") as connection:
            return tuple(
                Kept(rule_of(row.text), row.who, row.at, row.why)
                for row in connection.execute(select(BACKUP_RULES))
            )

    def change(self, put: Collection[Kept], removed: Collection[Scope]) -> None:
        """Set rules, in place of those for the same tenants, and remove others, all or none."""
        rows = [
            {"digest": digest_of(str(each.rule.scope)), "text": rule_text(each.rule),
             "who": each.by, "at": each.at, "why": each.why}
            for each in put
        ]  # fmt: skip
        gone = [digest_of(str(scope)) for scope in removed]
        with writing(self._engine, "changing rules of backups") as connection:
            connection.execute(delete(BACKUP_RULES).where(BACKUP_RULES.c.digest.in_(gone)))
            put_rows(connection, BACKUP_RULES, rows)

    def newest(self) -> Mapping[TenantKey, Run]:
        """Return the newest run of each tenant that has one."""
        with reading(self._engine, "reading runs of backups") as connection:
            rows = connection.execute(select(BACKUP_NEWEST)).all()
        runs = (
            Run(TenantKey.written(row.tenant), row.due, row.begun, row.archive, row.problem)
            for row in rows
        )
        return {run.tenant: run for run in runs}

    def runs(self, tenant: TenantKey) -> tuple[Run, ...]:
        """Return the runs of a tenant that took an archive which is kept, newest first."""
        mine = select(BACKUPS).where(BACKUPS.c.digest == digest_of(str(tenant)))
        with reading(self._engine, "reading runs of backups") as connection:
            rows = connection.execute(mine.order_by(BACKUPS.c.begun.desc())).all()
        return tuple(Run(tenant, row.due, row.begun, row.archive) for row in rows)

    def begin(self, run: Run, before: Run | None) -> bool:
        """Note that a run begins; False where another dashboard began one since `before`."""
        digest = digest_of(str(run.tenant))
        row = {"due": run.due, "begun": run.begun, "archive": "", "problem": ""}
        with writing(self._engine, "beginning a backup") as connection:
            if before is None:
                first = insert_into(connection, BACKUP_NEWEST).on_conflict_do_nothing()
                first = first.values(digest=digest, tenant=str(run.tenant), **row)
                taken = connection.scalar(first.returning(BACKUP_NEWEST.c.digest))
                return taken is not None
            seen = (BACKUP_NEWEST.c.digest == digest) & (BACKUP_NEWEST.c.begun == before.begun)
            return connection.execute(update(BACKUP_NEWEST).where(seen).values(row)).rowcount == 1

    def came(self, run: Run) -> None:
        """Note what a run that was begun takes, or why it takes nothing, whatever was noted."""
        digest = digest_of(str(run.tenant))
        mine = (BACKUP_NEWEST.c.digest == digest) & (BACKUP_NEWEST.c.begun == run.begun)
        with writing(self._engine, "noting a backup") as connection:
            connection.execute(
                update(BACKUP_NEWEST).where(mine).values(archive=run.archive, problem=run.problem)
            )
            if run.archive:
                row = {"archive": run.archive, "digest": digest, "due": run.due, "begun": run.begun}
                connection.execute(insert(BACKUPS), row)
            else:
                noted = (BACKUPS.c.digest == digest) & (BACKUPS.c.begun == run.begun)
                connection.execute(delete(BACKUPS).where(noted))

    def forget(self, tenant: TenantKey, archives: Collection[str]) -> None:
        """Remove the runs whose archives are gone."""
        mine = BACKUPS.c.digest == digest_of(str(tenant))
        gone = mine & BACKUPS.c.archive.in_(list(archives))
        with writing(self._engine, "forgetting backups") as connection:
            connection.execute(delete(BACKUPS).where(gone))
