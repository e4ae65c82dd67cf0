"""Putting the head of the audit log where who can write the log cannot, from time to time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.audit_log.models import Anchor
from services.audit_log.texts import anchor_line
from services.errors import KatoTenantsError, StoreUnavailable

if TYPE_CHECKING:
    from services.audit_log.ports import AnchorPlace, LogBookStore

EVERY = 100
"""After this many entries of this process the head is anchored before its time."""

_LOG = "audit log"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AnchorState:
    """The last anchor of this process, and what went wrong the last time, by where.

    `changed` is the number of an entry that was found to be another one than was written.
    """

    last: Anchor | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    changed: int | None = None


class Stdout:
    """Prints anchors: what collects the output of this process keeps them."""

    name = "stdout"

    def put(self, line: str) -> None:
        """Print one line at once. Raises StoreUnavailable."""
        try:
            print(line, flush=True)
        except (OSError, ValueError) as exc:
            raise StoreUnavailable(self.name, "anchoring the audit log", "it is closed") from exc

    def close(self) -> None:
        """It is not ours to close."""


class Anchorer:
    """Anchors the head at every place when it moved; never in the way of who writes the log.

    `interval` is how often, and `turn` says whether it is this process that does: one of several
    with the same log. Whether the log is as it was is looked at by each. What fails at one place
    is said in `state` and tried again.
    """

    def __init__(
        self, store: LogBookStore, places: Sequence[AnchorPlace], *, interval: timedelta,
        turn: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._store, self._places, self._interval = store, list(places), interval
        self._has_turn = turn
        self._put: dict[str, str] = {}  # the hash that each place has
        self._entries = 0  # of this process, since the last time
        self._turn = threading.Lock()
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.state = AnchorState()

    def start(self) -> None:
        """Anchor now, on stdout too, and from time to time, in a thread."""
        self._places.insert(0, Stdout())
        self._thread = threading.Thread(target=self._work, name="anchors", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Anchor a last time what this process wrote, and let go of every place."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        if self._entries or (self._thread is not None and self._has_turn()):
            self.anchor()
        for place in self._places:
            place.close()

    def moved(self) -> None:
        """Take note of one more entry; never waits."""
        self._entries += 1
        if self._entries >= EVERY:
            self._wake.set()

    def anchor(self) -> None:
        """Put the head at every place that does not have it. Raises nothing: `state` tells."""
        self._entries = 0
        self._look(self._places)

    def wake(self) -> None:
        """Anchor at once, in the thread: this process does from now on."""
        self._wake.set()

    def _look(self, places: Sequence[AnchorPlace]) -> None:
        """Look whether the log is as it was, and anchor it at these places."""
        with self._turn:
            try:
                self.state = self._anchored(self.state.last, places)
            except KatoTenantsError as exc:
                self.state = replace(self.state, problems={_LOG: str(exc)})
            except Exception as exc:  # the thread has to outlive a fault of ours
                logger.exception("the audit log could not be anchored")
                problem = f"a fault in this product: {type(exc).__name__}"
                self.state = replace(self.state, problems={_LOG: problem})

    def _anchored(self, last: Anchor | None, places: Sequence[AnchorPlace]) -> AnchorState:
        problems: dict[str, str] = {}
        changed = None
        if last is not None and self._store.hash_of(last.number) != last.hash:
            problems[_LOG] = f"entry {last.number:,} is not the one that was anchored before"
            changed = last.number
        head = self._store.head()
        if head is not None and not head.intact:
            problems[_LOG] = f"entry {head.number:,} was edited"
            changed = head.number
        if head is None or not head.intact:
            return AnchorState(last, problems, changed)
        anchor = Anchor(head.number, head.hash, datetime.now(UTC))
        for place in places:
            if self._put.get(place.name) != anchor.hash:
                self._keep(place, anchor, problems)
        keep = problems.get(_LOG) or (last is not None and last.hash == anchor.hash)
        return AnchorState(last if keep else anchor, problems, changed)

    def _keep(self, place: AnchorPlace, anchor: Anchor, problems: dict[str, str]) -> None:
        try:
            place.put(anchor_line(anchor))
        except KatoTenantsError as exc:
            problems[place.name] = str(exc)
        else:
            self._put[place.name] = anchor.hash

    def _work(self) -> None:
        while not self._over.is_set():
            self._wake.clear()
            if self._has_turn() or self._entries >= EVERY:
                self.anchor()
            else:
                self._look(())
            self._wake.wait(self._interval.total_seconds())
