"""Directories and files that only their owner can read, whatever the umask says."""

from __future__ import annotations

import os
from pathlib import Path

from services.errors import SettingsError

DATA_VARIABLE = "KATO_TENANTS_DATA"

_OWNERS_DIRECTORY, _OWNERS_FILE = 0o700, 0o600


def make_private(directory: Path) -> None:
    """Make a directory that only its owner can enter, or close one that is there.

    One that somebody else owns stays as it is. Raises SettingsError.
    """
    try:
        directory.mkdir(mode=_OWNERS_DIRECTORY, parents=True, exist_ok=True)
        _close(directory, _OWNERS_DIRECTORY)
    except OSError as exc:
        reason = f"the data directory {directory} cannot be made ({exc.strerror})"
        raise SettingsError(DATA_VARIABLE, reason) from exc


def make_private_file(path: Path) -> None:
    """Make a file that only its owner can read, or close one that is there.

    Raises SettingsError where its directory cannot be written to.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNERS_FILE))
        _close(path, _OWNERS_FILE)
    except OSError as exc:
        reason = f"the data directory {path.parent} cannot be written to ({exc.strerror})"
        raise SettingsError(DATA_VARIABLE, reason) from exc


def _close(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o777 & ~mode:
        path.chmod(mode)
