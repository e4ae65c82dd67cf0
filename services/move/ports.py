"""What moving asks of this product's own records."""

from __future__ import annotations

from typing import Protocol

from services.move.models import Moved
from services.tenancy.kb_ids import TenantKey


class Book(Protocol):
    """Which tenants are in another deployment. Every method raises StoreUnavailable."""

    def put(self, kept: Moved, /) -> None:
        """Keep that a tenant moved, in place of what was known of it."""

    def drop(self, tenant: TenantKey) -> None:
        """Forget that a tenant moved: it is here again."""

    def get(self, tenant: TenantKey) -> Moved | None:
        """Return one; None where it did not move."""

    def all(self) -> tuple[Moved, ...]:
        """Return every tenant that moved, the newest first."""
