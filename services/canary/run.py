"""One run of the canary test: look, write, ask, observe, and clean up whatever happens."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from services.canary import observe as observing
from services.canary.ask import Asker
from services.canary.clean_up import Cleaning
from services.canary.models import Canary, CanaryReport, Observation, Outcome, Probe, node_ids
from services.canary.questions import probes
from services.canary.throwaways import TTL_SECONDS, Throwaways, left_behind
from services.canary.tools import Tools
from services.errors import (
    Fault,
    KatoTenantsError,
    StoreError,
    StoreRejected,
    StoreUnavailable,
)
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

logger = logging.getLogger(__name__)

Says = Callable[[str], None]
Trio = tuple[Canary, Canary, Canary]


class CanaryRun:
    """One run. `busy` are the node_ids of this process' runs, to which it adds its own."""

    def __init__(self, tools: Tools, *, by: str, says: Says, busy: set[str]) -> None:
        self._tools, self._by, self._says = tools, by, says
        self._busy = busy
        self._probes: list[Probe] = []
        self._seen: list[Observation] = []
        self._written = Throwaways(tools, busy)

    def run(self) -> CanaryReport:
        """Run, clean up, and say what was found. Raises StoreError before anything is written."""
        started, began = datetime.now(UTC), time.monotonic()
        self._says("looking at every store")
        snapshot, kato = self._tools.observe(), self._who_answers()
        left = self._clean_leftovers()
        trio = self._new_trio(snapshot)
        try:
            self._take(trio, snapshot)
        finally:
            left = (*left, *self._clean())
        return CanaryReport(
            started, time.monotonic() - began, self._by, kato, tuple(self._probes),
            tuple(self._seen), tuple(dict.fromkeys(left)),
        )  # fmt: skip

    def _take(self, trio: Trio, snapshot: Snapshot) -> None:
        """Do all that may fail; what does makes the run say that it does not know."""
        try:
            self._check(trio, snapshot)
            self._two(trio)
            self._collide(trio)
        except KatoTenantsError as exc:
            self._gave_up(trio, str(exc))
        except Exception as exc:  # a fault of ours is no proof of anything
            logger.exception("a canary run failed")
            self._gave_up(trio, f"this product failed ({type(exc).__name__})")

    def _gave_up(self, trio: Trio, why: str) -> None:
        first, second = (str(each.tenant) for each in trio[:2])
        self._probes.append(Probe("everything else", first, second, Outcome.UNKNOWN, reason=why))

    # --- before ---

    def _who_answers(self) -> str:
        """Return what is asked in KATO's place, by its own words."""
        try:
            health = self._tools.kato.health()
        except StoreError as exc:
            return str(exc)
        return f"{health.detail.partition(':')[0]} {health.version}"

    def _clean_leftovers(self) -> tuple[str, ...]:
        """Clean up after runs that were killed, by the node_ids that they had recorded."""
        nodes = left_behind(self._tools.registry.nodes(), busy=frozenset(self._busy))
        if not nodes:
            return ()
        self._says("cleaning up after an earlier run")
        return Cleaning(self._tools, frozenset(nodes)).run()

    def _new_trio(self, snapshot: Snapshot) -> Trio:
        """Make up names that nobody has."""
        ownership = self._tools.ownership()
        taken = {part.name for part in snapshot.parts} | ownership.nodes_by_kb.keys()
        while True:
            nodes = node_ids(secrets.token_hex(4))
            first, second, third = (_canary(node, ownership) for node in nodes)
            if not taken & {first.kb_id, second.kb_id}:
                return first, second, third

    def _check(self, trio: Trio, snapshot: Snapshot) -> None:
        """Write nothing that could not be cleaned up, or told from another's."""
        _check_whole(snapshot, "looking before anything is written")
        if len({each.tenant for each in trio}) < len(trio):
            why = "the naming schemes read the throwaway node_ids as one tenant"
            raise StoreRejected("kato-tenants", "naming the throwaway tenants", why)

    def _clean(self) -> tuple[str, ...]:
        if not self._written.nodes:
            return ()
        self._says("cleaning up")
        return self._written.clean()

    # --- two tenants ---

    def _two(self, trio: Trio) -> None:
        """Write for two tenants, and ask in the name of each what it gets of the other."""
        first, second, _ = trio
        self._says("writing two throwaway tenants")
        self._written.record(first, second)
        for canary in (first, second):
            self._written.create(canary)
            self._written.write(canary)
        self._says("asking every use case")
        snapshot, ownership = self._tools.observe(), self._tools.ownership()
        _check_whole(snapshot, "looking at what was written")
        for me, other in ((first, second), (second, first)):
            sessions = map(self._written.session_id, (me, other))
            asker = Asker(self._tools.cases, snapshot, ownership, me, other, *sessions)
            self._probes.extend(probes(asker))
        self._says("looking at how KATO behaves")
        self._seen.extend(self._of_kato(first, snapshot))

    def _of_kato(self, canary: Canary, snapshot: Snapshot) -> Iterator[Observation]:
        care, own = self._tools.cases.care, self._tools.own_session
        session, since = self._written.sessions.get(canary.node_id), self._written.created_at
        looks: Mapping[str, Callable[[], Observation]] = {
            observing.METADATA: lambda: observing.metadata_kept(canary, session, care),
            observing.LOOKING: lambda: observing.looking_extends(session, care, own, since),
            observing.COUNTING: lambda: observing.counted(snapshot, own),
        }
        for about, look in looks.items():
            yield observing.observed(about, look)

    # --- the collision ---

    def _collide(self, trio: Trio) -> None:
        """Add a tenant that KATO cannot tell from the first: refused here, and taken by KATO."""
        first, _, third = trio
        self._says("showing a collision")
        self._written.record(third)
        seen, refused = self._refuse(third)
        self._seen.append(seen)
        outcome = Outcome.PASSED if refused else Outcome.FAILED
        leaked = () if refused else (first.kb_id,)
        asked = "create a session on the other's kb_id (to be refused)"
        probe = Probe(asked, str(third.tenant), str(first.tenant), outcome, leaked)
        self._probes.append(probe if seen.known else _unknown(probe, seen.seen))
        self._seen.append(observing.observed(observing.COLLISION, lambda: self._both(first, third)))

    def _refuse(self, third: Canary) -> tuple[Observation, bool]:
        create = self._tools.cases.sessions.create
        try:
            return observing.refusal(
                third, lambda: create(third.node_id, ttl_seconds=TTL_SECONDS, metadata={})
            )
        except KatoTenantsError as exc:
            self._written.unsure.add(third.node_id)
            seen = f"It could not be looked at: {exc}"
            return Observation(observing.REFUSAL, seen, known=False), False

    def _both(self, first: Canary, third: Canary) -> Observation:
        took: bool | None = None
        try:
            took = self._written.create(third)
        except StoreRejected:
            took = False
        self._written.write(third, guest=True)
        snapshot, ownership = self._tools.observe(), self._tools.ownership()
        return observing.collision(self._tools.cases, snapshot, ownership, first, third, took=took)


def _check_whole(snapshot: Snapshot, operation: str) -> None:
    """Raise StoreUnavailable where a store that is configured was not read, or not whole."""
    for store, why in snapshot.unread.items():
        raise StoreUnavailable(store.value, operation, str(why))
    problem = snapshot.kato_problem
    if problem is not None and problem.fault is not Fault.NOT_CONFIGURED:
        raise StoreUnavailable("kato", operation, str(problem))


def _canary(node_id: str, ownership: Ownership) -> Canary:
    kb_id = kb_id_of(node_id, ownership.service)
    return Canary(node_id, ownership.tenant_of(node_id), kb_id, secrets.token_hex(8))


def _unknown(probe: Probe, reason: str) -> Probe:
    return Probe(probe.asked, probe.tenant, probe.about, Outcome.UNKNOWN, reason=reason)
