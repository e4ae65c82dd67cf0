"""Each step of setting up a tenant: what it would do, and doing it.

Steps are done one by one and each again without harm: what is there already is left as it is, so
that an order that failed half-way is gone on with by doing it once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import KatoTenantsError, Problem
from services.sessions.landing import Landing
from services.setup.advice import Place, Wanted
from services.setup.models import Order, Step, StepName, StepState, Vectors
from services.setup.ports import CollectionFacts, VectorPlaces
from services.tenancy.layout import Layout

_STEPS = {
    Place.OWN: (StepName.COLLECTION,),
    Place.SHARED: (StepName.TENANT_INDEX,),
    Place.SHARD: (StepName.TENANT_INDEX, StepName.SHARD_KEY),
}
NOT_THERE = Problem("there is no such collection")
OTHER_VECTORS = "it is there, for vectors of {size} numbers and {distance}"
NO_SHARDS = Problem("the collection has no shards by key, which is settled when one is made")
NO_INDEX = Problem("the embedded Qdrant keeps no index")


class LookedOnce:
    """Qdrant as it was when it was first asked for a collection, also where it did not answer."""

    def __init__(self, places: VectorPlaces) -> None:
        self._places = places
        self._found: dict[str, CollectionFacts | KatoTenantsError | None] = {}

    def facts(self, name: str) -> CollectionFacts | None:
        """Return a collection by its name or an alias; None where there is none."""
        if name not in self._found:
            try:
                self._found[name] = self._places.facts(name)
            except KatoTenantsError as exc:
                self._found[name] = exc
        found = self._found[name]
        if isinstance(found, KatoTenantsError):
            raise found
        return found


@dataclass(frozen=True)
class VectorSteps:
    """The steps in Qdrant for one tenant."""

    vectors: Vectors
    landing: Landing

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self.vectors.name(self.landing)

    def planned(self, looked: LookedOnce) -> tuple[Step, ...]:
        """Say what each step would come to; one that cannot be looked at is refused."""
        names = _STEPS[self.vectors.place]
        try:
            facts = looked.facts(self.collection)
        except KatoTenantsError as exc:
            return tuple(
                Step(name, self._what(name), StepState.REFUSED, exc.problem) for name in names
            )
        return tuple(self._planned(name, facts) for name in names)

    def _what(self, name: StepName) -> str:
        return self.landing.tenant.id if name is StepName.SHARD_KEY else self.collection

    def _planned(self, name: StepName, facts: CollectionFacts | None) -> Step:
        state, problem = self._state(name, facts)
        return Step(name, self._what(name), state, problem)

    def _state(
        self, name: StepName, facts: CollectionFacts | None
    ) -> tuple[StepState, Problem | None]:
        if name is StepName.COLLECTION:
            return self._of_own(facts)
        if facts is None:
            return StepState.REFUSED, NOT_THERE
        if not _fits(self.vectors, facts):
            return StepState.REFUSED, _other(facts)
        if name is StepName.SHARD_KEY:
            return self._of_shard(facts)
        if facts.tenant_index or not facts.indexes:
            return StepState.THERE, None if facts.indexes else NO_INDEX
        return StepState.TO_DO, None

    def _of_own(self, facts: CollectionFacts | None) -> tuple[StepState, Problem | None]:
        if facts is None:
            return StepState.TO_DO, None
        if (facts.size, facts.distance) == (self.vectors.size, self.vectors.distance):
            return StepState.THERE, None
        return StepState.REFUSED, _other(facts)

    def _of_shard(self, facts: CollectionFacts) -> tuple[StepState, Problem | None]:
        if facts.shard_keys is None:
            return StepState.REFUSED, NO_SHARDS
        there = self.landing.tenant.id in facts.shard_keys
        return (StepState.THERE if there else StepState.TO_DO), None

    def do(self, name: StepName, places: VectorPlaces) -> None:
        """Do one step. Raises StoreError."""
        if name is StepName.COLLECTION:
            vectors = self.vectors
            places.create(self.collection, size=vectors.size, distance=vectors.distance)
        elif name is StepName.TENANT_INDEX:
            places.index_tenants(self.collection)
        else:
            places.create_shard_key(self.collection, self.landing.tenant.id)


def wanted(order: Order, shared: CollectionFacts | None) -> Wanted:
    """Return what the advice goes by; `shared` is the collection that could be shared."""
    vectors = order.vectors
    kato = vectors is None or (vectors.place is Place.OWN and vectors.layout is Layout.KATO)
    if shared is None or vectors is None:
        return Wanted(kato, order.expected)
    fits, shards = _fits(vectors, shared), shared.shard_keys is not None
    return Wanted(kato, order.expected, fits, shards)


def _fits(vectors: Vectors, facts: CollectionFacts) -> bool:
    """Whether a shared collection is for such vectors, where the order says which."""
    said = facts.size, facts.distance
    return not vectors.size or said == (vectors.size, vectors.distance)


def _other(facts: CollectionFacts) -> Problem:
    return Problem(
        OTHER_VECTORS.format(size=facts.size or "several", distance=facts.distance or "several")
    )
