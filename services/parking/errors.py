"""What parking raises."""

from __future__ import annotations

from services.errors import KatoTenantsError


class ParkingRefused(KatoTenantsError):
    """A tenant that may not be parked or brought back, or not as it is now."""
