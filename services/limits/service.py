"""Where tenants stand to their limits, and the limits themselves.

`LimitsService.standings` is what pages, alerts and metrics read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.cards.models import Label, LabelsOf, unlabelled
from services.limits.judge import Rules
from services.limits.models import (
    Crossed,
    Kept,
    Rule,
    Standing,
    Standings,
    State,
    Thresholds,
)
from services.limits.ports import Held, LimitRecords
from services.limits.preview import Changes, Preview, preview
from services.limits.standing import standings
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class _Known:
    """What the records had at a version."""

    version: int
    kept: tuple[Kept, ...]
    held: Held

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(each.rule for each in self.kept)


class Labelled(Protocol):
    """What tells the labels of tenants. Raises StoreUnavailable."""

    def version(self) -> int:
        """Return a number that is another one whenever a card was changed anywhere."""

    def labels(self) -> LabelsOf:
        """Return what tells the labels of each tenant."""

    def labels_within(self, sees: Callable[[TenantKey], bool]) -> frozenset[Label]:
        """Return the labels that tenants have whom somebody sees."""


class _Unlabelled:
    def version(self) -> int:
        return 0

    def labels(self) -> LabelsOf:
        return unlabelled

    def labels_within(self, sees: Callable[[TenantKey], bool]) -> frozenset[Label]:
        del sees
        return frozenset()


UNLABELLED = _Unlabelled()
"""Nobody has a label."""


class LimitsService:
    """Every method raises StoreUnavailable where this product's own records do not answer."""

    def __init__(
        self, records: LimitRecords, *, thresholds: Thresholds, now: Callable[[], datetime],
        cards: Labelled = UNLABELLED,
    ) -> None:  # fmt: skip
        self._records, self._now, self._cards = records, now, cards
        self.thresholds = thresholds
        self._known: _Known | None = None
        self._lock = threading.Lock()

    def version(self) -> int:
        """Return a number that is another one whenever a rule, a state or a card was changed."""
        return self._records.version() + self._cards.version()

    def rules(self) -> tuple[Kept, ...]:
        """Return every rule."""
        return self._read().kept

    def labels_within(self, sees: Callable[[TenantKey], bool]) -> frozenset[Label]:
        """Return the labels that tenants have whom somebody sees."""
        return self._cards.labels_within(sees)

    def standings(self, snapshot: Snapshot, *, alone: bool = False) -> Standings:
        """Return every tenant of a snapshot that has a limit, with how much of each it uses.

        A state that is left is held until the figure has come back; `alone`, figures are judged
        by themselves.
        """
        known = self._read()
        held = {} if alone else known.held
        return Standings(tuple(standings(snapshot, self._rules(known), self.thresholds, held)))

    def preview(self, snapshot: Snapshot, changes: Changes) -> Preview:
        """Return what changes would come to."""
        known = self._read()
        return preview(
            snapshot,
            known.rules,
            changes,
            self.thresholds,
            known.held,
            labels=self._cards.labels(),
        )

    def change(self, changes: Changes, *, by: str, why: str) -> None:
        """Make changes, all or none."""
        at = self._now()
        put = [Kept(rule, by, at, why) for rule in changes.put]
        self._records.change(put, changes.removed)

    def follow(self, snapshot: Snapshot) -> None:
        """Note who has come near or over a limit, and who has come back from there.

        What is not known, or only for the moment, changes nothing.
        """
        known = self._read()
        if not snapshot.settled or not (known.kept or known.held):
            return
        rules = self._rules(known)
        found = tuple(standings(snapshot, rules, self.thresholds, known.held))
        changed = dict(_changed(found, known.held, snapshot, rules))
        if changed:
            self._records.hold(changed, at=snapshot.collected_at)

    def _rules(self, known: _Known) -> Rules:
        return Rules(known.rules, self._cards.labels())

    def _read(self) -> _Known:
        """Return what the records have; read once a version, however many ask."""
        with self._lock:
            version = self._records.version()
            if self._known is None or self._known.version != version:
                self._known = _Known(version, self._records.rules(), self._records.held())
            return self._known


def _changed(
    found: Collection[Standing], held: Held, snapshot: Snapshot, rules: Rules
) -> Iterator[tuple[tuple[str, str], Crossed | None]]:
    seen = set()
    for each in found:
        key = str(each.tenant), each.quantity
        seen.add(key)
        before = held.get(key)
        if each.state in (State.OVER, State.NEAR):
            after = Crossed(each.state, each.most, each.since or snapshot.collected_at)
            if after != before:
                yield key, after
        elif each.state is State.UNDER and before is not None:
            yield key, None
    for tenant, quantity in held.keys() - seen:
        rule = rules.of(TenantKey.written(tenant), quantity)
        if rule is None or rule.most is None or not snapshot.unread:  # else it may be there
            yield (tenant, quantity), None
