"""The canary test, as one viewer may use it."""

from __future__ import annotations

from services.access.gate import Gate, digest_of_words
from services.access.viewer import Action, Outcome, Role, Viewer
from services.audit_log.service import Logbook, warning
from services.canary.models import CanaryReport, CanaryState
from services.canary.service import CanaryService


class DeskCanary:
    """The canary test, for those who see all."""

    def __init__(self, gate: Gate, inner: CanaryService) -> None:
        self._gate, self._inner = gate, inner

    @property
    def state(self) -> CanaryState:
        """What the test does and last came to."""
        self._gate.allow(Action.SEE_CANARY)
        return self._inner.state

    def start(self) -> bool:
        """Run in a thread of its own; False when a run is under way."""
        if self._inner.state.running_since is not None:
            self._gate.allow(Action.RUN_CANARY)
            return False
        with self._gate.doing(Action.RUN_CANARY, digest=digest_of_words("canary")) as doing:
            started = self._inner.start(by=self._gate.viewer().id)
            doing.failure = "" if started else "another run is under way"
            return started

    def run(self) -> CanaryReport:
        """Run here and now. Raises AccessDenied, StoreError."""
        with self._gate.doing(Action.RUN_CANARY, digest=digest_of_words("canary")) as doing:
            report = self._inner.run(by=self._gate.viewer().id)
            doing.failure = "" if report.cleaned else "it could not clean up all of its own"
            return report


def log_canary(log: Logbook, by: str, state: CanaryState) -> None:
    """Note what a run of the canary test came to; done is one after which nothing is left."""
    report = state.report
    done = state.problem is None and report is not None and report.cleaned
    words = state.problem or (f"verdict: {report.verdict.value}" if report else "")
    with warning("the end of the canary test could not be logged"):
        log.note(
            Viewer(by, Role.ADMIN), Action.RUN_CANARY.value, target="its end",
            outcome=Outcome.DONE if done else Outcome.FAILED, reason=words,
        )  # fmt: skip
