"""What parking asks of this product's own records."""

from __future__ import annotations

from typing import Protocol

from services.parking.models import Parked
from services.tenancy.kb_ids import TenantKey


class Book(Protocol):
    """Which tenants are parked. Every method raises StoreUnavailable."""

    def put(self, kept: Parked, /) -> None:
        """Keep that a tenant is parked, in place of what was known of it."""

    def drop(self, tenant: TenantKey) -> None:
        """Forget that a tenant is parked."""

    def get(self, tenant: TenantKey) -> Parked | None:
        """Return one; None where it is not parked."""

    def all(self) -> tuple[Parked, ...]:
        """Return every parked tenant, the newest first."""
