"""Rule: tenants that people take for one another, since their names look alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.isolation.about import About, Fact, ShownTo, these
from services.isolation.evidence import listed, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.alike import alike
from services.tenancy.kb_ids import TenantKey

_ALIKE = "collision.look-alike"


def _look_alike(seen: Seen) -> Iterable[Finding]:
    wholly_read(seen)
    shared = (tenant for part in seen.snapshot.shared for tenant in part.claim.tenants)
    has = (usage.tenant for usage in seen.snapshot.tenants)
    groups = alike((*seen.ownership.tenants, *has, *shared))
    return [_finding(look, tenants) for look, tenants in groups.items()]


def _finding(look: TenantKey, tenants: tuple[TenantKey, ...]) -> Finding:
    return Finding(
        _ALIKE, str(look), Severity.MEDIUM,
        f"{listed(tenants)} are different tenants that look alike.",
        tenants,
        evidence={
            "tenants": Fact(tuple(map(str, tenants[:SAMPLES])), About.TENANTS),
            "number of tenants": these(len(tenants)),
        },
        deeds=tuple(Deed(DeedKind.TENANT, str(tenant)) for tenant in tenants[:SAMPLES]),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _ALIKE, Severity.MEDIUM, "Tenants that look alike",
        "People take one for the other: a figure is read, a session opened or a purge confirmed "
        "for the wrong one, and half of a customer's data stays out of sight.",
        "Find out whether they are one. If so, have the client use one name, teach the rest anew "
        "under it, and purge the other name; if not, rename one of them.",
        frozenset(), _look_alike, ShownTo.TENANTS,
    ),
)  # fmt: skip
