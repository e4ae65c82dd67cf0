"""Rules: tenants that more than one KATO serves, and what lies where no KATO looks for it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from services.figures import Measure
from services.instances.models import Instance
from services.isolation.about import Fact, ShownTo, Value, these
from services.isolation.evidence import counted, counted_whole, few, holdings, in_order
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey

_NAMED = 3
_TWICE, _BEHIND = "served.twice", "served.left-behind"


def _twice(seen: Seen) -> Iterable[Finding]:
    for tenant in sorted(seen.served, key=str):
        several = seen.served[tenant]
        if len(several) > 1:
            yield _of_several(tenant, several)


def _of_several(tenant: TenantKey, several: tuple[Instance, ...]) -> Finding:
    names = tuple(sorted(each.name for each in several))
    apart = len({(each.service, each.elsewhere, each.database) for each in several}) > 1
    how = "which do not share its memory" if apart else "over one memory"
    evidence: dict[str, Value | Fact] = {
        "instances": these(names), "sessions are created at": these(several[0].name),
        "SERVICE_NAMEs": these(tuple(sorted({each.service for each in several}))),
    }  # fmt: skip
    return Finding(
        _TWICE, str(tenant), Severity.HIGH if apart else Severity.MEDIUM,
        f"{tenant} is served by {counted(len(several), 'instance')}, {how}: {', '.join(names)}.",
        (tenant,), (), evidence, deeds=(Deed(DeedKind.TENANT, str(tenant)),),
    )  # fmt: skip


def _left_behind(seen: Seen) -> Iterable[Finding]:
    """Yield what a tenant has under a SERVICE_NAME by which nobody who serves it looks for it."""
    if not seen.ownership.services:
        return
    counted_whole(seen, Measure.PATTERNS, Measure.KEYS)
    there = {h.name for h in holdings(seen) if h.count(Measure.PATTERNS) or h.count(Measure.KEYS)}
    left = defaultdict[TenantKey, set[str]](set)
    for node in seen.ownership.nodes:
        tenant, (_, *others) = seen.ownership.tenant_of(node), seen.ownership.kb_ids_of(node)
        left[tenant] |= there.intersection(others)
    for tenant in sorted(filter(left.get, left), key=str):
        yield _of_left(seen, tenant, in_order(left[tenant]))


def _of_left(seen: Seen, tenant: TenantKey, kb_ids: tuple[str, ...]) -> Finding:
    here = (each.service for each in seen.served.get(tenant, ()) if each.is_here)
    service = next(here, seen.ownership.service)
    return Finding(
        _BEHIND, str(tenant), Severity.LOW,
        f"{tenant} has {counted(len(kb_ids), 'kb_id')} that its KATO, whose SERVICE_NAME is "
        f"{service}, does not read: {few(kb_ids, limit=_NAMED)}.",
        (tenant,), kb_ids[:SAMPLES],
        {"kb_ids": these(len(kb_ids)), "SERVICE_NAME": these(service)},
        deeds=(Deed(DeedKind.TENANT, str(tenant)),),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _TWICE, Severity.HIGH, "A tenant that several KATOs serve",
        "Its clients write to several KATOs: what one learns, another that has other names or "
        "stores does not know, and neither alone has all of the tenant's memory.",
        "Decide which of them serves it, point its clients there, and end the others in the "
        "register.",
        frozenset({Need.INSTANCES}), _twice, ShownTo.TENANTS,
    ),
    Rule(
        _BEHIND, Severity.LOW, "Memory that no KATO of its tenant reads",
        "It was learnt under another SERVICE_NAME: the KATO that serves the tenant now predicts "
        "without it, and it goes on to take room.",
        "Have its KATO take the SERVICE_NAME under which it was learnt, or purge what is not "
        "needed any more.",
        frozenset({Need.INSTANCES, Need.PATTERNS, Need.KEYS}), _left_behind, ShownTo.TENANTS,
    ),
)  # fmt: skip
