"""Files that commands read and write."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from services.errors import KatoTenantsError, SettingsError
from services.visible import visible

STDIN = "-"


def read(file: str, error: type[KatoTenantsError]) -> bytes:
    """Return what a file has, or what comes in where it is `-`. Raises `error`."""
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError:
        raise error(f"{file} cannot be read") from None


def write(path: Path, option: str, content: bytes) -> None:
    """Write the file that an option names, and say so. Raises SettingsError."""
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise SettingsError(option, f"the file cannot be written ({exc.strerror})") from None
    print(f"Written to {visible(str(path))}", file=sys.stderr)


def write_into(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder, which is made where there is none. Raises SettingsError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as exc:
        raise SettingsError("--out", f"cannot be written into ({exc.strerror})") from None
