"""Vectors: what a purge finds of its surface in Qdrant, and erases.

What goes whole goes by the collection's own name, once everyone who reaches it is known to be the
target, and with its snapshots, which would outlive it. Of a shared collection only points go that
name the target and nobody else, on every shard: one that is named after a tenant may hold points
of others, and a tenant that is promoted has points on two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from qdrant_client import QdrantClient

from services.errors import StoreDenied
from services.jobs.models import Progress
from services.jobs.ports import Said
from services.purge.models import Look, Surface, VectorNames
from services.stores.qdrant.aliases import Standing, say_nothing
from services.stores.qdrant.calls import EVERYTHING, VectorCalls
from services.stores.qdrant.cluster_calls import calls_now, reported
from services.stores.qdrant.look import Looking
from services.stores.qdrant.payloads import PATHS
from services.stores.qdrant.targets import Aim

_ROUNDS = 3
"""How often a collection is emptied to which a running KATO may still write."""


class VectorErasing:
    """Erases from one Qdrant, which may take `seconds` for each call that erases.

    `shared_collections` names those whose points carry their tenant in the payload `tenant_id`;
    one whose names say nothing counts as such when it has an index on that field. Every method
    raises a StoreError when it cannot be asked.
    """

    def __init__(
        self,
        client: QdrantClient,
        *,
        seconds: float | None = None,
        shared_collections: frozenset[str] = frozenset(),
    ) -> None:
        self._client, self._seconds = client, seconds
        self._shared = shared_collections

    def _now(self) -> VectorCalls:
        return calls_now(self._client, seconds=self._seconds)

    def names(self) -> VectorNames:
        """Return every collection with its points, which are shared by payload, and the aliases.

        Points are as the server reports them in one call, and counted where it does not.
        """
        calls = VectorCalls(self._client, seconds=self._seconds)
        standing, told = calls.standing(), reported(self._client, calls.telemetry())
        points = {
            name: told[name] if name in told else calls.if_there(name, calls.count, 0)
            for name in standing.collections
        }
        shared = frozenset(name for name in points if self._is_shared(name, standing, calls))
        return VectorNames(points, shared, standing.aliases)

    def _is_shared(self, name: str, standing: Standing, calls: VectorCalls) -> bool:
        names = standing.names_of(name)
        by_index = say_nothing(names, self._shared) and calls.is_split(name)
        return by_index or not self._shared.isdisjoint(names)

    def rights(self) -> tuple[str, ...]:
        """Say what this key lacks, in words; nothing is changed.

        A read-only key (since Qdrant 1.7) and a token that is confined to some collections (since
        1.9) may not drop collections, and the second is shown no others. Who may drop them may
        do everything else. Deleting points is not tried on a name that is not there: newer
        servers look for the collection, whose strict mode they want to know, before the rights.
        """
        calls = VectorCalls(self._client, seconds=self._seconds)
        if calls.embedded:
            return ()
        try:
            calls.standing()
        except StoreDenied:
            return ("this key may not list the collections and their aliases",)
        if calls.may_drop(f"kato-tenants-{uuid4().hex}"):
            return ()
        why = "it is read-only, or confined to some collections"
        return (f"this key may not delete points and drop collections of everyone: {why}",)

    def look(self, surface: Surface, *, keep: bool = False) -> Look:
        """Return an Item for each collection that goes whole, and for the points of others.

        With `keep` collections are to be emptied and stay; one that is empty is no Item then.
        """
        calls = self._now()
        return Looking(calls, Aim(surface, calls.standing()), keep).look()

    def erase(self, surface: Surface, said: Said, *, keep: bool = False) -> None:
        """Empty or drop the collections with their snapshots, and erase the points; wait for it.

        What is reached by names of others too is left, as `look` says.
        """
        calls = self._now()
        aim = Aim(surface, calls.standing())
        erasing = Erasing(calls, aim)
        deeds = [partial(erasing.whole, name, keep=keep) for name in aim.whole]
        if aim.named:
            deeds += [partial(erasing.points, name) for name in aim.shared]
        for number, deed in enumerate(deeds, 1):
            said(Progress(deed(), number, len(deeds)))

    def drop_emptied(self, surface: Surface) -> tuple[str, ...]:
        """Drop what `erase` emptied and kept, and return the names.

        Each is looked at right before: one that holds a point, has a snapshot or is reached by
        names of others stays.
        """
        calls = self._now()
        aim = Aim(surface, calls.standing())
        drop = Erasing(calls, aim).dropped_empty
        return tuple(name for name in aim.whole if calls.if_there(name, drop, False))


@dataclass(frozen=True, slots=True)
class Erasing:
    """One step that erases, while it goes on."""

    calls: VectorCalls
    aim: Aim

    def dropped_empty(self, collection: str) -> bool:
        """Drop a collection that holds nothing on any replica, and nobody else reaches."""
        now = self.aim.by(self.calls.aliases())
        if not _is_targets(now, collection) or self.calls.snapshots(collection):
            return False
        self.calls.whole(collection)
        if self.calls.most(collection) or self.calls.unsure:
            return False
        self._drop(now, collection)
        return True

    def whole(self, collection: str, *, keep: bool) -> str:
        """Empty or drop a collection, where nobody but the target reaches it by now."""
        name, now = self.aim.asked(collection), self.aim.by(self.calls.aliases())
        if not _is_targets(now, collection):
            return f"left {name}, which others reach too"
        ask = partial(self._empty, asked=name) if keep else partial(self._drop, now)
        self.calls.if_there(collection, ask, None)
        return f"emptied {name}" if keep else f"dropped {name}"

    def _empty(self, collection: str, *, asked: str) -> None:
        self.calls.delete_snapshots(collection)
        for _ in range(_ROUNDS):
            self.calls.delete(collection, EVERYTHING)
            if self.calls.most(asked) == 0:
                return

    def _drop(self, aim: Aim, collection: str) -> None:
        self.calls.delete_snapshots(collection)
        self.calls.drop(collection)
        aliases = aim.standing.aliases_of(collection)
        if aliases:
            still = self.calls.aliases()
            dangling = [alias for alias in aliases if still.get(alias) == collection]
            if dangling:
                self.calls.delete_aliases(dangling)

    def points(self, collection: str) -> str:
        """Erase the points of a shared collection that name the target and nobody else."""
        self.calls.if_there(collection, self._points_now, None)
        return f"erased the target's points from {self.aim.asked(collection)}"

    def _points_now(self, collection: str) -> None:
        named = self.aim.named
        for page in self.calls.pages(collection, named.filter, PATHS):
            read = [(point, named.read(payload)) for point, payload in page]
            for exact in (True, False):
                mine = [point for point, found in read
                        if found is not None and found.alone and found.exact is exact]  # fmt: skip
                if mine:
                    self.calls.delete(collection, named.these(mine, exact=exact))


def _is_targets(aim: Aim, collection: str) -> bool:
    """Whether a collection goes whole, and nobody but the target reaches it."""
    return collection in aim.whole and not aim.others(collection)
