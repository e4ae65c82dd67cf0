"""What imports raise."""

from __future__ import annotations

from services.errors import KatoTenantsError


class ImportRefused(KatoTenantsError):
    """A file of data that cannot be read, or not be written for a tenant."""
