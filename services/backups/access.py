"""Backups, as one viewer may see, set and begin them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from services.access.gate import Gate, digest_of_words
from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.service import Logbook, warning
from services.backups.confined import confined_rules, confined_run, confined_standing
from services.backups.models import Backup, Changes, Kept, Run, Standing
from services.backups.service import BY, BackupService
from services.backups.written import words_of
from services.cards.changing import LabelsWithin, changing, labels_for
from services.tenancy.kb_ids import TenantKey


class DeskBackups:
    """Rules are set by who sees all tenants; one in scope is seen, and backed up at once."""

    def __init__(
        self, gate: Gate, inner: Callable[[], BackupService], *, labels: LabelsWithin
    ) -> None:
        self._gate, self._inner, self._labels = gate, inner, labels

    def rules(self) -> tuple[Kept, ...]:
        """Return the rules that may hold for a tenant in scope."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        return confined_rules(self._inner().rules(), viewer, labels_for(viewer, self._labels))

    def standings(self, tenants: Collection[TenantKey]) -> tuple[Standing, ...]:
        """Say how each of those of these tenants that are in scope is backed up."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        found = self._inner().standings([each for each in tenants if viewer.sees(each)])
        return tuple(confined_standing(each, viewer) for each in found)

    def change(self, changes: Changes, *, why: str = "") -> Changes:
        """Set and remove rules, all or none, and return what was a change.

        Raises AccessDenied, ApprovalNeeded, StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SET_BACKUPS)
        service, why = self._inner(), why.strip()
        changes = changes.but([each.rule for each in service.rules()])
        if not changes:
            return changes
        lines = [*map(words_of, changes.put), *(f"no more {each}" for each in changes.removed)]
        scopes = (*(each.scope for each in changes.put), *changes.removed)
        with changing(
            self._gate, Action.SET_BACKUPS, lines, scopes=scopes, what="Rules", why=why
        ):  # fmt: skip
            service.change(changes, by=viewer.id, why=why)
        return changes

    def begin_now(self, tenant: TenantKey) -> Run:
        """Back a tenant up at once, by the rule that holds for it; the job runs by itself.

        Where the rule ends its sessions first, it takes what that takes. Raises AccessDenied,
        ApprovalNeeded, BackupError, StoreError.
        """
        viewer = self._gate.allow(Action.BACK_UP, tenants=(tenant,), target=str(tenant))
        service = self._inner()
        if service.ends_sessions(tenant):
            viewer = self._gate.allow(
                Action.END_AND_ARCHIVE, tenants=(tenant,), target=str(tenant)
            )  # fmt: skip
        with self._gate.doing(
            Action.BACK_UP, tenants=(tenant,), target=str(tenant),
            digest=digest_of_words("backup", str(tenant)),
        ):  # fmt: skip
            return confined_run(service.begin_now(tenant, by=viewer.id), viewer)


def log_begun(log: Logbook, run: Run) -> None:
    """Note that a backup began by itself, or why it could not."""
    _note(log, run.tenant, Outcome.FAILED if run.problem else Outcome.BEGUN,
          run.problem or f"archive {run.archive}")  # fmt: skip


def log_came(log: Logbook, backup: Backup) -> None:
    """Note what a backup came to."""
    words = f"archive {backup.archive} is proven" if backup.proven else backup.problem
    _note(log, backup.tenant, Outcome.DONE if backup.proven else Outcome.FAILED, words)


def log_gone(log: Logbook, backup: Backup, gone: Sequence[str]) -> None:
    """Note which older archives were removed once a backup was proven."""
    _note(log, backup.tenant, Outcome.DONE, f"removed: archives {', '.join(gone)}")


def _note(log: Logbook, tenant: TenantKey, outcome: Outcome, words: str) -> None:
    with warning(f"how the backup of {tenant!s} is could not be logged"):
        log.note(
            Viewer(BY, Role.ADMIN), Action.BACK_UP.value, tenants=(tenant,), target=str(tenant),
            outcome=outcome, reason=words,
        )  # fmt: skip
