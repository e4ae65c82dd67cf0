"""Limits, as one viewer may see and set them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from services.access.gate import Gate
from services.access.viewer import Action
from services.cards.changing import changing
from services.cards.scope import Scope
from services.cards.specific import concerns
from services.limits.models import Kept, Rule, Standings, Thresholds
from services.limits.preview import Changes, Preview
from services.limits.service import LimitsService
from services.limits.written import words_of
from services.usage.snapshot import Snapshot


class DeskLimits:
    """Who is near or over is seen of tenants in scope; limits are set by who sees all."""

    def __init__(self, gate: Gate, inner: Callable[[], LimitsService]) -> None:
        self._gate, self._inner = gate, inner

    @property
    def thresholds(self) -> Thresholds:
        """When a tenant is near, and how far it has to come back."""
        self._gate.allow(Action.SEE_FLEET)
        return self._inner().thresholds

    def version(self) -> int | None:
        """Return a number that is another one whenever anything of limits changed.

        None for who is confined: how often that was for others is not told.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        return self._inner().version() if viewer.sees_all else None

    def rules(self) -> tuple[Kept, ...]:
        """Return the rules that may hold for a tenant in scope.

        Who set them and why is told to those who see all: it may name anybody.
        """
        viewer, kept = self._gate.allow(Action.SEE_FLEET), self._inner().rules()
        if viewer.sees_all:
            return kept
        labels = self._inner().labels_within(viewer.sees)
        return tuple(
            replace(k, by="", why="") for k in kept if concerns(k.rule.scope, viewer, labels)
        )

    def standings(self, snapshot: Snapshot) -> Standings:
        """Return where the tenants in scope stand. Raises StoreUnavailable.

        For who is confined, a state is that of the figures that they see, whatever it was before.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        if viewer.sees_all:
            return self._inner().standings(snapshot)
        tenants = tuple(each for each in snapshot.tenants if viewer.sees(each.tenant))
        return self._inner().standings(replace(snapshot, tenants=tenants), alone=True)

    def preview(self, snapshot: Snapshot, changes: Changes) -> Preview:
        """Return what changes would come to. Raises AccessDenied, StoreUnavailable."""
        self._gate.allow(Action.SET_LIMITS)
        return self._inner().preview(snapshot, changes)

    def change(self, changes: Changes, *, why: str = "") -> Changes:
        """Set and remove rules, all or none, and return what was a change. Nothing else is logged.

        Raises AccessDenied, ApprovalNeeded, StoreUnavailable.
        """
        viewer = self._gate.allow(Action.SET_LIMITS)
        service, why = self._inner(), why.strip()
        changes = changes.but([each.rule for each in service.rules()])
        if not changes:
            return changes
        lines = [*map(words_of, changes.put), *(f"no more {_key(key)}" for key in changes.removed)]
        scopes = _scopes(changes)
        with changing(self._gate, Action.SET_LIMITS, lines, scopes=scopes, what="Limits", why=why):
            service.change(changes, by=viewer.id, why=why)
        return changes

    def instead(self, rules: Iterable[Rule]) -> Changes:
        """Return the changes after which there are these rules and no other."""
        self._gate.allow(Action.SET_LIMITS)
        wanted = tuple(rules)
        keys = {rule.key for rule in wanted}
        there = (each.rule.key for each in self._inner().rules())
        return Changes(wanted, tuple(key for key in there if key not in keys))


def _scopes(changes: Changes) -> Iterator[Scope]:
    """Yield whom changes are for."""
    yield from (rule.scope for rule in changes.put)
    yield from (scope for scope, _ in changes.removed)


def _key(key: tuple[Scope, str]) -> str:
    scope, quantity = key
    return f"{scope} {quantity}"
