"""Rule: data of a purged kb_id that came back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from services.isolation.about import About, Fact, ShownTo, Value, these
from services.isolation.evidence import Held, holdings
from services.isolation.models import Deed, DeedKind, Finding, Rule, Seen, Severity
from services.isolation.x_findings_names_seen import wholly_read
from services.purge.models import Tombstone
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import KbUsage, Snapshot

_KB_ID = "resurrected.kb-id"


def kb_ids_in(snapshot: Snapshot) -> frozenset[str]:
    """Return every kb_id that a snapshot has: by these tombstones are asked for."""
    owned = (part for tenant in snapshot.tenants for part in tenant.parts)
    return frozenset(part.name for part in (*owned, *snapshot.shared) if part.is_kb)


def came_back(snapshot: Snapshot, tombstones: Iterable[Tombstone]) -> tuple[Tombstone, ...]:
    """Return the purged kb_ids that have data again, read after they were erased."""
    stones = {stone.kb_id: stone for stone in tombstones}
    if not stones:
        return ()
    owned = (part for tenant in snapshot.tenants for part in tenant.parts)
    found = {
        part.name
        for part in (*owned, *snapshot.shared)
        if part.is_kb and part.name in stones and _has_since(part, snapshot, stones[part.name])
    }
    return tuple(stones[name] for name in sorted(found))


def _has_since(part: KbUsage, snapshot: Snapshot, stone: Tombstone) -> bool:
    for measure, figures in snapshot.stores.items():
        amount = part.usage.of(measure)
        read = figures.collected_at or snapshot.collected_at
        began = read - timedelta(seconds=figures.seconds or 0)
        if amount is not None and amount.count and began > stone.erased_at:
            return True
    return False


def _resurrected(seen: Seen) -> Iterable[Finding]:
    if not seen.tombstones:
        return ()
    wholly_read(seen)
    back = came_back(seen.snapshot, seen.tombstones)
    held = {each.name: each for each in holdings(seen)} if back else {}
    return [_finding(seen, stone, held[stone.kb_id]) for stone in back]


def _finding(seen: Seen, stone: Tombstone, held: Held) -> Finding:
    tenants = _tenants(seen, stone)
    erased = f"{stone.erased_at:%Y-%m-%d %H:%M} UTC"
    evidence: dict[str, Value | Fact] = {
        "erased at": these(erased),
        "erased by job": these(stone.job_id),
        "erased for": Fact(stone.tenant, About.TENANTS),
        **{m.value: these(count) for m, count in held.counts.items() if count is not None},
    }
    if held.last_write:
        evidence["last write"] = these(f"{held.last_write:%Y-%m-%d %H:%M} UTC")
    return Finding(
        _KB_ID, stone.kb_id, Severity.HIGH,
        f"{stone.kb_id} of {stone.tenant} has data again that was purged on {erased}.",
        tenants, (stone.kb_id,), evidence,
        deeds=(
            *(Deed(DeedKind.PURGE_TENANT, str(tenant)) for tenant in tenants),
            Deed(DeedKind.SESSIONS, stone.kb_id),
        ),
    )  # fmt: skip


def _tenants(seen: Seen, stone: Tombstone) -> tuple[TenantKey, ...]:
    """Whose it was, where the purge was of a whole tenant, then whoever holds the kb_id now."""
    kinds = {*seen.ownership.schemes.kinds(), TenantKey.of_kb("").kind}
    kind, slash, name = stone.tenant.partition("/")
    purged = (TenantKey(kind, name),) if slash and name and kind in kinds else ()
    return tuple(dict.fromkeys((*purged, *seen.ownership.kb(stone.kb_id).tenants)))


RULES: tuple[Rule, ...] = (
    Rule(
        _KB_ID, Severity.HIGH, "Purged data that came back",
        "A purge was confirmed as complete, and data that should be gone is stored again.",
        "End the sessions that write it and stop the client that opens them, then purge the "
        "tenant again. If the tenant is a customer again, accept this finding.",
        frozenset(), _resurrected, ShownTo.TENANTS,
    ),
)  # fmt: skip
