"""Backups of tenants: their rules, what is due, and what of what was taken stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.backups.judge import next_at, rules_of, standing
from services.backups.keep import kept as staying
from services.backups.models import Backup, Changes, Kept, Run, Standing
from services.backups.ports import Archives, BackupRecords
from services.backups.written import BackupError
from services.cards.holds import Holds, held_among
from services.cards.models import LabelsOf, OnHold
from services.cards.specific import MostSpecific
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey

AT_ONCE = 4
"""So many archives are begun at most before others of the same look have ended."""

BY = "schedule"
"""In whose name a backup is taken that begins by itself."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What backups need. `tenants` are those that are there now."""

    records: BackupRecords
    archives: Archives
    tenants: Callable[[], Iterable[TenantKey]]
    labels: Callable[[], LabelsOf]
    holds: Holds
    now: Callable[[], datetime]


class BackupService:
    """Every method raises StoreUnavailable where this product's own records do not answer."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""
        return self._tools.records.rules()

    def change(self, changes: Changes, *, by: str, why: str) -> None:
        """Make changes, all or none. A rule counts from when it was set."""
        at = self._tools.now()
        put = [Kept(rule, by, at, why) for rule in changes.put]
        self._tools.records.change(put, changes.removed)

    def standings(
        self, tenants: Collection[TenantKey], *, newest: bool = True
    ) -> tuple[Standing, ...]:
        """Say how each of these tenants is backed up, in their order.

        Without `newest` its newest proven archive is not looked for.
        """
        tools, rules, runs = self._tools, self._rules(), self._tools.records.newest()
        mine = [runs[tenant].archive for tenant in tenants if tenant in runs]
        known = tools.archives.known([each for each in mine if each])
        proven = tools.archives.newest_proven(tenants if newest else ())
        now = tools.now()
        return tuple(
            standing(tenant, rules.of(tenant), runs.get(tenant), known, proven.get(tenant), now=now)
            for tenant in tenants
        )

    def ruled(self, tenants: Iterable[TenantKey]) -> tuple[Standing, ...]:
        """Say how those of these tenants are backed up whom a rule is for."""
        rules = self._rules()
        kept = ((tenant, rules.of(tenant)) for tenant in tenants)
        return self.standings([t for t, rule in kept if rule and rule.rule.schedule is not None])

    def begin_due(self) -> tuple[Run, ...]:
        """Begin what is due and what nobody else began, the longest due first.

        One that cannot begin says why, and is due again by its schedule.
        """
        tools, rules, runs = self._tools, self._rules(), self._tools.records.newest()
        now, due = tools.now(), list[tuple[datetime, TenantKey, Kept]]()
        for tenant in tools.tenants():
            kept = rules.of(tenant)
            at = next_at(tenant, kept, runs.get(tenant))
            if kept is not None and at is not None and at <= now:
                due.append((at, tenant, kept))
        if not due:
            return ()
        under_way = tools.archives.under_way()
        due = [each for each in due if each[1] not in under_way]
        due.sort(key=lambda each: (each[0], each[1]))
        room = max(0, AT_ONCE - len(under_way))
        begun = (self._begin(tenant, kept, at, runs, by=BY) for at, tenant, kept in due[:room])
        return tuple(run for run in begun if run is not None)

    def begin_now(self, tenant: TenantKey, *, by: str) -> Run:
        """Begin one at once, by the rule that holds. Raises BackupError."""
        kept, runs = self._rules().of(tenant), self._tools.records.newest()
        if kept is None or kept.rule.schedule is None:
            raise BackupError("no rule has this tenant backed up")
        begun = None
        if tenant not in self._tools.archives.under_way():
            begun = self._begin(tenant, kept, self._tools.now(), runs, by=by)
        if begun is None:
            raise BackupError("it is being backed up now")
        return begun

    def ends_sessions(self, tenant: TenantKey) -> bool:
        """Whether the rule that holds for a tenant ends its sessions first."""
        kept = self._rules().of(tenant)
        return kept is not None and kept.rule.quiesce

    def follow(self, archive: str) -> Backup | None:
        """Follow a run of the job of an archive, and return how it came out.

        One that failed is given up. None for one that is under way or no backup.
        """
        tools = self._tools
        backup = tools.archives.known([archive]).get(archive)
        if backup is None or not backup.settled:
            return None
        if archive not in {run.archive for run in tools.records.runs(backup.tenant)}:
            return None
        if not backup.proven:
            tools.archives.give_up(archive)
        return backup

    def prune(self, tenant: TenantKey) -> tuple[str, ...]:
        """Delete what no rule names any more, and return the archives that are gone.

        Nothing goes of a tenant on legal hold or one that no rule is for, nor the newest proven.
        """
        tools, kept = self._tools, self._rules().of(tenant)
        if kept is None or kept.rule.schedule is None or held_among([tenant], tools.holds):
            return ()
        runs = tools.records.runs(tenant)
        known = tools.archives.known([run.archive for run in runs if run.archive])
        zone = kept.rule.schedule.zone
        stay = staying(known.values(), kept.rule.keep, now=tools.now(), zone=zone)
        needless = [each for each in known.values() if each.settled and each.archive not in stay]
        return tuple(each.archive for each in needless if self._is_removed(each))

    def _is_removed(self, backup: Backup) -> bool:
        """Remove one; False where it cannot be now, which holds up no other.

        Another whose data is in it may be on legal hold, or it alone has content of sessions.
        """
        try:
            self._tools.archives.remove(backup.archive)
            self._tools.records.forget(backup.tenant, [backup.archive])
        except OnHold:
            return False
        except KatoTenantsError as exc:
            logger.warning("the backup %s could not be removed: %s", backup.archive, exc)
            return False
        return True

    def _rules(self) -> MostSpecific[Kept]:
        return rules_of(self._tools.records.rules(), self._tools.labels())

    def _begin(
        self, tenant: TenantKey, kept: Kept, due: datetime, runs: Mapping[TenantKey, Run], *,
        by: str,
    ) -> Run | None:  # fmt: skip
        tools, now = self._tools, self._tools.now()
        run = Run(tenant, due, now)
        if not tools.records.begin(run, runs.get(tenant)):
            return None
        began = list[Run]()

        def noted(archive: str) -> None:
            began.append(replace(run, archive=archive))
            tools.records.came(began[-1])

        try:
            tools.archives.begin(tenant, kept.rule, by=by, noted=noted)
        except KatoTenantsError as exc:
            failed = replace(run, problem=str(exc))
            tools.records.came(failed)
            return failed
        return began[-1]
