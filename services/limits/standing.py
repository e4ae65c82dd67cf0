"""Where every tenant of a snapshot stands to its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.limits.judge import Rules, judge
from services.limits.models import Crossed, Rule, Standing, State, Thresholds
from services.limits.ports import Held
from services.limits.reading import Found, Reader
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot


def standings(
    snapshot: Snapshot, rules: Rules, thresholds: Thresholds, held: Held
) -> Iterator[Standing]:
    """Yield each limit of each tenant, with how much of it is used. What is shared is nobody's.

    `held` are the states known before, from which a tenant has to come back.
    """
    for quantity in rules.quantities:
        reader = Reader.of(quantity, snapshot)
        for usage in snapshot.tenants:
            tenant = usage.tenant
            rule = rules.of(tenant, quantity)
            if rule is not None and rule.most is not None:
                crossed = held.get((str(tenant), quantity)) if held else None
                yield _standing(tenant, rule, rule.most, reader.read(usage),
                                thresholds=thresholds, crossed=crossed)  # fmt: skip


def _standing(
    tenant: TenantKey, rule: Rule, most: int, found: Found, *, thresholds: Thresholds,
    crossed: Crossed | None,
) -> Standing:  # fmt: skip
    """Judge one figure. A state that was known to another limit says nothing of this one."""
    reading, reason = found
    now = state = judge(reading, most, thresholds)
    since = None
    if crossed is not None and crossed.most == most:
        state = judge(reading, most, thresholds, crossed.state)
        since = crossed.since if state is crossed.state else None
    return Standing(
        tenant,
        rule.quantity,
        None if reading is None else reading.figure,
        most,
        rule.scope,
        state,
        now,
        at_least=reading is not None and reading.at_least,
        reason=reason if state is State.UNKNOWN else None,
        since=since,
    )
