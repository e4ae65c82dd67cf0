"""What planning and running a purge need of everything else."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.cards.holds import Holds
from services.purge.look import Erasers
from services.purge.models import KeySurvey, Plan, Request
from services.purge.ports import Archiver, Jobs, SessionEnder
from services.purge.steps import StepName, steps_of
from services.tenancy.ownership import Ownership

T = TypeVar("T")

_HELD = 4  # plans; a survey holds the key names of who may be a target

SETTLE_SECONDS = 30.0
"""How long after the first proof the second one comes, where nothing says otherwise."""

SETTLE_AFTER_SESSIONS = 130.0
"""The same where sessions were live: longer than KATO's own request timeout of 120 s."""

SETTLE_AFTER_FAILOVER = 15.0
"""At least so long where Redis has replicas: a failover may bring back what was deleted."""


class OfPlans(Generic[T]):
    """What this process has of its newest plans, since the records keep no names of keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def keep(self, digest: str, what: T, *, seconds: float) -> None:
        """Keep something of a plan, for so long."""
        with self._lock:
            self._held[digest] = time.monotonic() + seconds, what
            self._held.move_to_end(digest)
            while len(self._held) > _HELD:
                self._held.popitem(last=False)

    def get(self, digest: str) -> T | None:
        """Return what is kept of a plan."""
        with self._lock:
            ends, what = self._held.get(digest, (0.0, None))
        return what if time.monotonic() < ends else None

    def take(self, digest: str) -> T | None:
        """Return what is kept of a plan, once."""
        with self._lock:
            ends, what = self._held.pop(digest, (0.0, None))
        return what if time.monotonic() < ends else None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a purge needs.

    `saw` records node_ids with where each was seen, `ownership` says who owns what by all that
    are recorded, `holds` who is on legal hold. `versions` names the stores' versions for the
    receipt. `settle_seconds` is how long to wait before the second proof, None for as long as it
    takes. `plan_seconds` is how old a plan may be when its job begins, or goes on after it had
    stood still. `learns` is whether KATO uses collections: the stand-in does not.
    """

    erasers: Erasers
    kato: SessionEnder
    jobs: Jobs
    saw: Callable[[Mapping[str, str]], None]
    ownership: Callable[[], Ownership]
    holds: Holds
    versions: Callable[[], Mapping[str, str]]
    settle_seconds: float | None
    plan_seconds: float
    learns: bool = True
    archiver: Archiver | None = None
    surveys: OfPlans[KeySurvey] = field(default_factory=OfPlans)
    plans: OfPlans[Plan] = field(default_factory=OfPlans)

    def unarchived(self, request: Request) -> tuple[str, ...]:
        """Say why the archive that a request asks for cannot be taken."""
        if not request.archive_first:
            return ()
        why = "none can be taken here" if self.archiver is None else self.archiver.obstacle()
        return (f"an archive is to be taken first: {why}",) if why else ()


def steps_for(request: Request) -> tuple[StepName, ...]:
    """Return the steps of a purge as it was asked for."""
    return steps_of(request.stores, archive_first=request.archive_first)
