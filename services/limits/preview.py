"""What a change of rules would come to, for the tenants of a snapshot. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from services.cards.models import LabelsOf, unlabelled
from services.cards.scope import Scope
from services.limits.judge import Rules
from services.limits.models import Rule, Standing, State, Thresholds, gravest
from services.limits.ports import Held
from services.limits.standing import standings
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

Key = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """Rules that are to be set, in place of those of the same key, and to be removed."""

    put: tuple[Rule, ...] = ()
    removed: tuple[Key, ...] = ()

    def after(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Return the rules that there are then."""
        removed = set(self.removed)
        left = {rule.key: rule for rule in rules if rule.key not in removed}
        return tuple((left | {rule.key: rule for rule in self.put}).values())

    def but(self, rules: Iterable[Rule]) -> Changes:
        """Return what of it is a change: neither what is so already, nor what is not there."""
        there = {rule.key: rule for rule in rules}
        put = {rule.key: rule for rule in self.put if there.get(rule.key) != rule}
        gone = (key for key in dict.fromkeys(self.removed) if key in there and key not in put)
        return Changes(tuple(put.values()), tuple(gone))

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


@dataclass(frozen=True)
class Preview:
    """What changes would come to: `changes` without what is so already, and whom they are for.

    `standings` are those to a limit that would be another one then, `freed` counts the tenants
    that would have one limit less.
    """

    changes: Changes
    standings: tuple[Standing, ...]
    freed: int

    @cached_property
    def counts(self) -> Mapping[State, int]:
        """How many tenants would be in each state, each by its gravest."""
        found = Counter(gravest(self.standings).values())
        return {state: found[state] for state in State}


def preview(
    snapshot: Snapshot, rules: Collection[Rule], changes: Changes, thresholds: Thresholds,
    held: Held, *, labels: LabelsOf = unlabelled,
) -> Preview:  # fmt: skip
    """Work out what changes would come to."""
    changes = changes.but(rules)

    def limits(of: Iterable[Rule]) -> dict[tuple[TenantKey, str], Standing]:
        found = standings(snapshot, Rules(of, labels), thresholds, held)
        return {(each.tenant, each.quantity): each for each in found}

    before, after = limits(rules), limits(changes.after(rules))
    new = (each for key, each in after.items() if _limit(before.get(key)) != _limit(each))
    freed = {tenant for tenant, quantity in before.keys() - after.keys()}
    return Preview(changes, tuple(new), len(freed))


def _limit(standing: Standing | None) -> tuple[int, Scope] | None:
    return None if standing is None else (standing.most, standing.source)
