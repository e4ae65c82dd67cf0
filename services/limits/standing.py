"""Where every tenant of a snapshot stands to its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.errors import Problem
from services.figures import Amount, Measure, Precision
from services.history.models import BYTES, Figure, looked_at
from services.limits.judge import Reading, Rules, judge
from services.limits.models import Crossed, Held, Rule, Standing, State, Thresholds
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import PASSING, Snapshot, StoreFigures, TenantUsage

NO_SIZE = Problem("its size is not told")
NOT_WHOLE = Problem("it may be more")
STILL_READ = Problem("it is still being read")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a tenant has of a quantity; why its state may not be told is the `reason`."""

    reading: Reading | None
    reason: Problem | None = None


def standings(
    snapshot: Snapshot, rules: Rules, thresholds: Thresholds, held: Held
) -> Iterator[Standing]:
    """Yield each limit of each tenant, with how much of it is used. What is shared is nobody's.

    `held` are the states known before, from which a tenant has to come back.
    """
    for usage in snapshot.tenants:
        for quantity in rules.quantities:
            rule = rules.of(usage.tenant, quantity)
            if rule is None or rule.most is None:
                continue
            found = _found(usage, quantity, snapshot)
            crossed = held.get((str(usage.tenant), quantity))
            yield _standing(
                rule, rule.most, found, tenant=usage.tenant, thresholds=thresholds, crossed=crossed
            )


def _standing(
    rule: Rule, most: int, found: _Found, *, tenant: TenantKey, thresholds: Thresholds,
    crossed: Crossed | None,
) -> Standing:  # fmt: skip
    """Judge one figure. A state that was known to another limit says nothing of this one."""
    before = crossed.state if crossed is not None and crossed.most == most else None
    state = judge(found.reading, most, thresholds, before)
    return Standing(
        tenant,
        rule.quantity,
        None if found.reading is None else found.reading.figure,
        most,
        rule.scope,
        state,
        judge(found.reading, most, thresholds),
        at_least=found.reading is not None and found.reading.at_least,
        reason=found.reason if state is State.UNKNOWN else None,
        since=crossed.since if crossed is not None and before is state else None,
    )


def measure_of(quantity: str) -> Measure:
    """Return the measure that a quantity is of."""
    return Measure(looked_at(quantity).removesuffix(BYTES))


def _found(usage: TenantUsage, quantity: str, snapshot: Snapshot) -> _Found:
    measure = measure_of(quantity)
    store, amount = snapshot.stores[measure], usage.usage.of(measure)
    if amount is None:
        return _Found(None, store.unread or Problem("it was not read"))
    figure = _figure(usage, quantity, measure, amount)
    if figure is None:
        return _Found(None, NO_SIZE)
    if store.precision in PASSING:
        return _passing(store, figure)
    in_part = quantity.endswith(BYTES) and _sized_in_part(usage, measure)
    partly = in_part or store.share < 1
    return _Found(Reading(figure, at_least=partly), NOT_WHOLE if partly else None)


def _figure(usage: TenantUsage, quantity: str, measure: Measure, amount: Amount) -> Figure | None:
    if quantity.endswith(BYTES):
        size = amount.bytes
        return None if size is None else Figure(size, round(amount.bytes_margin))
    _, _, kind = quantity.partition(":")
    if not kind:
        return Figure(amount.count, round(amount.count_margin))
    kinds = usage.usage.keys_by_kind if measure is Measure.KEYS else None
    # while a pass runs they are scaled up: none of them is further off than their sum
    return None if kinds is None else Figure(kinds.get(kind, 0), round(amount.count_margin))


def _passing(store: StoreFigures, figure: Figure) -> _Found:
    """Return what is sure of a figure that is still worked out: it is at least so much, or no word.

    KATO's own counters of keys are what was written at least; the catalogue of patterns counts
    what is deleted too.
    """
    if store.precision is Precision.ESTIMATE and store.measure is Measure.PATTERNS:
        return _Found(None, STILL_READ)
    return _Found(Reading(figure, at_least=True), STILL_READ)


def _sized_in_part(usage: TenantUsage, measure: Measure) -> bool:
    """Whether some part's size is not in the sum."""
    amounts = (part.usage.of(measure) for part in usage.parts)
    return any(each is not None and each.count and each.bytes is None for each in amounts)
