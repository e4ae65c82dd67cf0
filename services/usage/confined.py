"""What a viewer who is confined to tenants sees of the fleet: a snapshot of these alone. Pure.

Everything is made anew from what is visible, sums too, so that a field that is added to a model
stays empty here until it is thought of; a test holds every field to be thought of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from services.access.holders import claimants, holders_of_collection, holders_of_kb
from services.access.viewer import Sight, Viewer
from services.figures import PREDICTIONS, Amount, Measure, Usage
from services.health.models import Check, Health
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import NOBODY, Owner, OwnerKind, read_collection
from services.tenancy.ownership import Claim, ClaimState, Ownership
from services.usage.readings import CollectionUsage, SessionRecord
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed
from services.usage.sums import add_usages, total

NOT_ALL_NODES = "KATO's node_ids in memory are not all known"

_Place = tuple[tuple[TenantKey, ...], str]
"""Who holds something, and the name of the part that it is counted in."""


def confined(snapshot: Snapshot, viewer: Viewer, ownership: Ownership) -> Snapshot:
    """Return what a viewer may see of a snapshot: the same object for one who sees all.

    A part is visible when every claimant of it is in scope, and of a tenant's part whose kb_id
    others hold too only its own sessions are: such a part stands in `TenantUsage.shared`, so
    that nothing takes it for the tenant's alone. Totals are the sums of what is visible; what is
    nobody's, tables, the facts of Redis, last good figures, differences and how long a pass took
    are not there.
    """
    return snapshot if viewer.sees_all else _Confined(snapshot, Sight(viewer), ownership).snapshot()


def confined_check(check: Check, viewer: Viewer) -> Check:
    """Return how a store is without what it says of itself, which may count or name others.

    The same object for one who sees all.
    """
    if viewer.sees_all:
        return check
    health = check.health
    bare = None if health is None else Health(health.store, health.version, health.latency)
    problem = check.problem and check.problem.nameless()
    return Check(check.store, check.state, bare, problem, check.advice, check.past)


@dataclass(slots=True)
class _Confined:
    """One snapshot as one viewer sees it, while it is made."""

    whole: Snapshot
    sight: Sight
    ownership: Ownership
    none: Usage = field(init=False)
    mine: list[TenantUsage] = field(init=False)
    shared: tuple[KbUsage, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.none = _nothing(self.whole)
        self.mine = [usage for usage in self.whole.tenants if self.sight.sees(usage.tenant)]
        self.shared = tuple(part for part in self.whole.shared if self._sees(part))

    def snapshot(self) -> Snapshot:
        """Put together what is visible."""
        sessions, problem = self._sessions(), self.whole.kato_problem
        tenants = tuple(self._tenant(usage, sessions or {}) for usage in self.mine)
        visible = [*(usage.usage for usage in tenants), *(part.usage for part in self.shared)]
        parts = [*(part for usage in tenants for part in usage.parts), *self.shared]
        return Snapshot(
            collected_at=self.whole.collected_at,
            stores={m: self._figures(f, visible) for m, f in self.whole.stores.items()},
            tenants=tenants,
            shared=self.shared,
            unattributed=Unattributed(self.none),
            sessions=None if sessions is None else self._in_order(sessions),
            collections=self._collections(parts),
            kato_problem=problem and problem.nameless(NOT_ALL_NODES),
            kato_failing_since=self.whole.kato_failing_since,
        )

    # --- parts ---

    def _sees(self, part: KbUsage) -> bool:
        if not self.sight.sees_each(claimants(part.claim)):
            return False
        return not part.is_kb or (self._sees_kb(part.name) and self._sees_nodes(part))

    def _sees_kb(self, kb_id: str) -> bool:
        return self.sight.sees_each(holders_of_kb(kb_id, self.ownership))

    def _sees_nodes(self, part: KbUsage) -> bool:
        """Whether the node_ids are visible, where the ownership at hand has not the same."""
        if part.nodes == self.ownership.nodes_by_kb.get(part.name, ()):
            return True
        claims = (self.ownership.node(node) for node in part.nodes)
        return all(self.sight.sees_each(claimants(claim)) for claim in claims)

    def _tenant(
        self, usage: TenantUsage, sessions: dict[_Place, list[SessionRecord]]
    ) -> TenantUsage:
        kept = [part for part in usage.parts if self._sees(part)]
        names = tuple(name for name in usage.shared if self._sees_kb(name))
        if len(kept) == len(usage.parts):
            return TenantUsage(usage.tenant, usage.claim, usage.usage, usage.parts, names)
        hidden = [part.name for part in usage.parts if part.is_kb and part not in kept]
        alone = [
            self._own_sessions(usage.tenant, name, found)
            for name in hidden
            if (found := sessions.get(((usage.tenant,), name)))
        ]
        parts = tuple(sorted((*kept, *alone), key=lambda part: part.name))
        figures = add_usages([part.usage for part in parts] or [self.none])
        with_others = tuple(sorted({*names, *(part.name for part in alone)}))
        return TenantUsage(usage.tenant, usage.claim, figures, parts, with_others)

    def _own_sessions(self, tenant: TenantKey, name: str, sessions: list[SessionRecord]) -> KbUsage:
        """Return of a kb_id that others hold too what names the tenant itself: its sessions."""
        nodes = dict.fromkeys(each.owner.name for each in sessions)
        figures = {measure.value: self.none.of(measure) for measure in Measure}
        figures[Measure.SESSIONS] = total(Amount(1, each.bytes) for each in sessions)
        return KbUsage(
            name=name,
            is_kb=True,
            claim=Claim(ClaimState.KNOWN, (tenant,), "its sessions name their node_id themselves"),
            usage=Usage(
                **figures, keys_by_kind=self.none.keys_by_kind, predictions=self.none.predictions
            ),
            nodes=tuple(nodes),
        )

    # --- sessions ---

    def _sessions(self) -> dict[_Place, list[SessionRecord]] | None:
        """Return the visible sessions by where they are counted; None where not known."""
        if self.whole.sessions is None:
            return None
        parts = [*(part for usage in self.mine for part in usage.parts), *self.shared]
        places = {(part.claim.tenants, part.name) for part in parts}
        found: dict[_Place, list[SessionRecord]] = defaultdict(list)
        for record in self._near(parts):
            claim = self.ownership.owner(record.owner)
            place = claim.tenants, self._name(record.owner)
            if place in places and self.sight.sees_each(claimants(claim)):
                found[place].append(record)
        return dict(found)

    def _near(self, parts: Iterable[KbUsage]) -> Iterator[SessionRecord]:
        """Yield the sessions on these parts: of the fleet's they are few, and a claim costs."""
        names = {part.name for part in parts}
        nodes = {node for name in names for node in self.ownership.nodes_by_kb.get(name, ())}
        seen = self.ownership.nodes
        for record in self.whole.sessions or ():
            owner = record.owner
            if owner.kind is OwnerKind.NODE and owner.name in seen:
                if owner.name in nodes:
                    yield record
            elif self._name(owner) in names:
                yield record

    def _name(self, owner: Owner) -> str:
        """Return the name of the part that an owner's data is counted in."""
        if owner.kind is OwnerKind.NODE:
            return self.ownership.kb_id_of(owner.name)
        return f"tenant:{owner.name}" if owner.kind is OwnerKind.TENANT else owner.name

    def _in_order(self, found: dict[_Place, list[SessionRecord]]) -> tuple[SessionRecord, ...]:
        visible = {id(record) for records in found.values() for record in records}
        return tuple(record for record in self.whole.sessions or () if id(record) in visible)

    # --- the stores ---

    def _figures(self, figures: StoreFigures, visible: Iterable[Usage]) -> StoreFigures:
        zero = self.none.of(figures.measure)
        amounts = (usage.of(figures.measure) or Amount() for usage in visible)
        known = figures.total is not None and zero is not None
        return StoreFigures(
            figures.measure,
            figures.state,
            total((zero, *amounts)) if known and zero is not None else None,
            figures.reason and figures.reason.nameless(),
            figures.collected_at,
            precision=figures.precision,
            share=figures.share,
            bytes_note=figures.bytes_note,
            failing_since=figures.failing_since,
            memory_at=figures.memory_at,
        )

    def _collections(self, parts: Iterable[KbUsage]) -> tuple[CollectionUsage, ...]:
        """Return those in which a visible part has points, of shared ones only these points."""
        names = {name for part in parts for name in part.collections}
        found = (c for c in self.whole.collections if c.name in names)
        return tuple(self._own_part(c) for c in found if self._sees_every_name(c))

    def _sees_every_name(self, collection: CollectionUsage) -> bool:
        """Whether whoever reaches it by one of its names is in scope, or it is divided."""
        if collection.points_by_tenant is not None:
            return True
        aliases = collection.aliases
        holders = holders_of_collection(collection.name, self.ownership, aliases=aliases)
        return self.sight.sees_each(holders)

    def _own_part(self, whole: CollectionUsage) -> CollectionUsage:
        if whole.points_by_tenant is None:
            return replace(whole, aliases=tuple(filter(_names_somebody, whole.aliases)))
        points = {
            name: count
            for name, count in whole.points_by_tenant.items()
            if self.sight.sees(TenantKey("tenant", name))
        }
        amount = Amount(sum(points.values()), None)
        return CollectionUsage(
            whole.name, amount, whole.status, whole.size, whole.distance, points_by_tenant=points
        )


def _names_somebody(alias: str) -> bool:
    """Whether an alias is named after an owner, who is in scope then; others may name anybody."""
    return read_collection(alias).owner != NOBODY


def _nothing(snapshot: Snapshot) -> Usage:
    """Return what an owner has of whom nothing was found: zeros where figures are known."""
    nobodys = snapshot.unattributed.usage
    zeros = {str(each): _zero(nobodys.of(each)) for each in (*Measure, PREDICTIONS)}
    return Usage(**zeros, keys_by_kind=None if nobodys.keys_by_kind is None else {})


def _zero(amount: Amount | None) -> Amount | None:
    return None if amount is None else Amount(0, None if amount.bytes is None else 0)
