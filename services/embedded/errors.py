"""What loading into the embedded engines, or a deployment, is refused for."""

from __future__ import annotations

from services.errors import KatoTenantsError


class DataPresent(KatoTenantsError):
    """Loading would mix into data that is already in the stores."""


class CaptureError(KatoTenantsError):
    """What a capture directory holds could not be understood; nothing was loaded.

    `line` counts from 1, None where the whole file is meant.
    """

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {reason}")
        self.file, self.line, self.reason = file, line, reason
