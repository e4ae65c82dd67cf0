"""What restores raise."""

from __future__ import annotations

from services.errors import KatoTenantsError


class RestoreRefused(KatoTenantsError):
    """A restore that cannot be planned, begun or found."""
