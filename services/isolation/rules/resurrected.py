"""Rule: data of a purged kb_id that came back. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.isolation.about import About, Fact, ShownTo, Value, these
from services.isolation.evidence import Held, holdings, wholly_read
from services.isolation.models import Deed, DeedKind, Finding, Rule, Seen
from services.isolation.severity import Severity
from services.purge.came_back import came_back
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey

_KB_ID = "resurrected.kb-id"


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
