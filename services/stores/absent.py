"""A store that no address was given for: every question has the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Never

from services.errors import StoreNotConfigured
from services.readings import KeyReading


class AbsentStore:
    """Stands for any store that is not configured. Every method raises StoreNotConfigured.

    `variable` is the setting that would configure it.
    """

    def __init__(self, store: str, variable: str) -> None:
        self._store, self._variable = store, variable

    def health(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("asking how it is")

    def quick(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("reading")

    def read(
        self, *, memory: bool = True, progress: Callable[[KeyReading], None] | None = None
    ) -> Never:
        """Raise StoreNotConfigured."""
        del memory, progress
        self._refuse("reading")

    def estimate(self, kb_ids: Sequence[str]) -> Never:
        """Raise StoreNotConfigured."""
        del kb_ids
        self._refuse("reading")

    def cached_processors(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("reading its processors")

    def holders(self, names: Sequence[str]) -> Never:
        """Raise StoreNotConfigured."""
        del names
        self._refuse("finding a pattern")

    def peek(self, keys: Sequence[bytes]) -> Never:
        """Raise StoreNotConfigured."""
        del keys
        self._refuse("looking for a key")

    def create_session(
        self,
        node_id: str,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, object] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Never:
        """Raise StoreNotConfigured."""
        del node_id, ttl_seconds, metadata, config
        self._refuse("creating a session")

    def extend(self, session_id: str, *, ttl_seconds: int) -> Never:
        """Raise StoreNotConfigured."""
        del session_id, ttl_seconds
        self._refuse("extending a session")

    def clear_stm(self, session_id: str) -> Never:
        """Raise StoreNotConfigured."""
        del session_id
        self._refuse("clearing a session's STM")

    def delete(self, session_id: str) -> Never:
        """Raise StoreNotConfigured."""
        del session_id
        self._refuse("deleting a session")

    def exists(self, session_id: str) -> Never:
        """Raise StoreNotConfigured."""
        del session_id
        self._refuse("asking for a session")

    def detail(self, key: str) -> Never:
        """Raise StoreNotConfigured."""
        del key
        self._refuse("reading a session")

    def sealed(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("looking for encrypted metadata")

    def clean_index(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("cleaning up the session index")

    def swap(self, key: str, old: str, new: str) -> Never:
        """Raise StoreNotConfigured."""
        del key, old, new
        self._refuse("rewriting a session's metadata")

    def look(self, *args: Any, **options: Any) -> Never:
        """Raise StoreNotConfigured."""
        del args, options
        self._refuse("looking for what is to be erased")

    def erase(self, *args: Any, **options: Any) -> Never:
        """Raise StoreNotConfigured."""
        del args, options
        self._refuse("erasing")

    def flush(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("flushing inserts")

    def sessions(self, *args: Any, **options: Any) -> Never:
        """Raise StoreNotConfigured."""
        del args, options
        self._refuse("looking for sessions to end")

    def erase_sessions(self, *args: Any, **options: Any) -> Never:
        """Raise StoreNotConfigured."""
        del args, options
        self._refuse("erasing sessions")

    def trim_streams(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("emptying streams")

    def invalidate_caches(self, session_id: str) -> Never:
        """Raise StoreNotConfigured."""
        del session_id
        self._refuse("invalidating a session's caches")

    def facts(self) -> Never:
        """Raise StoreNotConfigured."""
        self._refuse("asking how it is set up")

    def _refuse(self, operation: str) -> Never:
        raise StoreNotConfigured(self._store, operation, f"set {self._variable}")
