"""Writing data for a tenant out of a file, as one viewer may."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from services.access.gate import Gate, digest_of_words
from services.access.holders import Holders
from services.access.viewer import Action
from services.approvals.models import REASON
from services.errors import AccessDenied
from services.imports.models import Elsewhere, GivenUp, ImportRefused, Order, Preview, Run, State
from services.imports.service import ImportService
from services.imports.target import holders
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


class DeskImports:
    """Imports for tenants in scope. What is written is checked, approved where set, and logged."""

    def __init__(
        self, gate: Gate, inner: Callable[[], ImportService], *, ownership: Callable[[], Ownership]
    ) -> None:  # fmt: skip
        self._gate, self._inner, self._ownership = gate, inner, ownership

    def check(self, order: Order, file: BinaryIO) -> Preview:
        """Check a file row by row and stage it on this machine; no store is written to.

        Raises AccessDenied, ImportRefused, StoreError.
        """
        self._gate.allow(Action.IMPORT_DATA, tenants=[order.tenant], target=str(order.tenant))
        self._allow(order)
        return self._inner().check(order, file)

    def preview(self, run: str) -> Preview:
        """Return what a checked file would come to. Raises AccessDenied, ImportRefused."""
        self._gate.allow(Action.IMPORT_DATA)
        found = self._inner().preview(run)
        self._in_scope(found.order)
        return found

    def write(self, run: str, *, why: str = "", here: bool = False) -> Run:
        """Write a checked file whole or not at all, by a job: soon, or `here` and now.

        Raises AccessDenied, ApprovalNeeded, ImportRefused, JobRefused, StoreError.
        """
        viewer = self._gate.allow(Action.IMPORT_DATA)
        preview = self.preview(run)
        concerned = self._allow(preview.order)
        with self._gate.doing(
            Action.IMPORT_DATA, tenants=concerned, whose=(preview.order.tenant,),
            target=_words(preview), digest=preview.digest, details=_details(preview, why),
            reason=why,
        ) as doing:  # fmt: skip
            begun = self._inner().begin(run, by=viewer.id, why=why)
            if not here:
                return begun
            done = self._inner().run_here(run)
            doing.failure = "" if done.state is State.DONE else done.problem
            return done

    def take_back(self, run: str, *, here: bool = False) -> Run:
        """Have an import taken back that goes on, or was cut off: soon, or `here` and now.

        Raises AccessDenied, ImportRefused, JobRefused, StoreError.
        """
        found = self.one(run)
        with self._gate.doing(
            Action.IMPORT_DATA, tenants=self._allow(found.order), whose=(found.order.tenant,),
            target=f"take back {run}", digest=self.preview(run).digest,
        ):  # fmt: skip
            begun = self._inner().take_back(run)
            return self._inner().run_here(run) if here else begun

    def give_up(self, run: str, *, reason: str) -> GivenUp:
        """End an import for good that halted, or whose rows are on another machine. Logged.

        Raises AccessDenied, ApprovalNeeded, ImportRefused, JobRefused, StoreError.
        """
        viewer, reason = self._gate.allow(Action.IMPORT_DATA), reason.strip()
        tenant = self._tenant(run)
        with self._gate.doing(
            Action.IMPORT_DATA, tenants=[tenant], target=f"give up {run}", reason=reason,
            digest=digest_of_words("give up", run), details={REASON: reason},
        ):  # fmt: skip
            return self._inner().give_up(run, by=viewer.id, reason=reason)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return imports in scope whose rows are on another machine, the newest first."""
        viewer = self._gate.allow(Action.IMPORT_DATA)
        return tuple(each for each in self._inner().elsewhere() if viewer.sees(each.tenant))

    def one(self, run: str) -> Run:
        """Return an import in scope. Raises AccessDenied, ImportRefused."""
        self._gate.allow(Action.IMPORT_DATA)
        found = self._inner().one(run)
        self._in_scope(found.order)
        return found

    def runs(self) -> tuple[Run, ...]:
        """Return the imports in scope that were begun on this machine, the newest first."""
        viewer = self._gate.allow(Action.IMPORT_DATA)
        return tuple(run for run in self._inner().runs() if viewer.sees(run.order.tenant))

    def _tenant(self, run: str) -> TenantKey:
        """Return whose an import is, wherever its rows are. Raises ImportRefused."""
        for each in self.elsewhere():
            if each.id == run:
                return each.tenant
        return self.one(run).order.tenant

    def _in_scope(self, order: Order) -> None:
        try:
            self._gate.allow(Action.IMPORT_DATA, tenants=[order.tenant])
        except AccessDenied:  # whether another's import is there is not told either
            raise ImportRefused("there is no such import") from None

    def _allow(self, order: Order) -> Holders:
        concerned = holders(order, self._inner().target(order), self._ownership())
        self._gate.allow(Action.IMPORT_DATA, tenants=concerned, target=str(order.tenant))
        return concerned


def _words(preview: Preview) -> str:
    order = preview.order
    place = order.collection or order.table if order.kind.value in ("patterns", "vectors") else ""
    into = f" into {place}" if place else ""
    return f"{preview.will_write:,} {order.kind.value}{into} ({order.layout.value}'s layout)"


def _details(preview: Preview, why: str) -> dict[str, str]:
    order = preview.order
    said = {
        "Tenant": str(order.tenant), "What": _words(preview),
        "Names there already": f"{preview.there:,}, {order.existing.value}",
        "Refused rows": f"{preview.refused:,}", "File": preview.digest[:16],
    }  # fmt: skip
    return {**said, **({"Why": why} if why else {})}
