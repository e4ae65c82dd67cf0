"""The canary test: proves with two throwaway tenants that neither reads what is the other's."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime

from services.canary.models import CanaryReport, CanaryState
from services.canary.run import CanaryRun
from services.canary.tools import Tools
from services.errors import KatoTenantsError

logger = logging.getLogger(__name__)


class CanaryService:
    """Runs the test on demand, one run at a time. It writes into the deployment, and cleans up.

    Readers take `state`, which is replaced whole and never waited for.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._turn = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._busy: set[str] = set()
        self.state = CanaryState()

    def start(self, *, by: str) -> bool:
        """Run in a thread of its own, on behalf of `by`; False when a run is under way."""
        with self._starting:
            if self.state.running_since is not None:
                return False
            self._begins()
            self._thread = threading.Thread(
                target=self._quietly, args=(by,), name="canary", daemon=True
            )
            self._thread.start()
            return True

    def run(self, *, by: str) -> CanaryReport:
        """Run here and now, after a run under way, and return the report. Raises StoreError."""
        with self._turn:
            self._begins()
            try:
                report = CanaryRun(self._tools, by=by, says=self._says, busy=self._busy).run()
            except BaseException as exc:
                self.state = CanaryState(self.state.report, problem=_words(exc))
                raise
            else:
                self.state = CanaryState(report)
                return report
            finally:
                self._tools.on_end()

    def stop(self, *, timeout: float = 30.0) -> None:
        """Wait so many seconds for a run under way: it cleans up after itself."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _quietly(self, by: str) -> None:
        try:
            came = CanaryState(self.run(by=by))
        except KatoTenantsError as exc:
            logger.warning("the canary test came to no report: %s", exc)
            came = CanaryState(problem=_words(exc))
        except Exception as exc:  # `state` tells; nobody waits for this thread
            logger.exception("the canary test failed")
            came = CanaryState(problem=_words(exc))
        self._tools.tell(by, came)

    def _begins(self) -> None:
        since = self.state.running_since or datetime.now(UTC)
        self.state = replace(self.state, running_since=since, step="", problem=None)

    def _says(self, step: str) -> None:
        self.state = replace(self.state, step=step)


def _words(exc: BaseException) -> str:
    if isinstance(exc, KatoTenantsError):
        return str(exc)
    if isinstance(exc, KeyboardInterrupt):
        return "it was interrupted"
    return f"a fault in this product: {type(exc).__name__}"
