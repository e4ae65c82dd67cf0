"""Rules: a tenant's prefix, as a query or a deletion elsewhere would write it, hits others. Pure.

This product goes by exact names. Other tools write `LIKE 'tenant_acme_%'` and `tenant_acme_*`, as
KATO's isolation guide does; what these would hit is worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.isolation.about import About, Evidence, Fact, ShownTo, these
from services.isolation.evidence import counted, listed, samples, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Rule, Seen, once
from services.isolation.severity import Severity
from services.isolation.wildcards import Names
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.schemes import NamingScheme
from services.usage.snapshot import TenantUsage

_GLOB, _LIKE = "prefix.glob", "prefix.like"


class _Fleet:
    """The names that a prefix could hit, with their holders: kb_ids, and the guide's keys."""

    def __init__(self, seen: Seen) -> None:
        self._holders: dict[str, set[TenantKey]] = {}
        for part in seen.snapshot.parts:
            name = part.name if part.is_kb else f"{part.name}:"
            self._holders.setdefault(name, set()).update(part.claim.tenants)
        self.names = Names(self._holders)
        self._kb_ids = seen.snapshot.kb_ids
        self._schemes: dict[str, list[NamingScheme]] = {}
        for scheme in seen.ownership.schemes.schemes:
            self._schemes.setdefault(scheme.kind, []).append(scheme)

    def holders(self, name: str) -> set[TenantKey]:
        return self._holders[name]

    def others(self, tenant: TenantKey, names: Iterator[str]) -> set[str]:
        """Return those of the names in which a tenant has no part."""
        return {name for name in names if tenant not in self._holders[name]}

    def kb_ids(self, names: set[str]) -> set[str]:
        """Return those of the names that are kb_ids: ClickHouse has no others."""
        return names & self._kb_ids

    def prefixes(self, usage: TenantUsage) -> list[str]:
        """Return what a tool would take for the beginning of this tenant's names.

        Only what really is the beginning of one of them: of a kb_id, raw or as KATO writes it, or
        of its keys in the guide layout.
        """
        own = [p.name if p.is_kb else f"{p.name}:" for p in usage.parts] + [*usage.shared]
        fits = {
            prefix
            for scheme in self._schemes.get(usage.tenant.kind, ())
            for prefix in _written(scheme, usage.tenant.id)
            if any(name.startswith(prefix) for name in own)
        }
        return sorted(fits)


def _written(scheme: NamingScheme, tenant_id: str) -> set[str]:
    """The scheme's text up to the tenant's id, the id, and the one character that ends it."""
    raw = scheme.literals[0] + tenant_id + scheme.literals[1][:1]
    kept = scheme.sanitised_literals[0] + sanitise(tenant_id)
    return {kept + (scheme.sanitised_literals[1][:1] or "_")} | (
        {raw} if scheme.literals[1] else set()
    )


@dataclass(slots=True)
class _Hits:
    """What one tenant's prefixes hit of others', by glob and by LIKE."""

    tenant: TenantKey
    prefixes: list[str]
    by_glob: set[str] = field(default_factory=set)
    by_like: set[str] = field(default_factory=set)


@once
def _every_hit(seen: Seen) -> tuple[_Fleet, list[_Hits]]:
    wholly_read(seen)
    fleet = _Fleet(seen)
    return fleet, [_hits(fleet, usage) for usage in seen.snapshot.tenants]


def _hits(fleet: _Fleet, usage: TenantUsage) -> _Hits:
    found = _Hits(usage.tenant, fleet.prefixes(usage))
    for prefix in found.prefixes:
        found.by_glob |= fleet.others(usage.tenant, fleet.names.glob(prefix))
        found.by_like |= fleet.kb_ids(fleet.others(usage.tenant, fleet.names.like(prefix)))
    return found


def _glob(seen: Seen) -> Iterator[Finding]:
    fleet, every = _every_hit(seen)
    for hits in every:
        if hits.by_glob:
            yield _finding(fleet, hits, hits.by_glob, _GLOB, Severity.MEDIUM)


def _like(seen: Seen) -> Iterator[Finding]:
    fleet, every = _every_hit(seen)
    for hits in every:
        alone = hits.by_like - hits.by_glob
        if alone:
            yield _finding(fleet, hits, alone, _LIKE, Severity.LOW)


def _said(fleet: _Fleet, hits: _Hits, names: set[str], code: str) -> tuple[str, str]:
    """Say which text hits, the first of the tenant's prefixes that reaches a name, and why."""
    look = fleet.names.glob if code == _GLOB else fleet.names.like
    prefix = next(p for p in hits.prefixes if not names.isdisjoint(look(p)))
    if code == _GLOB:
        return f"The prefix {prefix}* also matches", ""
    signs = "_ and % stand" if "%" in prefix else "_ stands"
    return f"LIKE '{prefix}%' also matches", f", as its {signs} for other text"


def _finding(fleet: _Fleet, hits: _Hits, names: set[str], code: str, severity: Severity) -> Finding:
    whose = {holder for name in names for holder in fleet.holders(name)}
    first = tuple(sorted(whose, key=str)[:SAMPLES])
    many = f"{counted(len(names), 'name')} of {listed(whose)}"
    said, why = _said(fleet, hits, names, code)
    evidence: Evidence = {
        "LIKE": these(tuple(f"{prefix}%" for prefix in hits.prefixes)),
        "glob": these(tuple(f"{prefix}*" for prefix in hits.prefixes)),
        "hit by LIKE": Fact(len(hits.by_like), About.OTHERS),
        "hit by glob": Fact(len(hits.by_glob), About.OTHERS),
        "number of tenants hit": Fact(len(whose), About.TENANTS_COUNTED),
        "tenants hit": Fact(tuple(map(str, first)), About.TENANTS),
        "names hit": Fact(samples(names), About.NAMES),
    }
    return Finding(
        code, str(hits.tenant), severity,
        f"{said} {many}, besides those of {hits.tenant}{why}.",
        (hits.tenant, *first), samples(fleet.kb_ids(names)), evidence,
        deeds=(Deed(DeedKind.TENANT, str(hits.tenant)),),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _GLOB, Severity.MEDIUM, "Tenants whose prefix begins others' names",
        "A query or deletion by this prefix, in Redis or in ClickHouse, would read or destroy the "
        "data of the others too.",
        "Let no script go by such a prefix: use exact kb_ids, or purge here. For new tenants, "
        "choose ids of which none is the beginning of another.",
        frozenset(), _glob, ShownTo.TENANTS,
    ),
    Rule(
        _LIKE, Severity.LOW, "Tenants whose LIKE matches others' names",
        "An underscore in a LIKE stands for any character, so a query or deletion that looks "
        "exact reaches other tenants' rows.",
        "Use kb_id = or kb_id IN with exact names; where it has to be LIKE, write each underscore "
        "as \\_ and use startsWith(kb_id, …) to check.",
        frozenset(), _like, ShownTo.TENANTS,
    ),
)  # fmt: skip
