"""Archives, as one viewer may take, prove and see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from services.access.gate import Doing, Gate, digest_of_words
from services.access.holders import each_of, holders_of_node
from services.access.viewer import Action, Viewer
from services.approvals.models import REASON
from services.archive.confined import (
    confined_archive,
    confined_proof,
    holders_of,
    sees,
)
from services.archive.errors import ArchiveError
from services.archive.export import Exported
from services.archive.hearing import Hears, unheard
from services.archive.models import Archive, Head, Manifest, Stored
from services.archive.proving import about
from services.archive.removal import Removal
from services.archive.service import ArchiveService
from services.archive.verify import Proof
from services.errors import AccessDenied
from services.jobs.confined import FAILED
from services.jobs.desk_looks import DeskLooks
from services.jobs.looks import Look, LookBook
from services.jobs.models import Job, Progress
from services.purge.confined import confined_plan, holders_of_plan, whose_of_plan
from services.purge.models import Plan, Request
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class DeskArchive:
    """Archives of tenants in scope; a place by its address is for who sees all."""

    def __init__(
        self, gate: Gate, inner: Callable[[], ArchiveService], *,
        ownership: Callable[[], Ownership], proofs: Callable[[], LookBook[Proof]],
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership
        self._proofs = DeskLooks(gate, Action.VERIFY_ARCHIVE, proofs, confined=confined_proof)

    def plan(self, request: Request) -> Plan:
        """Return what an archive would take, and what it would leave out.

        Raises AccessDenied, PurgeRefused, StoreError.
        """
        target = str(request.target)
        with self._gate.doing(
            Action.PLAN_ARCHIVE, tenants=self._asked(request), target=target
        ) as doing:  # fmt: skip
            plan = self._inner().plan(request)
            viewer = self._gate.allow(Action.PLAN_ARCHIVE, tenants=self._holders(plan))
            doing.digest = plan.digest
        return confined_plan(plan, viewer, self._ownership())

    def begin(
        self, request: Request, *, reason: str, to: str = "", quiesce: bool = False
    ) -> Archive:  # fmt: skip
        """Begin to take an archive; it is planned anew. `quiesce` ends its sessions first.

        Raises AccessDenied, ApprovalNeeded, ArchiveError, PurgeRefused, JobRefused, StoreError.
        """
        action = Action.END_AND_ARCHIVE if quiesce else Action.ARCHIVE
        viewer = self._gate.allow(action, tenants=self._asked(request), target=str(request.target))
        if to and not viewer.sees_all:
            raise AccessDenied(action.value, "another place takes every tenant in scope")
        plan = self._inner().plan(request)
        with self._gate.doing(
            action, tenants=self._holders(plan), whose=whose_of_plan(plan),
            target=str(request.target), digest=plan.digest, reason=reason.strip(),
        ):  # fmt: skip
            archive = self._inner().begin(
                plan, by=viewer.id, reason=reason, to=to, quiesce=quiesce
            )  # fmt: skip
        return confined_archive(archive, viewer)

    def run_here(self, archive_id: str) -> Archive:
        """Run the job of an archive in this process until it ends, stops or fails."""
        archive, viewer = self._known(Action.ARCHIVE, archive_id)
        return confined_archive(self._inner().run_here(archive), viewer)

    def archives(self) -> tuple[Archive, ...]:
        """Return the newest archives in scope, newest first."""
        viewer = self._gate.allow(Action.SEE_ARCHIVES)
        found = (each for each in self._inner().archives() if sees(viewer, each))
        return tuple(confined_archive(each, viewer) for each in found)

    def archive(self, archive_id: str) -> Archive:
        """Return one by its id or its file's name. Raises ArchiveError where it is not in scope."""
        archive, viewer = self._known(Action.SEE_ARCHIVES, archive_id)
        return confined_archive(archive, viewer)

    def newest_proven(self, tenants: Collection[TenantKey]) -> Mapping[TenantKey, Archive]:
        """Return of those of these tenants that are in scope the newest proven archive."""
        viewer = self._gate.allow(Action.SEE_FLEET)
        asked = {str(tenant): tenant for tenant in tenants if viewer.sees(tenant)}
        found = self._inner().newest_proven(asked)
        return {
            asked[name]: confined_archive(archive, viewer)
            for name, archive in found.items() if sees(viewer, archive)
        }  # fmt: skip

    def job(self, archive_id: str) -> Job | None:
        """Return the job that takes an archive, None where it is not known any more."""
        archive, viewer = self._known(Action.SEE_ARCHIVES, archive_id)
        job = self._inner().job(archive)
        if job is None or viewer.sees_all:
            return job
        steps = tuple(replace(step, result={}, error=None) for step in job.steps)
        return replace(
            job, plan={}, receipt=None, progress=Progress(""), reason="", steps=steps,
            problem=FAILED if job.problem else "",
        )  # fmt: skip

    def stop(self, archive_id: str) -> None:
        """Let the job of an archive end as soon as it can: that waits for nobody. Logged."""
        archive, _ = self._known(Action.STOP_ARCHIVE, archive_id)
        with self._steering(archive, "stop", Action.STOP_ARCHIVE):
            self._inner().stop(archive)

    def resume(self, archive_id: str) -> None:
        """Let a stopped or failed job run again. Logged. Raises JobRefused."""
        archive, _ = self._known(Action.ARCHIVE, archive_id)
        with self._steering(archive, "resume"):
            self._inner().resume(archive)

    def ask_proof(self, archive_id: str, *, stores: bool = False) -> None:
        """Have one proven in the background, unless that is under way. Logged.

        Against the stores too where that is asked for. Raises AccessDenied, StoreError.
        """
        archive, _ = self._known(Action.VERIFY_ARCHIVE, archive_id)
        self._proofs.ask(
            about(archive.id), tenants=holders_of(archive), target=archive.name, stores=stores
        )  # fmt: skip

    def proof(self, archive_id: str) -> tuple[Look, Proof | None] | None:
        """Return the newest proof that was asked for, with what it came to; None where none was.

        Raises AccessDenied, ArchiveError, StoreError.
        """
        archive, _ = self._known(Action.VERIFY_ARCHIVE, archive_id)
        return self._proofs.newest(about(archive.id), tenants=holders_of(archive))

    def stop_proof(self, archive_id: str) -> None:
        """Let the proof that is under way end as soon as it can. Raises AccessDenied."""
        archive, _ = self._known(Action.VERIFY_ARCHIVE, archive_id)
        self._proofs.stop(about(archive.id), tenants=holders_of(archive))

    def verify(
        self, archive_id: str, *, stores: bool = False, hears: Hears = unheard
    ) -> Proof:  # fmt: skip
        """Prove an archive here and now, against the stores too where that is asked for. Logged.

        Raises ArchiveRefused, ArchiveError, StoreError.
        """
        archive, viewer = self._known(Action.VERIFY_ARCHIVE, archive_id)
        with self._gate.doing(
            Action.VERIFY_ARCHIVE, tenants=holders_of(archive), target=archive.name
        ):  # fmt: skip
            proof = self._inner().verify(archive.id, stores=stores, hears=hears)
        return confined_proof(proof, viewer)

    def show(self, archive_id: str) -> tuple[Head, Manifest]:
        """Read an archive's head and manifest. Logged."""
        archive, viewer = self._known(Action.VERIFY_ARCHIVE, archive_id)
        with self._gate.doing(
            Action.VERIFY_ARCHIVE, tenants=holders_of(archive), target=archive.name
        ):  # fmt: skip
            head, manifest = self._inner().show(archive)
        proof = confined_proof(Proof(archive.name, archive.bytes, archive.sha256, manifest), viewer)
        assert proof.manifest is not None  # noqa: S101  it was given
        return head, proof.manifest

    def export(self, archive_id: str, folder: Path) -> tuple[Exported, ...]:
        """Write an archive's rows as Parquet into a folder here: for who sees all. Logged.

        Raises AccessDenied, ArchiveRefused, ArchiveError, StoreError.
        """
        self._everything(Action.VERIFY_ARCHIVE)
        archive, _ = self._known(Action.VERIFY_ARCHIVE, archive_id)
        with self._gate.doing(
            Action.EXPORT, tenants=holders_of(archive), target=f"{archive.name} as Parquet"
        ):  # fmt: skip
            return self._inner().export(archive, folder)

    def removal(self, archive_id: str) -> Removal:
        """Return what removing one means. Raises AccessDenied, ArchiveError, OnHold, StoreError."""
        archive, viewer = self._known(Action.REMOVE_ARCHIVE, archive_id)
        found = self._inner().removal(archive)
        return replace(found, archive=confined_archive(found.archive, viewer))

    def remove(self, archive_id: str, *, reason: str) -> Archive:
        """Delete the file of an archive for good. Logged, with the reason.

        Raises AccessDenied, ApprovalNeeded, ArchiveError, OnHold, StoreError.
        """
        archive, viewer = self._known(Action.REMOVE_ARCHIVE, archive_id)
        reason = reason.strip()
        if not reason:
            raise ArchiveError("say why it is removed: a reason, or the ticket")
        found = self._inner().removal(archive)  # before a second person is asked for
        with self._gate.doing(
            Action.REMOVE_ARCHIVE, tenants=holders_of(archive), target=archive.name,
            whose=tuple(map(TenantKey.written, archive.tenants)), reason=reason,
            details={REASON: reason}, digest=digest_of_words("remove", archive.id),
        ):  # fmt: skip
            gone = self._inner().remove_by_hand(found, by=viewer.id, reason=reason)
        return confined_archive(gone, viewer)

    # --- by address: for who sees all ---

    def files(self, to: str = "") -> tuple[Stored, ...]:
        """Return the files in a place. Raises ArchiveError, StoreError."""
        self._everything(Action.SEE_ARCHIVES)
        return self._inner().files(to)

    def verify_file(self, url: str, *, stores: bool = False, hears: Hears = unheard) -> Proof:
        """Prove a file by its address. Logged."""
        self._everything(Action.VERIFY_ARCHIVE)
        with self._gate.doing(Action.VERIFY_ARCHIVE, tenants=(), target="a file by its address"):
            return self._inner().verify_file(url, stores=stores, hears=hears)

    def show_file(self, url: str) -> tuple[Head, Manifest]:
        """Read the head and manifest of a file by its address. Logged."""
        self._everything(Action.VERIFY_ARCHIVE)
        with self._gate.doing(Action.VERIFY_ARCHIVE, tenants=(), target="a file by its address"):
            return self._inner().show_file(url)

    # --- what these share ---

    def _everything(self, action: Action) -> Viewer:
        """Raise AccessDenied, logged, for who does not see all."""
        return self._gate.allow(action, tenants=())

    def _known(self, action: Action, archive_id: str) -> tuple[Archive, Viewer]:
        """Return an archive and who asks; one that is not in scope is as one that is not there."""
        self._gate.allow(action)
        archive = self._inner().archive(archive_id)
        try:
            return archive, self._gate.allow(
                action, tenants=holders_of(archive), target=archive.name
            )
        except AccessDenied:
            raise ArchiveError("there is no such archive in the records") from None

    def _steering(
        self, archive: Archive, deed: str, action: Action = Action.ARCHIVE
    ) -> AbstractContextManager[Doing]:
        return self._gate.doing(
            action, tenants=holders_of(archive), target=f"{deed} {archive.name}",
            digest=digest_of_words(deed, archive.id, archive.digest),
        )  # fmt: skip

    def _asked(self, request: Request) -> tuple[TenantKey, ...]:
        """Return whom a request names; nobody, and so only for who sees all, for everyone."""
        target = request.target
        if not target.tenants or target.node_id is None:
            return target.tenants
        return each_of(target.tenants, holders_of_node(target.node_id, self._ownership()))

    def _holders(self, plan: Plan) -> tuple[TenantKey, ...]:
        return holders_of_plan(plan, self._ownership())
