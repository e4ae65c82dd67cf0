"""Conditions of the stores: unknown, not adding up, figures that are old. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from services.alerts.look import Look
from services.alerts.models import Sighting, Verdict
from services.errors import Problem
from services.figures import STORE_OF, Measure
from services.isolation.severity import Severity
from services.usage.snapshot import Snapshot

KATO = "kato"


def store_unknown(look: Look) -> Verdict:
    """See each store that was asked and did not answer as it should."""
    if isinstance(look.snapshot, Problem):
        return Verdict(unknown=look.snapshot)
    found: dict[str, Problem] = {}
    pending = None
    for measure, figures in look.snapshot.stores.items():
        if figures.failed:
            found.setdefault(STORE_OF[measure], figures.reason or Problem("it was not read"))
        elif figures.unread is not None:
            pending = figures.unread
    if look.snapshot.kato_failing_since is not None:
        found[KATO] = look.snapshot.kato_problem or Problem("it was not read")
    seen = tuple(
        Sighting(store, Severity.CRITICAL, facts={"store": store, "fault": _fault(why)})
        for store, why in sorted(found.items())
    )
    return Verdict(seen, pending)


STUCK = frozenset({"Dead", "ManualRecovery"})
"""The states of a replica of Qdrant's that misses what is written, until something is done."""


def replica_dead(look: Look) -> Verdict:
    """See each peer of Qdrant with replicas that miss what is written."""
    if isinstance(look.snapshot, Problem):
        return Verdict(unknown=look.snapshot)
    vectors, cluster = look.snapshot.stores[Measure.VECTORS], look.snapshot.vector_cluster
    if cluster is None:
        return Verdict(unknown=vectors.unread)
    dead = Counter(
        replica.peer
        for each in cluster.unsettled for shard in each.shards for replica in shard.replicas
        if replica.state in STUCK
    )  # fmt: skip
    return Verdict(tuple(
        Sighting(str(peer), Severity.HIGH, facts={
            "peer": cluster.peer(peer).name, "replicas": count,
        })
        for peer, count in sorted(dead.items())
    ), vectors.unread)  # fmt: skip


def _fault(why: Problem) -> str:
    return "" if why.fault is None else why.fault.value


def conservation(look: Look) -> Verdict:
    """See each measure whose parts do not sum up to what the store itself says that it holds."""
    if isinstance(look.snapshot, Problem):
        return Verdict(unknown=look.snapshot)
    return Verdict(tuple(_differences(look.snapshot)), look.unread)


def _differences(snapshot: Snapshot) -> Iterator[Sighting]:
    for measure, figures in snapshot.stores.items():
        off = figures.difference
        if figures.whole and off is not None and off.count:
            facts = {"measure": measure.value, "difference": off.count}
            yield Sighting(measure.value, Severity.HIGH, facts=facts)


def snapshot_old(look: Look) -> Verdict:
    """See that no figures were collected for too long."""
    known = not isinstance(look.snapshot, Problem)
    at = look.snapshot.collected_at if isinstance(look.snapshot, Snapshot) else look.since
    minutes = int((look.now - at).total_seconds() // 60)
    if look.now - at < look.thresholds.snapshot:
        return Verdict()
    facts = {"minutes": minutes, "ever": int(known)}
    return Verdict((Sighting("", Severity.HIGH, facts=facts),))
