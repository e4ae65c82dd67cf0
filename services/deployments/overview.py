"""How a deployment stands, by what its collector has. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.deployments.models import Figure, Standing, State
from services.figures import STORE_OF, Measure, Precision, StoreState
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot, StoreFigures

KATO = "kato"


def with_figures(standing: Standing, has: CollectorState) -> Standing:
    """Add what a collector has of a deployment that runs; nothing before its first figures."""
    snapshot = has.snapshot
    if snapshot is None:
        problem = "" if has.problem is None else str(has.problem)
        return replace(standing, state=State.READING, problem=problem)
    whole = snapshot.settled and not snapshot.unread
    return replace(
        standing, state=State.RUNNING, at=snapshot.collected_at, down=_down(snapshot),
        figures={measure: _figure(found) for measure, found in snapshot.stores.items()},
        tenants=len(snapshot.tenants) if whole else None,
        problem="" if has.problem is None else str(has.problem),
    )  # fmt: skip


def _figure(found: StoreFigures) -> Figure:
    """Return one measure, unknown unless all of it was read."""
    whole = found.share >= 1 and found.precision is not Precision.RUNNING  # else it is a part
    if found.state is StoreState.OK and whole:
        return Figure(found.total, found.reason, exact=found.precision is Precision.EXACT)
    absent = found.state is StoreState.NOT_CONFIGURED
    return Figure(None, found.unread or found.reason, absent=absent)


def _down(snapshot: Snapshot) -> tuple[str, ...]:
    stores = (STORE_OF[each] for each in Measure if snapshot.stores[each].failed)
    kato = (KATO,) if snapshot.kato_failing_since is not None else ()
    return tuple(dict.fromkeys((*stores, *kato)))
