"""Reading the audit log: all of it in order, and whose entries somebody may see."""

from __future__ import annotations

from collections.abc import Iterator

from services.access.viewer import TenantPattern
from services.audit_log.models import Entry, LogFilter
from services.audit_log.ports import LogBookStore
from services.errors import NamingError
from services.tenancy.kb_ids import TenantKey


def entries_in(store: LogBookStore, wanted: LogFilter) -> Iterator[Entry]:
    """Yield every entry that passes, the oldest first."""
    number = 0
    while entries := store.after(wanted, number=number):
        yield from (entry for entry in entries if in_scope(entry, wanted.scope))
        number = entries[-1].number


def in_scope(entry: Entry, scope: frozenset[TenantPattern] | None) -> bool:
    """Whether an entry concerns tenants of a scope and nobody else."""
    if scope is None or TenantPattern("*", "*") in scope:
        return True
    tenants = entry.event.tenants
    return bool(tenants) and all(_covered(tenant, scope) for tenant in tenants)


def _covered(name: str, scope: frozenset[TenantPattern]) -> bool:
    try:
        tenant = TenantKey.parse(name)
    except NamingError:
        return False
    return any(pattern.covers(tenant) for pattern in scope)
