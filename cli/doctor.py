"""`kato-tenants doctor`: how every store is, and what to do where it is not well."""

from __future__ import annotations

from collections.abc import Iterable

from cli import desk
from services.figures import StoreState
from services.health.models import Check
from services.settings.environment import Settings


def examine(settings: Settings) -> tuple[str, bool]:
    """Return a report, and whether every configured store is well. Raises KatoTenantsError."""
    with desk.opened(settings) as found:
        checks = found.fleet.checks()
    well = all(check.state is not StoreState.UNKNOWN for check in checks)
    return "\n".join(_lines(checks)), well


def _lines(checks: Iterable[Check]) -> Iterable[str]:
    for check in checks:
        if check.health is not None:
            latency = f"{check.health.latency * 1000:.1f} ms"
            detail = f", {check.health.detail}" if check.health.detail else ""
            yield f"{check.store}: ok, {check.health.version}, {latency}{detail}"
        else:
            yield f"{check.store}: {check.state.value.replace('_', ' ')}. {check.problem}"
            yield f"  what to do: {check.advice}"
