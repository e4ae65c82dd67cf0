"""Looking into a tenant, and finding who has what, as one viewer may."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from services.access.gate import Doing, Gate
from services.access.holders import Holders, claimants, each_of, holders_of_collection
from services.access.viewer import Action, Viewer
from services.browse.holdings import (
    holding_of_kb,
    holding_of_key,
    holding_of_owner,
    holding_of_space,
    holdings_of_kb,
)
from services.browse.models import (
    Holding,
    KeyInventory,
    KeyValue,
    PatternDetail,
    PatternPage,
    PatternQuery,
    Point,
    PointPage,
    Scope,
    Space,
    SpaceFacts,
)
from services.browse.service import InspectionService
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import (
    Owner,
    bytes_of,
    read_key,
)
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot, TenantUsage

_DIGITS = 16


class DeskInspection:
    """One tenant's patterns, keys and vectors; each look is decided and logged."""

    def __init__(
        self, gate: Gate, inner: InspectionService, *, ownership: Callable[[], Ownership],
        service: str,
    ) -> None:  # fmt: skip
        self._gate, self._inner = gate, inner
        self._ownership, self._service = ownership, service

    def scope(self, snapshot: Snapshot, usage: TenantUsage) -> Scope:
        """Return what may be looked into: no kb_id that is held with tenants out of scope."""
        viewer = self._gate.allow(Action.LOOK, tenants=[usage.tenant])
        scope = self._inner.scope(snapshot, usage)
        if viewer.sees_all:
            return scope
        own = self._ownership()
        seen = (
            each for each in scope.holdings
            if viewer.sees_each(holders_of_holding(scope.tenant, each, own))
        )  # fmt: skip
        return replace(scope, holdings=tuple(seen))

    def allow(self, scope: Scope) -> None:
        """Raise AccessDenied where nothing of this may be looked into any more."""
        self._gate.allow(Action.LOOK, tenants=self._holders(scope, scope.holdings))

    def concerned(self, scope: Scope) -> tuple[TenantKey, ...]:
        """Return everyone who holds what a tenant is looked into by. Raises AccessDenied."""
        holders = self._holders(scope, scope.holdings)
        self._gate.allow(Action.LOOK, tenants=holders)
        return holders

    def patterns(self, scope: Scope, query: PatternQuery) -> PatternPage:
        """Return one page of patterns with their frequencies."""
        holdings = [holding_of_kb(scope, kb_id) for kb_id in query.kb_ids]
        with self._look(scope, holdings, "patterns"):
            return confined_page(self._inner.patterns(scope, query), self._gate.viewer())

    def patterns_across(self, scopes: Sequence[Scope], query: PatternQuery) -> PatternPage:
        """Return one page of the patterns of several tenants, of which each has to be in scope."""
        own = self._ownership()
        found = (pair for kb_id in query.kb_ids for pair in holdings_of_kb(scopes, kb_id))
        tenants = each_of(*(holders_of_holding(scope.tenant, each, own) for scope, each in found))
        with self._gate.doing(Action.LOOK, tenants=tenants, target="patterns"):
            page = self._inner.patterns_across(scopes, query)
            return confined_page(page, self._gate.viewer())

    def pattern(self, scope: Scope, kb_id: str, name: str) -> PatternDetail | None:
        """Return one pattern with what all stores hold of it, or None when it is not there."""
        with self._look(scope, [holding_of_kb(scope, kb_id)], f"pattern {name} of {kb_id}"):
            return self._inner.pattern(scope, kb_id, name)

    def inventory(self, scope: Scope, owner: Owner) -> KeyInventory:
        """Count every key of one of the tenant's owners, and list the largest."""
        with self._look(scope, [holding_of_owner(scope, owner)], f"keys of {owner.name}"):
            return self._inner.inventory(scope, owner)

    def value(self, scope: Scope, key: str) -> tuple[KeyValue | None, Holding]:
        """Return a key's value, None when it is not there, and whose it is."""
        holding = holding_of_key(scope, key, service=self._service)
        with self._look(scope, [holding], _key_words(key, self._service)):
            return self._inner.value(scope, key)

    @contextmanager
    def whole(self, scope: Scope, key: str) -> Iterator[Iterator[bytes]]:
        """Give a key's whole value in pieces. It takes what looking takes, and is an export."""
        holding = holding_of_key(scope, key, service=self._service)
        tenants = self._holders(scope, [holding])
        self._gate.allow(Action.LOOK, tenants=tenants)
        target = f"the whole {_key_words(key, self._service)}"
        with self._gate.doing(Action.EXPORT, tenants=tenants, target=target):
            yield self._inner.whole(scope, key)

    def space(self, scope: Scope, space: Space) -> SpaceFacts | None:
        """Return what a collection is now, or None when it is gone."""
        with self._look(scope, [holding_of_space(scope, space)], space.collection):
            return confined_space(self._inner.space(scope, space), self._gate.viewer())

    def points(
        self, scope: Scope, space: Space, *, after: int | str | None = None, limit: int = 50
    ) -> PointPage:
        """Return one page of a collection's points."""
        with self._look(scope, [holding_of_space(scope, space)], space.collection):
            return self._inner.points(scope, space, after=after, limit=limit)

    def nearest_to_point(
        self, scope: Scope, space: Space, point: int | str, *, using: str | None = None,
        limit: int = 10,
    ) -> tuple[Point, ...]:  # fmt: skip
        """Return the points that are nearest to one of the tenant's own, without itself."""
        with self._look(scope, [holding_of_space(scope, space)], space.collection):
            return self._inner.nearest_to_point(scope, space, point, using=using, limit=limit)

    def nearest_to_vector(
        self, scope: Scope, space: Space, vector: Sequence[float], *, using: str | None = None,
        limit: int = 10,
    ) -> tuple[Point, ...]:  # fmt: skip
        """Return the tenant's points that are nearest to a vector."""
        with self._look(scope, [holding_of_space(scope, space)], space.collection):
            return self._inner.nearest_to_vector(scope, space, vector, using=using, limit=limit)

    def _look(
        self, scope: Scope, holdings: Sequence[Holding], target: str
    ) -> AbstractContextManager[Doing]:
        tenants = self._holders(scope, holdings)
        return self._gate.doing(Action.LOOK, tenants=tenants, target=target)

    def _holders(self, scope: Scope, holdings: Sequence[Holding]) -> tuple[TenantKey, ...]:
        """Return everyone who holds these; who owns what is read once for all of them."""
        own = self._ownership()
        each = (holders_of_holding(scope.tenant, holding, own) for holding in holdings)
        return tuple(dict.fromkeys((scope.tenant, *(t for some in each for t in some))))


