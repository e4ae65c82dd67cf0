"""`kato-tenants load`: a capture directory into the stores."""

from __future__ import annotations

from pathlib import Path

from services import bootstrap
from services.settings import Settings


def load(directory: Path, settings: Settings, *, merge: bool) -> str:
    """Load a capture directory and return what was loaded. Raises KatoTenantsError."""
    return f"loaded {bootstrap.load_capture(directory, settings, merge=merge)}"
