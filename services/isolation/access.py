"""The isolation audit, the canary test and approvals, as one viewer may use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from services.access.gate import Gate, digest_of_words
from services.access.viewer import Action, Viewer
from services.approvals.models import HOW_LONG, WHY
from services.errors import AccessDenied, FindingError, StoreError
from services.isolation.audit import AuditState, IsolationService
from services.isolation.confined import confined_report, holders_of_finding, sees_finding
from services.isolation.models import Finding, Report, Rule, Until
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot


class DeskIsolation:
    """Findings of which every tenant is in scope."""

    def __init__(
        self, gate: Gate, inner: IsolationService, *, ownership: Callable[[], Ownership],
        want: Callable[[], None],
    ) -> None:  # fmt: skip
        self._gate, self._inner = gate, inner
        self._ownership, self._want = ownership, want

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Every rule, by its code."""
        self._gate.allow(Action.SEE_FINDINGS)
        return self._inner.rules

    @property
    def state(self) -> AuditState:
        """What the audit has and does, confined."""
        viewer = self._gate.allow(Action.SEE_FINDINGS)
        state = self._inner.state
        if viewer.sees_all:
            return state
        problem = state.problem and state.problem.nameless()
        return AuditState(self._confined(state.report, viewer), state.auditing_since, problem)

    def report(self) -> Report | None:
        """Return the last audit, confined. Raises StoreError."""
        viewer = self._gate.allow(Action.SEE_FINDINGS)
        return self._confined(self._inner.report(), viewer)

    def report_or_none(self) -> Report | None:
        """Return the last audit; None also where the records do not answer. Raises AccessDenied."""
        try:
            return self.report()
        except StoreError:
            return None

    def audit(self, snapshot: Snapshot) -> Report:
        """Audit the whole fleet here and now, and keep it: for who sees all.

        Raises AccessDenied, StoreError.
        """
        self._gate.allow(Action.SEE_FINDINGS, tenants=())
        return self._inner.audit(snapshot)

    def scores(self) -> tuple[tuple[datetime, int | None], ...]:
        """Return the fleet's scores, oldest first; none for a viewer who does not see it."""
        viewer = self._gate.allow(Action.SEE_FINDINGS)
        return self._inner.scores() if viewer.sees_all else ()

    def want(self) -> None:
        """Have new figures read and audited."""
        self._gate.allow(Action.LOOK)
        self._want()

    def accept(self, finding_id: str, *, why: str, until: Until = None) -> None:
        """Leave a finding as it is, in the viewer's name. Raises AccessDenied, FindingError."""
        # a length and not its end, so that it is the same thing when it is approved the next day
        words = (finding_id, why.strip(), str(until))
        details = {WHY: why.strip(), HOW_LONG: _length(until)}
        with self._deciding(finding_id, finding_id, words, details) as viewer:
            self._inner.accept(finding_id, by=viewer.id, why=why, until=until)

    def withdraw(self, finding_id: str) -> None:
        """Take an acceptance back. Raises AccessDenied, FindingError."""
        with self._deciding(finding_id, f"not {finding_id}", (finding_id, "withdrawn"), {}):
            self._inner.withdraw(finding_id)

    @contextmanager
    def _deciding(
        self, finding_id: str, target: str, words: Sequence[str], details: Mapping[str, str]
    ) -> Iterator[Viewer]:
        viewer = self._gate.allow(Action.ACCEPT_FINDING, target=target)
        finding = self._finding(finding_id, viewer)
        with self._gate.doing(
            Action.ACCEPT_FINDING, tenants=holders_of_finding(finding, self._ownership()),
            target=target, digest=digest_of_words(*words),
            details=details,
        ):  # fmt: skip
            yield viewer

    def _finding(self, finding_id: str, viewer: Viewer) -> Finding:
        """Return a finding; whether there is one that the viewer may not see is not told."""
        report = self._inner.report()
        for record in report.records if report else ():
            if record.finding.id == finding_id and self._seen(record.finding, viewer):
                return record.finding
        raise FindingError("there is no such finding, or it has been resolved")

    def _seen(self, finding: Finding, viewer: Viewer) -> bool:
        """Whether a viewer sees a finding; who does not is refused in the log alone."""
        ownership = self._ownership()
        if sees_finding(finding, viewer, ownership):
            return True
        with suppress(AccessDenied):
            holders = holders_of_finding(finding, ownership)
            self._gate.allow(Action.ACCEPT_FINDING, tenants=holders, target=finding.id)
            self._gate.allow(Action.ACCEPT_FINDING, tenants=(), target=finding.id)  # it tells more
        return False

    def _confined(self, report: Report | None, viewer: Viewer) -> Report | None:
        return report and confined_report(report, viewer, self._ownership())


def _length(until: Until) -> str:
    if until is None:
        return "for good"
    if isinstance(until, timedelta):
        return f"{until.days:,} days"
    return f"until {until:%Y-%m-%d %H:%M} UTC"
