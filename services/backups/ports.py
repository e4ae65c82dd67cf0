"""What backups ask of this product's own records, and of archives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from services.backups.models import Backup, Kept, Rule, Run
from services.cards.scope import Scope
from services.tenancy.kb_ids import TenantKey


class BackupRecords(Protocol):
    """Rules and runs. Every method raises StoreUnavailable."""

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""

    def change(self, put: Collection[Kept], removed: Collection[Scope]) -> None:
        """Set rules, in place of those for the same tenants, and remove others, all or none."""

    def newest(self) -> Mapping[TenantKey, Run]:
        """Return the newest run of each tenant that has one."""

    def runs(self, tenant: TenantKey) -> tuple[Run, ...]:
        """Return the runs of a tenant whose archives are kept, and the newest, newest first."""

    def begin(self, run: Run, before: Run | None) -> bool:
        """Note that a run begins; False where another dashboard began one since `before`."""

    def came(self, run: Run) -> None:
        """Note what a run that was begun takes, or why it takes nothing, whatever was noted."""

    def forget(self, tenant: TenantKey, archives: Collection[str]) -> None:
        """Remove the runs whose archives are gone."""


class Archives(Protocol):
    """Archives of whole tenants. Every method raises StoreError and ArchiveError."""

    def begin(
        self, tenant: TenantKey, rule: Rule, *, by: str, noted: Callable[[str], None]
    ) -> None:
        """Begin to take and prove one, as a job; `noted` is told its id before it can be over."""

    def known(self, archives: Collection[str]) -> Mapping[str, Backup]:
        """Return what the records know of these."""

    def under_way(self) -> frozenset[TenantKey]:
        """Return the tenants of whose whole an archive is being taken, also by hand."""

    def newest_proven(self, tenants: Collection[TenantKey]) -> Mapping[TenantKey, Backup]:
        """Return the newest proven archive of each of these tenants that has one."""

    def give_up(self, archive: str) -> None:
        """End one that failed for good, unless it alone has what its tenant has no more."""

    def remove(self, archive: str) -> None:
        """Delete the file of one for good, and note that it is gone. Raises OnHold."""
