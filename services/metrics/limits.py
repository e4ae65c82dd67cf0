"""Metrics of limits: each one of a tenant as lines, as of holders, and how many are over. Pure.

A state is told as it is held (`Standing.state`): it is left only when the figure has come back, so
an alert does not come and go with a tenant that goes to and fro around its limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import Metric

from services.history.models import BYTES
from services.limits.models import Standing, Standings, State, gravest
from services.metrics.catalogue import PREFIX, gauge
from services.metrics.holders import escaped, family, tenant_label
from services.metrics.models import Moment
from services.metrics.stores import all_found
from services.tenancy.kb_ids import TenantKey

Row = tuple[str, Standing]
"""A tenant's limit, by the labels of its series."""


def limits_text(found: Standings, named: Iterable[TenantKey]) -> bytes:
    """Return the series of the limits of those tenants that are named.

    A state that is unknown has none, nor how much is used where it may be more.
    """
    labels = {tenant: tenant_label(str(tenant)) for tenant in named}
    rows = [
        (f'{labels[each.tenant]},measure="{escaped(each.quantity)}"', each)
        for each in found.every if each.tenant in labels
    ]  # fmt: skip
    return "".join(_families(rows)).encode()


def _families(rows: Collection[Row]) -> Iterator[str]:
    sizes = [row for row in rows if row[1].quantity.endswith(BYTES)]
    counts = [row for row in rows if not row[1].quantity.endswith(BYTES)]
    for name, some in (("limit", counts), ("limit_bytes", sizes)):
        yield family(name, [f"{PREFIX}{name}{{{at}}} {each.most}\n" for at, each in some])
    known = [(at, each.share) for at, each in rows if not each.at_least and each.share is not None]
    name = "limit_used_ratio"
    yield family(name, [f"{PREFIX}{name}{{{at}}} {share}\n" for at, share in known])
    yield family("limit_state", [line for row in rows for line in _states(*row)])


def _states(at: str, each: Standing) -> Iterator[str]:
    if each.state is not State.UNKNOWN:
        near, over = each.state is State.NEAR, each.state is State.OVER
        yield f'{PREFIX}limit_state{{{at},state="near"}} {near:d}\n'
        yield f'{PREFIX}limit_state{{{at},state="over"}} {over:d}\n'


def counted(found: Standings, *, without: Collection[TenantKey]) -> Mapping[State, int]:
    """Count the tenants that have a limit by their gravest state, leaving some tenants out."""
    states = gravest(found.every).items()
    return Counter(state for tenant, state in states if tenant not in without)


def limits(moment: Moment) -> Iterator[Metric]:
    """Yield how many tenants are in which state; not told where one may not have been found."""
    snapshot, counts = moment.collector.snapshot, moment.limited
    if snapshot is not None and counts is not None and all_found(snapshot):
        found = gauge("limit_tenants")
        for state in State:
            found.add_metric((state.value,), counts.get(state, 0))
        yield found
