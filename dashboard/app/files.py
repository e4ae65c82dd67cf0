"""Files that were made for somebody: where they are kept until they are fetched, and by whom.

Streamlit's own storage names a file by a hash of its content, gives it to whoever asks, and drops
it when anybody's page has run twice since.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.runtime import Runtime
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.memory_media_file_storage import MemoryFile, MemoryMediaFileStorage

from dashboard.app.callers import owner_of
from services.settings.environment import Settings

KEPT_SECONDS = 300.0
"""How long a file can be fetched after it was made."""

MOST_BYTES = 512 * 1024 * 1024
"""So much is kept of everybody's files; of more the oldest go first."""

PATH = "/media"


class Owned(bytes):
    """What is in a file, and whose it is: `owner` as `owner_of` says it."""

    owner: str = ""

    @classmethod
    def by(cls, content: bytes | str, owner: str) -> Owned:
        """Return a content that is somebody's."""
        owned = cls(content.encode() if isinstance(content, str) else content)
        owned.owner = owner
        return owned


@dataclass(frozen=True, slots=True)
class _Kept:
    owner: str
    since: float
    size: int


class OwnedFiles(MemoryMediaFileStorage):
    """Keeps downloads under random names for a while, whatever becomes of the pages."""

    def __init__(self) -> None:
        super().__init__(PATH)
        self._kept: dict[str, _Kept] = {}  # the oldest first
        self._turn = threading.Lock()

    def load_and_get_id(
        self, path_or_data: str | bytes, mimetype: str, kind: MediaFileKind,
        filename: str | None = None,
    ) -> str:  # fmt: skip
        """Keep a file and return its name, which no content leads to."""
        if kind is not MediaFileKind.DOWNLOADABLE or not isinstance(path_or_data, bytes):
            return super().load_and_get_id(path_or_data, mimetype, kind, filename)
        file_id = secrets.token_hex(24)
        owner = path_or_data.owner if isinstance(path_or_data, Owned) else ""
        with self._turn:
            self._kept[file_id] = _Kept(owner, time.monotonic(), len(path_or_data))
            self._files_by_id[file_id] = MemoryFile(bytes(path_or_data), mimetype, kind, filename)
            self._drop_old()
        return file_id

    def delete_file(self, file_id: str) -> None:
        """Delete a file that is no download; those go when their time is over."""
        with self._turn:
            self._drop_old()
            if file_id not in self._kept:
                super().delete_file(file_id)

    def is_for(self, name: str, owner: str) -> bool:
        """Whether a file may be given to somebody; so may what is no download."""
        with self._turn:
            self._drop_old()
            kept = self._kept.get(name.partition(".")[0])
        return kept is None or (bool(owner) and secrets.compare_digest(kept.owner, owner))

    def _drop_old(self) -> None:
        size, ends = sum(kept.size for kept in self._kept.values()), time.monotonic() - KEPT_SECONDS
        for file_id, kept in list(self._kept.items()):
            if kept.since > ends and size <= MOST_BYTES:
                break
            size -= kept.size
            del self._kept[file_id]
            super().delete_file(file_id)


files = OwnedFiles()
"""This process's files."""


def keep_here(app: st.App) -> None:
    """Have an app keep its files here: it has no way to be given a storage."""
    create = app._create_runtime  # noqa: SLF001

    def created() -> Runtime:
        runtime = create()
        runtime.media_file_mgr._storage = files  # noqa: SLF001
        return runtime

    app._create_runtime = created  # type: ignore[method-assign]  # noqa: SLF001


def owner_here(settings: Settings) -> str:
    """Return whose the page is that runs here, as `owner_of` says it of its connection."""
    sent = st.context.headers
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name in sent for value in sent.get_all(name)
    ]  # fmt: skip
    return owner_of(settings, HTTPConnection({"type": "http", "headers": headers}))
