"""Qdrant's local mode, shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from qdrant_client import QdrantClient

from services.errors import StoreUnavailable
from services.settings.private_files import make_private


class LocalQdrant(QdrantClient):
    """Qdrant's local mode in a directory, one call at a time.

    It keeps its points in arrays that grow and its collections in files that are rewritten,
    without a lock of its own: two threads at once lose collections or fail.
    """

    def __init__(self, directory: Path) -> None:
        self._turn = threading.RLock()
        super().__init__(path=str(directory), force_disable_check_same_thread=True)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or not callable(value):
            return value
        return _in_turn(value, super().__getattribute__("_turn"))


def _in_turn(call: Callable[..., Any], turn: threading.RLock) -> Callable[..., Any]:
    @wraps(call)
    def one_at_a_time(*args: Any, **options: Any) -> Any:
        with turn:
            return call(*args, **options)

    return one_at_a_time


def open_local(directory: Path) -> LocalQdrant:
    """Open the vectors in a directory. Raises StoreUnavailable."""
    make_private(directory)
    try:
        return LocalQdrant(directory)
    except Exception as exc:  # its files are JSON, SQLite and pickles: anything may be raised
        reason = f"the files in {directory} could not be read ({type(exc).__name__})"
        raise StoreUnavailable("qdrant", "opening the embedded Qdrant", reason) from exc
