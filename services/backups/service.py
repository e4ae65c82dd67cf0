"""Backups of tenants: their rules, what is due, and what of what was taken stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.backups.judge import next_at, rules_of, standing
from services.backups.keep import kept as staying
from services.backups.models import Changes, Kept, Run, Standing
from services.backups.ports import Archives, BackupRecords
from services.cards.holds import Holds, held_among
from services.cards.models import LabelsOf
from services.cards.specific import MostSpecific
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey

AT_ONCE = 4
"""So many archives are begun at most before others of the same look have ended."""

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

    def standings(self, tenants: Collection[TenantKey]) -> tuple[Standing, ...]:
        """Say how each of these tenants is backed up, in their order."""
        tools, rules, runs = self._tools, self._rules(), self._tools.records.newest()
        mine = [runs[tenant].archive for tenant in tenants if tenant in runs]
        known = tools.archives.known([each for each in mine if each])
        newest = tools.archives.newest_proven(tenants)
        now = tools.now()
        return tuple(
            standing(tenant, rules.of(tenant), runs.get(tenant), known, newest.get(tenant), now=now)
            for tenant in tenants
        )

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
        due.sort(key=lambda each: (each[0], each[1]))
        room = AT_ONCE - self._under_way(runs)
        begun = (self._begin(tenant, kept, at, runs) for at, tenant, kept in due[: max(0, room)])
        return tuple(run for run in begun if run is not None)

    def begin_now(self, tenant: TenantKey) -> Run | None:
        """Begin one at once, by the rule that holds; None where none does or another is begun."""
        kept = self._rules().of(tenant)
        if kept is None:
            return None
        return self._begin(tenant, kept, self._tools.now(), self._tools.records.newest())

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
        gone = [each for each in known if each not in stay]
        for archive in gone:
            tools.archives.remove(archive)
            tools.records.forget(tenant, [archive])
        return tuple(gone)

    def _rules(self) -> MostSpecific[Kept]:
        return rules_of(self._tools.records.rules(), self._tools.labels())

    def _under_way(self, runs: Mapping[TenantKey, Run]) -> int:
        known = self._tools.archives.known([run.archive for run in runs.values() if run.archive])
        return sum(not each.settled for each in known.values())

    def _begin(
        self, tenant: TenantKey, kept: Kept, due: datetime, runs: Mapping[TenantKey, Run]
    ) -> Run | None:
        tools, now = self._tools, self._tools.now()
        run = Run(tenant, due, now)
        if not tools.records.begin(run, runs.get(tenant)):
            return None
        try:
            run = Run(tenant, due, now, tools.archives.begin(tenant, kept.rule, at=now))
        except KatoTenantsError as exc:
            run = Run(tenant, due, now, problem=str(exc))
        tools.records.came(run)
        return run


def late(standings: Sequence[Standing], by: timedelta) -> tuple[Standing, ...]:
    """Return whose backup has been due for longer than `by`."""
    return tuple(each for each in standings if each.late is not None and each.late > by)


def failed(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return whose newest run came to no proven archive."""
    return tuple(each for each in standings if each.problem)
