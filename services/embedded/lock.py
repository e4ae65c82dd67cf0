"""One process at a time: an advisory lock that the kernel releases however its holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Self

from services.errors import EmbeddedBusy, SettingsError
from services.settings.private_files import DATA_VARIABLE, make_private

NAME = "embedded.lock"

_REFUSED = (errno.EACCES, errno.EAGAIN)


class DirectoryLock:
    """Holds a data directory for this process until `release` or death."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, data: Path) -> Self:
        """Take the lock of a data directory, making the directory where it is missing.

        Raises EmbeddedBusy at once when it is held already, SettingsError when the directory
        cannot be written to or its file system has no locks.
        """
        make_private(data)
        fd = _open(data)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = _holder(fd)
            os.close(fd)
            raise _refusal(exc, data, holder) from None
        os.truncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return cls(fd)

    def release(self) -> None:
        """Let the directory go; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
        self.keep()

    def keep(self) -> None:
        """Hold the directory until this process ends, whatever is released."""
        self._fd = -1


def _open(data: Path) -> int:
    try:
        return os.open(data / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        reason = f"the data directory {data} cannot be written to ({exc.strerror})"
        raise SettingsError(DATA_VARIABLE, reason) from exc


def _holder(fd: int) -> str:
    pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return f"process {pid}" if pid.isdigit() else "another process"


def _refusal(exc: OSError, data: Path, holder: str) -> EmbeddedBusy | SettingsError:
    if exc.errno in _REFUSED:
        return EmbeddedBusy(f"{holder} holds the embedded engines of {data}: only one can")
    reason = f"the file system of {data} does not lock files ({exc.strerror})"
    return SettingsError(DATA_VARIABLE, reason)
