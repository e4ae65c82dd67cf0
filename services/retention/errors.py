"""What retention raises."""

from __future__ import annotations

from services.errors import KatoTenantsError


class RetentionError(KatoTenantsError):
    """A retention policy that cannot be taken, or a run of one that may not begin."""
