"""Which of several rules holds for a tenant: the most specific. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, TypeVar

from services.access.viewer import Viewer
from services.cards.models import Label, LabelsOf, unlabelled
from services.cards.scope import LabelScope, Scope
from services.tenancy.kb_ids import TenantKey

T = TypeVar("T")


def _alike(_: object) -> int:
    return 0


class MostSpecific(Generic[T]):
    """What is set for some tenants each, asked for what holds: of one, a label, a kind, everyone.

    Of what is set for several labels of a tenant the first holds, in `order`, then by label.
    `labels` tells the labels of a tenant.
    """

    def __init__(
        self, found: Iterable[tuple[Scope, T]], labels: LabelsOf = unlabelled,
        order: Callable[[T], Any] = _alike,
    ) -> None:  # fmt: skip
        self._labels = labels
        self._named: dict[tuple[str, str], T] = {}
        labelled: list[tuple[Label, T]] = []
        for scope, value in found:
            if isinstance(scope, LabelScope):
                labelled.append((scope.label, value))
            else:
                self._named[scope.kind, scope.id] = value
        self._labelled = sorted(labelled, key=lambda pair: (order(pair[1]), pair[0]))

    def of(self, tenant: TenantKey) -> T | None:
        """Return what holds for a tenant; None where nothing is for it."""
        named, kind = self._named, tenant.kind
        own = named.get((kind, tenant.id))
        if own is None and self._labelled:
            labels = self._labels(tenant)
            own = next((value for label, value in self._labelled if label.on(labels)), None)
        if own is None:
            own = named.get((kind, "*"))
        return named.get(("*", "*")) if own is None else own


def breadth(scope: Scope) -> int:
    """Return how wide a scope is: 0 for every tenant, 1 for a kind, 2 for a label, 3 for one."""
    if isinstance(scope, LabelScope):
        return 2
    if scope.kind == "*":
        return 0
    return 1 if scope.id == "*" else 3


def concerns(scope: Scope, viewer: Viewer, labels: Collection[Label]) -> bool:
    """Whether a rule may hold for a tenant in a viewer's scope: a kind's, where any of it is.

    A label's, where it is among `labels`, those that tenants in scope have.
    """
    if isinstance(scope, LabelScope):
        return scope.label in labels
    if scope.kind == "*":
        return True
    if scope.id == "*":
        return any(each.kind == scope.kind for each in viewer.scope)
    return viewer.sees(TenantKey(scope.kind, scope.id))


def named_by(scopes: Iterable[Scope]) -> tuple[TenantKey, ...]:
    """Return whom the log is to name: a kind as `org/*`; nobody for everyone's and a label's."""
    every = tuple(dict.fromkeys(scopes))
    named = [each for each in every if not isinstance(each, LabelScope) and each.kind != "*"]
    if len(named) < len(every):
        return ()
    return tuple(TenantKey(scope.kind, scope.id) for scope in named)
