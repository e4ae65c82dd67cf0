"""`kato-tenants load`: a capture directory into the stores."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cli import desk
from services.access.gate import digest_of_words
from services.access.viewer import Action
from services.embedded.capture.load import load_capture
from services.embedded.errors import CaptureError
from services.settings.environment import Settings


def load(directory: Path, settings: Settings, *, merge: bool) -> str:
    """Load a capture directory and return what was loaded. Raises KatoTenantsError."""
    target = f"{directory.resolve()}{' into what is there' if merge else ''}"
    digest = digest_of_words(target, *_files(directory))
    with (
        desk.opened_alone(settings) as alone,
        alone.gate.doing(Action.LOAD, target=target, digest=digest),
    ):
        return f"loaded {load_capture(directory, settings, merge=merge)}"


def _files(directory: Path) -> list[str]:
    """Return each file's name and digest, so that the log says what was loaded."""
    return [word for path in sorted(directory.glob("*.jsonl")) for word in _file(path)]


def _file(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            return path.name, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise CaptureError(path.name, None, "it cannot be read") from None
