"""What moving raises."""

from __future__ import annotations

from services.errors import KatoTenantsError


class MoveRefused(KatoTenantsError):
    """A tenant that may not be moved, or a move that may not go on as things are now."""
