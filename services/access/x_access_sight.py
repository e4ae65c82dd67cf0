"""A viewer's scope, made ready to be asked about ten thousand tenants. Pure."""

from __future__ import annotations

from collections.abc import Collection

from services.access.viewer import Viewer
from services.tenancy.kb_ids import TenantKey

_EVERY = "*"


class Sight:
    """Answers as `Viewer.sees` and `Viewer.sees_each` do, at a cost that no scope adds to."""

    __slots__ = ("_all", "_kinds", "_tenants")

    def __init__(self, viewer: Viewer) -> None:
        self._all = viewer.sees_all
        self._kinds = frozenset(each.kind for each in viewer.scope if each.id == _EVERY)
        self._tenants = frozenset((each.kind, each.id) for each in viewer.scope)

    def sees(self, tenant: TenantKey) -> bool:
        """Whether a tenant is in scope."""
        return self._all or tenant.kind in self._kinds or (tenant.kind, tenant.id) in self._tenants

    def sees_each(self, tenants: Collection[TenantKey]) -> bool:
        """Whether all of these are in scope; nobody's is only for those who see all."""
        return self._all or (bool(tenants) and all(map(self.sees, tenants)))
