"""What setting up a tenant raises."""

from __future__ import annotations

from services.errors import KatoTenantsError


class SetupRefused(KatoTenantsError):
    """A tenant that may not be set up so."""
