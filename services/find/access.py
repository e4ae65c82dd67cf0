"""Finding who has what, as one viewer may."""

from __future__ import annotations

from collections.abc import Callable

from services.access.gate import Gate
from services.access.viewer import Action
from services.find.confined import confined_answer
from services.find.models import Answer
from services.find.search import FindService
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot


class DeskFind:
    """Who has what was typed, within scope."""

    def __init__(
        self, gate: Gate, inner: FindService, *, ownership: Callable[[], Ownership],
        snapshot: Callable[[], Snapshot | None],
    ) -> None:  # fmt: skip
        self._gate, self._inner = gate, inner
        self._ownership, self._snapshot = ownership, snapshot

    def allow(self) -> None:
        """Raise AccessDenied where this viewer may not find anything any more."""
        self._gate.allow(Action.FIND)

    def find(self, typed: str, *, contains: bool = False) -> Answer | None:
        """Return every tenant in scope that has it; None before the first figures."""
        self._gate.allow(Action.FIND)
        snapshot = self._snapshot()
        if snapshot is None:
            return None
        with self._gate.doing(Action.FIND, target=typed):
            viewer = self._gate.viewer()
            answer = self._inner.find(typed, snapshot, contains=contains)
            return confined_answer(answer, viewer, self._ownership())
