"""A snapshot and the node_ids seen, by name: made once a snapshot, asked many times. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from services.figures import Amount, Measure, Usage
from services.find.models import Match, Place, TenantHit
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.readings import SessionRecord
from services.usage.snapshot import KbUsage, Snapshot
from services.usage.sums import add_usages


class FleetIndex:
    """Every name that a snapshot and the node_ids seen know.

    `nodes` are the node_ids seen; `loose` the kb_ids of none of them, of which `illegible` have
    a name that KATO cut, and `legible` are the others by what they keep of a node_id; `parts` is
    the usage at each place, by holders.
    """

    def __init__(
        self, snapshot: Snapshot, ownership: Ownership, *, shared: frozenset[str] = frozenset()
    ) -> None:
        self.ownership = ownership
        self.shared_collections = shared
        self.nodes = tuple(ownership.nodes)
        self.tenants = {usage.tenant: usage for usage in snapshot.tenants}
        self.ids = _by_id(self.tenants.keys() | ownership.tenants)
        self.parts = _by_place(snapshot)
        names = (place.name for place in self.parts if place.is_kb)
        self.loose = tuple(name for name in names if name not in ownership.nodes_by_kb)
        self.legible = self._legible()
        self.illegible = len(self.loose) - sum(map(len, self.legible.values()))
        self.sessions = _by_session(snapshot.sessions or ())
        self.collections = {name: each for each in snapshot.collections for name in each.names}
        self._nothing = _nothing(snapshot)

    def _legible(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for kb_id in self.loose:
            node, cut = self.ownership.text_of(kb_id)
            if not cut:
                found[node].append(kb_id)
        return dict(found)

    def has_kb(self, kb_id: str) -> bool:
        """Whether a kb_id is known: it has data, or a node_id that falls on it was seen."""
        return Place(kb_id) in self.parts or kb_id in self.ownership.nodes_by_kb

    def hit(self, tenant: TenantKey, matches: tuple[Match, ...]) -> TenantHit:
        """Return what a tenant has at the places of its matches."""
        places = tuple(sorted({p for match in matches for p in self._places(tenant, match)}))
        shared = tuple(p.name for p in places if p.is_kb and self._is_shared(p.name))
        at = {place: self._usage_at(tenant, place) for place in places}
        sure = (ClaimState.KNOWN, ClaimState.CONFIRMED, ClaimState.INFERRED)
        states = {match.state for match in matches}
        state = next((each for each in sure if each in states), ClaimState.INFERRED)
        usage = add_usages(at.values() or [self._nothing])
        return TenantHit(
            tenant, ClaimState.SHARED if shared else state, matches, places, shared, usage, at
        )

    def _usage_at(self, tenant: TenantKey, place: Place) -> Usage:
        parts = self.parts.get(place, ())
        found = [part.usage for part in parts if tenant in part.claim.tenants]
        return add_usages(found or [self._nothing])

    def _places(self, tenant: TenantKey, match: Match) -> Iterable[Place]:
        if match.place is not None:
            return (match.place,)
        usage = self.tenants.get(tenant)
        if usage is None:
            return ()
        own = (Place(part.name, part.is_kb) for part in usage.parts)
        return (*own, *(Place(name) for name in usage.shared))

    def _is_shared(self, kb_id: str) -> bool:
        return self.ownership.kb(kb_id).state is ClaimState.SHARED


def _by_id(tenants: Iterable[TenantKey]) -> dict[str, list[TenantKey]]:
    found: dict[str, list[TenantKey]] = defaultdict(list)
    for tenant in tenants:
        found[tenant.id].append(tenant)
    return dict(found)


def _by_place(snapshot: Snapshot) -> dict[Place, list[KbUsage]]:
    found: dict[Place, list[KbUsage]] = defaultdict(list)
    for part in snapshot.parts:
        found[Place(part.name, part.is_kb)].append(part)
    return dict(found)


def _by_session(sessions: Iterable[SessionRecord]) -> dict[str, list[SessionRecord]]:
    """Return the records by id and by key: either may be looked for."""
    found: dict[str, list[SessionRecord]] = defaultdict(list)
    for record in sessions:
        found[record.session_id].append(record)
        if record.key != record.session_id:
            found[record.key].append(record)
    return dict(found)


def _nothing(snapshot: Snapshot) -> Usage:
    """Return what a place without data has: 0 where a store's figures are known."""
    known = {m: figures.total is not None for m, figures in snapshot.stores.items()}
    figures = {m.value: Amount(0, 0) if known.get(m) else None for m in Measure}
    keys = figures[Measure.KEYS]
    return Usage(**figures, keys_by_kind=None if keys is None else {}, predictions=keys)
