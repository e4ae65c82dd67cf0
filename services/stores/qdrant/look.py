"""Vectors: what a purge finds of its surface in Qdrant.

Collections are looked at by the very names that KATO asks, aliases too; of those that tenants
share by payload, point by point.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from services.errors import StoreRejected
from services.figures import Measure
from services.purge.models import Item, LeftKind, LeftOut, Look, Reckoning
from services.stores.qdrant.calls import VectorCalls
from services.stores.qdrant.named_points import Owned, forms_said, tally_of
from services.stores.qdrant.payloads import UNNAMED
from services.stores.qdrant.targets import Aim, owner_of

KEPT = (
    "emptied, not dropped: a running KATO that has used it never makes it again, and would lose "
    "every later vector of it with HTTP 200; dropped once KATO was restarted, or when asked for"
)


@dataclass(slots=True)
class Looking:
    """One look, while it is made. With `keep`, collections are to be emptied and stay."""

    calls: VectorCalls
    aim: Aim
    keep: bool
    items: list[Item] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)
    disclosed: list[str] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def look(self) -> Look:
        """Look at everything, between two counts of all collections."""
        before = self._counts()
        for collection in self.aim.whole:
            self.calls.if_there(collection, self._whole, None)
        if self.aim.named:
            for collection in self.aim.shared:
                self.calls.if_there(collection, self._shared, None)
            for collection in self.aim.nobodys():
                self.calls.if_there(collection, self._nobodys, None)
        self._copies()
        after = self._counts()
        total, later = sum(before.values()), sum(after.values())
        return Look(
            tuple(self.items), tuple(self.blockers),
            (*self.disclosed, *self.calls.disclosed), tuple(self.left),
            Reckoning(total, sum((after | self.seen).values()), later - total),
            unsure=self.calls.unsure,
        )  # fmt: skip

    def _counts(self) -> dict[str, int]:
        names, count = self.aim.standing.collections, self.calls.count
        return {name: self.calls.if_there(name, count, 0) for name in names}

    # --- collections that go whole ---

    def _whole(self, collection: str) -> None:
        name, others = self.aim.asked(collection), self.aim.others(collection)
        self.calls.whole(collection)
        points = self.seen[collection] = self.calls.most(name)
        if others:
            self._reached_by_others(collection, points, others)
            return
        snapshots = len(self.calls.snapshots(collection))
        if self.keep and not points and not snapshots:
            return  # it was emptied, and is to stay
        aliases = self.aim.standing.aliases_of(collection)
        plain = name == collection and not (self.keep or points or snapshots or aliases)
        said = [] if name == collection else [f"alias of {collection}"]
        said += [] if points else ["empty"]
        said += self._kept(points, snapshots) if self.keep else self._dropped(collection, snapshots)
        how = "; ".join(said)
        item = Item(Measure.VECTORS, owner_of(name), name, points, how=how, plain=plain)
        self.items.append(item)

    def _kept(self, points: int, snapshots: int) -> list[str]:
        deleted = [f"its {snapshots} snapshots are deleted"] if snapshots else []
        return [KEPT, *deleted] if points else deleted

    def _dropped(self, collection: str, snapshots: int) -> list[str]:
        aliases = len(self.aim.standing.aliases_of(collection))
        empty = not self.seen[collection] and not snapshots
        dropped = "dropped" if empty else f"dropped with {snapshots} snapshots"
        return [f"{dropped} and {aliases} aliases of it" if aliases else dropped]

    def _reached_by_others(self, collection: str, points: int, others: list[str]) -> None:
        if points:
            name = self.aim.asked(collection)
            via = "" if name == collection else f" (an alias of {collection})"
            why = (
                f"{points:,} points of the collection {name}{via} are reached by the names "
                f"{', '.join(others)} too, and nothing tells whose they are"
            )
            self._stuck(collection, owner_of(name), why, points)

    def _stuck(self, collection: str, owner: str, why: str, points: int) -> None:
        """Block, or leave what was passed over by name."""
        if self.aim.passed_over(collection):
            self._leave(collection, owner, why, points)
        else:
            self.blockers.append(why)

    def _leave(self, collection: str, owner: str, why: str, points: int) -> None:
        kind, counts = LeftKind.NOT_ERASABLE, {Measure.VECTORS: points}
        self.left.append(LeftOut(owner, why, kind=kind, place=collection, counts=counts))

    # --- points of collections that tenants share by payload ---

    def _shared(self, collection: str) -> None:
        self.calls.whole(collection)
        self.calls.every_replica(collection, self.aim.named.filter)
        tally = tally_of(self.calls, self.aim.named, collection)
        for owner, owned in tally.owners.items():
            self._of_owner(collection, owner, owned)
        not_found = self.calls.count(collection, self.aim.named.others)
        placement = self.calls.placement(collection)
        twice = placement is not None and placement.keys  # of two shards, as the counts have it
        found = self.calls.count(collection, self.aim.named.filter) if twice else 0
        self.seen[collection] = max(found, tally.mine + tally.others) + not_found
        self._unnamed(collection)
        if tally.mine:
            self._copies_of(collection)

    def _of_owner(self, collection: str, owner: str, owned: Owned) -> None:
        name, via = self.aim.asked(collection), ""
        if name != collection:
            via = f"alias of {collection}; "
        if owned.alone:
            forms = forms_said(owned.forms)
            how, plain = f"{via}points by payload{forms}", not (via or forms)
            item = Item(Measure.VECTORS, owner, name, owned.alone, how=how, plain=plain)
            self.items.append(item)
        if owned.mixed:
            why = (
                f"{owned.mixed:,} points of the collection {collection} name {owner} and others "
                "in their payload"
            )
            self._stuck(collection, owner, why, owned.mixed)

    def _unnamed(self, collection: str) -> None:
        """Block where KATO reaches points that name nobody by a name of the surface."""
        reached = self.aim.reached(collection)
        points = self.calls.count(collection, UNNAMED) if reached else 0
        if points:
            why = (
                f"{points:,} points of the collection {collection}, which tenants share by "
                f"payload, name nobody, and KATO reaches them by {', '.join(reached)}"
            )
            self._stuck(collection, owner_of(reached[0]), why, points)

    # --- what stays: it is not known to be shared, or it is a copy ---

    def _nobodys(self, collection: str) -> None:
        """Leave points that name the target where nothing says that tenants share a collection."""
        try:
            points = self.calls.count(collection, self.aim.named.filter)
        except StoreRejected as exc:  # a server in strict mode filters by no field without an index
            if self.calls.standing().behind(collection) is not None:
                text = f"the collection {collection} does not let its payloads be looked through"
                self.disclosed.append(f"{text}: {exc.reason}")
            return
        tally = tally_of(self.calls, self.aim.named, collection) if points else None
        for owner, owned in tally.owners.items() if tally else ():
            count = owned.alone + owned.mixed
            why = (
                f"{count:,} points of the collection {collection} name {owner} in their "
                f"payload{forms_said(owned.forms)}; it is not known to be shared by payload"
            )
            self.disclosed.append(why)
            self._leave(collection, owner, why, count)

    def _copies_of(self, collection: str) -> None:
        snapshots = len(self.calls.snapshots(collection))
        if snapshots:
            self.disclosed.append(
                f"{snapshots:,} snapshots of the collection {collection}, which tenants share, "
                "hold its points as they were"
            )

    def _copies(self) -> None:
        snapshots = self.calls.full_snapshots() if any(each.count for each in self.items) else 0
        if snapshots:
            self.disclosed.append(
                f"{snapshots:,} snapshots of Qdrant's whole storage hold what was there when "
                "they were made"
            )
