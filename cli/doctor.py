"""`kato-tenants doctor`: how every store is, and what to do where it is not well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from cli import desk
from services.errors import StoreError
from services.figures import StoreState
from services.health.models import Check, Dashboards, Replica
from services.settings.environment import Settings
from services.visible import visible

Tls = Mapping[str, bool]
Shape = Callable[[Iterable[Check], Tls, Dashboards | None], str]


def examine(settings: Settings, shape: Shape) -> tuple[str, bool]:
    """Return a report in a shape, and whether every configured store is well.

    A right that is missing for a part of the figures is told of, and that store is well. Raises
    KatoTenantsError.
    """
    with desk.opened(settings) as found:
        checks = found.fleet.checks()
        try:
            dashboards = found.fleet.dashboards()
        except StoreError:  # as one of the checks says
            dashboards = None
    return shape(checks, settings.over_tls, dashboards), _well(checks)


def text(checks: Iterable[Check], tls: Tls, dashboards: Dashboards | None) -> str:
    """Return some lines for people."""
    lines = [line for check in checks for line in _lines(check, tls.get(check.store))]
    return "\n".join((*lines, *_who(dashboards)))


def json_text(checks: Iterable[Check], tls: Tls, dashboards: Dashboards | None) -> str:
    """Return the documented JSON, ASCII only."""
    stores = [_entry(check, tls.get(check.store)) for check in checks]
    return json.dumps(
        {"well": _well(checks), "stores": stores, "dashboards": _there(dashboards)}, indent=2
    )


def _who(found: Dashboards | None) -> Iterator[str]:
    if found is None:
        return
    for each in found.there:
        collects = f", collects since {found.since}" if each.id == found.collects else ""
        read_only = ", read only" if each.read_only else ""
        yield f"dashboard {visible(each.name)}: version {each.version}{read_only}{collects}"


def _there(found: Dashboards | None) -> list[dict[str, object]] | None:
    if found is None:
        return None
    return [
        {
            "name": each.name, "version": each.version, "read_only": each.read_only,
            "started": each.started.isoformat(), "collects": each.id == found.collects,
        }
        for each in found.there
    ]  # fmt: skip


def _well(checks: Iterable[Check]) -> bool:
    return all(check.state is not StoreState.UNKNOWN for check in checks)


def _lines(check: Check, tls: bool | None) -> Iterable[str]:
    if check.health is None:
        yield f"{check.store}: {check.state.value.replace('_', ' ')}. {check.problem}"
        yield f"  what to do: {check.advice}"
        return
    latency = f"{check.health.latency * 1000:.1f} ms"
    known = (check.health.version, latency, check.health.detail, _TLS[tls])
    yield f"{check.store}: ok, {', '.join(filter(None, known))}"
    for lack in check.lacks:
        yield f"  its user may not use {lack.right}; unknown for it: {lack.costs}"
    for each in check.health.replicas:
        late = "" if each.behind is None else f", {each.behind} s behind"
        where = f"shard {each.shard}, replica {each.number}"
        yield f"  {each.name} ({where}): {each.state.value}{late}"
    for note in check.notes:
        yield f"  {note}"
    if check.lacks:
        yield "  what to do: give that right where this is wanted (docs/rights.md)"


_TLS = {True: "TLS", False: "no TLS", None: ""}


def _entry(check: Check, tls: bool | None) -> dict[str, object]:
    health = check.health
    return {
        "store": check.store,
        "state": check.state.value,
        "version": health and health.version,
        "latency_ms": health and round(health.latency * 1000, 1),
        "detail": health.detail if health else None,
        "tls": tls,
        "lacks": [{"right": lack.right, "unknown": lack.costs} for lack in check.lacks],
        "replicas": [_replica(each) for each in health.replicas] if health else [],
        "notes": list(check.notes),
        "problem": check.problem and str(check.problem),
        "advice": check.advice,
    }


def _replica(each: Replica) -> dict[str, object]:
    return {
        "server": each.name, "shard": each.shard, "replica": each.number,
        "state": each.state.value, "behind_seconds": each.behind, "queue": each.queue,
        "speaks": each.speaks,
    }  # fmt: skip
