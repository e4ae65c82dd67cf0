"""Verifying the whole log, here and now or in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.audit_log.anchor import Anchorer
from services.audit_log.chain import verify
from services.audit_log.models import Anchor, Kept, Verification
from services.audit_log.ports import LogBookStore, ReadAnchors
from services.audit_log.texts import anchors_of
from services.errors import KatoTenantsError

_STEP = 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VerifyState:
    """What verifying in the background does and came to.

    `at` is when the last result came, `problem` says why there is none.
    """

    result: Verification | None = None
    at: datetime | None = None
    since: datetime | None = None
    entries: int = 0
    problem: str | None = None


class _Stopped(Exception):
    """The dashboard is being closed."""


class Verifier:
    """Verifies the log with every anchor that it knows of."""

    def __init__(
        self, store: LogBookStore, anchorer: Anchorer, anchors: ReadAnchors | None
    ) -> None:
        self._store, self._anchorer, self._anchors = store, anchorer, anchors
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = VerifyState()

    def verify(self, anchors_text: str | None = None) -> Verification:
        """Verify here and now. Raises StoreError, and LogError for anchors that are none."""
        return verify(self._store.kept(), self._known(anchors_text), self._store.keys)

    def start(self, anchors_text: str | None = None) -> None:
        """Verify in a thread, unless that is under way."""
        with self._turn:
            if self.state.since is not None or self._over.is_set():
                return
            self.state = replace(self.state, since=datetime.now(UTC), entries=0, problem=None)
            self._thread = threading.Thread(
                target=self._work, args=(anchors_text,), name="log verification", daemon=True
            )
            self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Stop what is under way."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self, anchors_text: str | None) -> None:
        try:
            anchors = self._known(anchors_text)
            result = verify(self._counted(self._store.kept()), anchors, self._store.keys)
            self.state = VerifyState(result, datetime.now(UTC), entries=result.checked)
        except KatoTenantsError as exc:
            self.state = VerifyState(problem=str(exc))
        except _Stopped:
            self.state = VerifyState()
        except Exception as exc:  # a thread that ends silently would verify for ever
            logger.exception("verifying the audit log failed")
            self.state = VerifyState(problem=f"a fault in this product: {type(exc).__name__}")

    def _counted(self, kept: Iterable[Kept]) -> Iterator[Kept]:
        for count, row in enumerate(kept):
            if count % _STEP == 0:
                self.state = replace(self.state, entries=count)
                if self._over.is_set():
                    raise _Stopped
            yield row

    def _known(self, anchors_text: str | None) -> tuple[Anchor, ...]:
        if anchors_text is None:
            anchors_text = "" if self._anchors is None else self._anchors.read()
        last = self._anchorer.state.last
        return (*anchors_of(anchors_text), *([last] if last else []))
