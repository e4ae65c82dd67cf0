"""The snapshot as the documented JSON, the interface for scripts. Pure.

`docs/usage-json.md` describes the shape. `null` means not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from services.figures import Amount, Measure, Precision, Usage
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures

Json = Mapping[str, object]


def as_json(snapshot: Snapshot) -> Json:
    """Return the snapshot as plain JSON values."""
    return {
        "collected_at": stamp(snapshot.collected_at),
        "stores": {m.value: _store(figures) for m, figures in snapshot.stores.items()},
        "tenants": [
            {
                "tenant": str(tenant.tenant),
                "claim": tenant.claim.value,
                "kb_ids": list(tenant.kb_ids),
                "claims": [_claim(part) for part in tenant.parts if part.is_kb],
                **_usage(tenant.usage),
            }
            for tenant in snapshot.tenants
        ],
        "shared": [_shared(part) for part in snapshot.shared],
        "unattributed": {
            **_usage(snapshot.unattributed.usage),
            "samples": list(snapshot.unattributed.samples),
        },
    }


def stamp(at: datetime | None) -> str | None:
    """Write a time in UTC, to the second, as `2026-01-31T12:00:00Z`."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _store(figures: StoreFigures) -> Json:
    entry: dict[str, object] = {
        "state": figures.state.value,
        "reason": figures.reason and str(figures.reason),
        "collected_at": stamp(figures.collected_at),
        "total": _amount(figures.total),
    }
    if figures.total is not None:
        entry["difference"] = _amount(figures.difference)  # null: there is nothing to compare with
        entry["precision"] = figures.precision.value
    if figures.precision is not Precision.EXACT and figures.total is not None:
        entry["margin"] = {
            "count": round(figures.total.count_margin),
            "bytes": round(figures.total.bytes_margin),
        }
    if figures.memory_at is not None:
        entry["memory_at"] = stamp(figures.memory_at)
    return entry


def _shared(part: KbUsage) -> Json:
    tenants = [str(tenant) for tenant in part.claim.tenants]
    return {**_claim(part), "tenants": tenants, **_usage(part.usage)}


def _claim(part: KbUsage) -> dict[str, object]:
    """Say how the owner of a part is known: since when, from where, and by whose word."""
    origin, word = part.claim.origin, part.claim.confirmation
    return {
        "kb_id": part.name,
        "claim": part.claim.state.value,
        "since": stamp(origin.since) if origin else None,
        "from": origin.source.value if origin else None,
        "imported_by": (origin.by or None) if origin else None,
        "confirmed": word and {
            "tenant": str(word.tenant), "by": word.who, "at": stamp(word.at), "why": word.why,
        },
    }  # fmt: skip


def _usage(usage: Usage) -> dict[str, object]:
    found: dict[str, object] = {m.value: _amount(usage.of(m)) for m in Measure}
    if usage.keys is not None and usage.keys_by_kind is not None:
        by_kind = dict(sorted(usage.keys_by_kind.items()))
        found[Measure.KEYS.value] = {**_known(usage.keys), "by_kind": by_kind}
    return found


def _amount(amount: Amount | None) -> Json | None:
    return None if amount is None else _known(amount)


def _known(amount: Amount) -> dict[str, object]:
    return {"count": amount.count, "bytes": amount.bytes}
