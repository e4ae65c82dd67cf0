"""What taking a shared kb_id apart raises."""

from __future__ import annotations

from services.errors import KatoTenantsError


class ApartRefused(KatoTenantsError):
    """A kb_id that may not be taken apart, or not as it is now, or a job that is not there."""
