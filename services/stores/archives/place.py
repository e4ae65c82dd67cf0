"""One place for archives, over fsspec: a folder, a bucket, a server.

A file is written under another name and gets its own when it is whole and was read back. What
fsspec and its drivers raise becomes a StoreError of the store "archives"; their texts may hold
an address with a password in it, and are not repeated.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.core import url_to_fs

from services.archive.errors import ArchiveError
from services.archive.models import Stored
from services.archive.ports import Sink
from services.errors import (
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)

STORE = "archives"
SUFFIX = ".kato.tar"
_WRITING = "writing an archive"
_UNFINISHED = ".part"
_BLOCK_BYTES = 8 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_S3 = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 2}}


class Place:
    """Keeps files in one folder or under one prefix. `url` is said without a password in it.

    Raises StoreMisconfigured for a URL that no driver takes; nothing is asked of it before it is
    used. Every method raises StoreError.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        with _translated("opening the place for archives"):
            fs, root = url_to_fs(url, **_with_timeouts(url, options))
        self._fs: fsspec.AbstractFileSystem = fs
        self._root = str(root).rstrip("/")
        self.url = _said(url)

    @contextmanager
    def writing(self, name: str) -> Iterator[Sink]:
        """Give what takes a file's bytes; the file has no name of its own before `keep`.

        What was written is removed where the block fails.
        """
        path = self._path(name) + _UNFINISHED
        with _translated(_WRITING):
            self._fs.makedirs(self._root, exist_ok=True)
            stream = self._fs.open(path, "wb", block_size=_BLOCK_BYTES)
        try:
            yield _Writing(stream)
            with _translated(_WRITING):
                stream.close()
        except BaseException:
            with suppress(Exception):
                stream.close()
            self.discard(name)
            raise

    @contextmanager
    def reading(self, name: str, *, unfinished: bool = False) -> Iterator[BinaryIO]:
        """Give a stream of a file that can be sought. Raises ArchiveError where it is not there."""
        path = self._path(name) + (_UNFINISHED if unfinished else "")
        with _translated("reading an archive"):
            stream = self._fs.open(path, "rb", block_size=_BLOCK_BYTES, cache_type="readahead")
        try:
            yield cast("BinaryIO", _Reading(stream))
        finally:
            with suppress(Exception):
                stream.close()

    def keep(self, name: str, *, size: int) -> None:
        """Give a file its name, once its place says that it has so many bytes."""
        path = self._path(name)
        with _translated("keeping an archive"):
            self._fs.mv(path + _UNFINISHED, path)
            self._fs.invalidate_cache()
            found = self._fs.info(path).get("size")
        if found != size:
            reason = f"of {size:,} bytes it has {found if found is not None else 'none'}"
            raise StoreRejected(STORE, "keeping an archive", reason)

    def discard(self, name: str) -> None:
        """Remove what was written and not kept, where that can be."""
        with suppress(Exception):
            self._fs.rm(self._path(name) + _UNFINISHED)

    def remove(self, name: str) -> None:
        """Delete a file for good; one that is not there is gone already."""
        path = self._path(name)
        with _translated("removing an archive"):
            with suppress(FileNotFoundError, NotADirectoryError):
                self._fs.rm_file(path)
            self._fs.invalidate_cache()
            left = self._fs.exists(path)
        if left:
            raise StoreRejected(STORE, "removing an archive", "it is there still")

    def files(self) -> tuple[Stored, ...]:
        """Return the archives that are there, by their names."""
        with _translated("listing archives"):
            self._fs.invalidate_cache()
            if not self._fs.exists(self._root):
                return ()
            found = self._fs.ls(self._root, detail=True)
        return tuple(sorted(
            (Stored(each["name"].rpartition("/")[2], each["size"], _changed(each))
             for each in found if each["name"].endswith(SUFFIX)),
            key=lambda each: each.name,
        ))  # fmt: skip

    def _path(self, name: str) -> str:
        if "/" in name or "\\" in name or name.startswith("."):
            raise ArchiveError("an archive's name has no folder in it")
        return f"{self._root}/{name}"


class _Writing:
    """A stream whose every error is one of ours."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: bytes, /) -> None:
        """Take all of the bytes."""
        with _translated(_WRITING):
            taken = self._stream.write(data)
        if taken is not None and taken != len(data):
            raise StoreRejected(STORE, _WRITING, "it took only a part of the bytes")


class _Reading:
    """A stream that can be sought, whose every error is one of ours."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def seekable(self) -> bool:
        """Whether it can be sought."""
        with _translated("reading an archive"):
            return bool(self._stream.seekable())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go somewhere."""
        with _translated("reading an archive"):
            return int(self._stream.seek(offset, whence))

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes, or fewer."""
        with _translated("reading an archive"):
            return bytes(self._stream.read(size))


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    try:
        yield
    except (StoreError, ArchiveError):
        raise
    except FileNotFoundError as exc:
        if operation == _WRITING:
            reason = "its folder or bucket is not there, and cannot be made"
            raise StoreRejected(STORE, operation, reason) from exc
        raise ArchiveError("there is no such archive") from None
    except Exception as exc:
        kind, reason = _meaning(exc)
        raise kind(STORE, operation, reason) from exc


def _meaning(exc: Exception) -> tuple[type[StoreError], str]:
    if isinstance(exc, ImportError):
        return StoreMisconfigured, "the package for such addresses is not installed"
    if isinstance(exc, PermissionError) or type(exc).__name__ == "NoCredentialsError":
        return StoreDenied, "it refused our credentials or rights"
    if isinstance(exc, OSError) and exc.errno in _DENIED:
        return StoreDenied, "it refused our credentials or rights"
    if isinstance(exc, OSError) and exc.errno in _FULL:
        return StoreRejected, "it is full"
    if isinstance(exc, ValueError | TypeError):
        return StoreMisconfigured, "no driver takes this address with these options"
    return StoreUnavailable, "it broke off, or did not answer"


def _with_timeouts(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Bound the waits of S3, whose driver would try for minutes."""
    if not url.startswith(("s3://", "s3a://")):
        return dict(options)
    return {**options, "config_kwargs": {**_S3, **options.get("config_kwargs", {})}}


def _said(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if found else url


def _changed(info: Mapping[str, Any]) -> datetime | None:
    """Return when a file was last written, None where its place does not say."""
    at = info.get("mtime", info.get("LastModified", info.get("updated")))
    if isinstance(at, datetime):
        return at.astimezone(UTC)
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None