def _key_words(key: str, service: str) -> str:
    """Name a key for the log without what the tenant put into it: some end in a symbol."""
    name = read_key(bytes_of(key), service)
    digest = hashlib.sha256(bytes_of(key)).hexdigest()
    return f"{name.kind} key of {name.owner.name}, SHA-256 {digest[:_DIGITS]}"


def confined_page(page: PatternPage, viewer: Viewer) -> PatternPage:
    """Return a page of patterns without how large the table is that all tenants are in."""
    if viewer.sees_all:
        return page
    return replace(page, cost=replace(page.cost, all_rows=None, all_parts=None))


def confined_space(facts: SpaceFacts | None, viewer: Viewer) -> SpaceFacts | None:
    """Return what a collection is, without the index of one that tenants share by payload."""
    if facts is None or viewer.sees_all or facts.space.tenant_id is None:
        return facts
    return replace(facts, indexed=None)


def holders_of_holding(tenant: TenantKey, holding: Holding, ownership: Ownership) -> Holders:
    """Return who holds one name that a tenant is looked into by, with its points."""
    own = claimants(ownership.owner(holding.owner))
    points = (_holders_of_space(space, ownership) for space in holding.spaces)
    return each_of((tenant,), holding.shared_with, own, *points)


def _holders_of_space(space: Space, ownership: Ownership) -> Holders:
    if space.tenant_id is not None:
        return claimants(ownership.named(space.tenant_id))
    return holders_of_collection(space.collection, ownership, aliases=space.aliases)
