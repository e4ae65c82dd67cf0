"""What was made of the newest figures, one result for each who sees the same. No Streamlit here.

A cache that goes by the snapshot too would hold as many old snapshots as it has entries, or forget
those of today where many people see different tenants.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

ENTRIES = 256
"""So many who see different things have a result each; of more, who came last."""

IDLE_SECONDS = 120.0
"""What nobody asked for so long is freed, once anybody asks for something."""


@dataclass(slots=True)
class _Slot(Generic[T]):
    """The result of one who sees something: of what, and when it was made and asked for."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    of: str | None = None
    made: float = 0.0
    asked: float = 0.0
    result: T | None = None


class Newest(Generic[T]):
    """Keeps one result for each who sees the same; made once, however many ask at a time.

    With `seconds` it is made anew after that time. Errors are not kept.
    """

    def __init__(
        self, *, seconds: float | None = None, entries: int = ENTRIES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._seconds, self._entries, self._now = seconds, entries, now
        self._turn = threading.Lock()
        self._slots: OrderedDict[str, _Slot[T]] = OrderedDict()  # who asked last is the last

    def get(self, seen_by: str, of: str, make: Callable[[], T]) -> T:
        """Return what was made of this, or make it, in place of what was made of another."""
        slot = self._slot(seen_by)
        with slot.turn:
            if slot.of != of or self._is_old(slot):
                slot.of, slot.result = None, None  # the old one is freed before a new one is made
                slot.result = make()
                slot.of, slot.made = of, self._now()
            return slot.result  # type: ignore[return-value]  # which was made

    def clear(self) -> None:
        """Forget everything."""
        with self._turn:
            self._slots.clear()

    def __len__(self) -> int:
        """Return how many results are kept."""
        return len(self._slots)

    def _is_old(self, slot: _Slot[T]) -> bool:
        return self._seconds is not None and self._now() - slot.made >= self._seconds

    def _slot(self, seen_by: str) -> _Slot[T]:
        now = self._now()
        with self._turn:
            slot = self._slots.pop(seen_by, None) or _Slot[T]()
            slot.asked = now
            self._slots[seen_by] = slot
            for who, other in list(self._slots.items()):
                if len(self._slots) <= self._entries and now - other.asked < IDLE_SECONDS:
                    break
                del self._slots[who]
        return slot
