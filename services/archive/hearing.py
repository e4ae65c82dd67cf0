"""Saying how far an archive is read, and what is done then; it ends where somebody asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from services.jobs.models import Progress
from services.jobs.ports import Said
from services.jobs.run import Stopped, Stops

READING = "reading the archive"
"""Said with how many bytes of it are read."""

_EVERY = 4 * 1024 * 1024  # bytes: a look into the records each time


class Hears(Protocol):
    """What is told how far it is. Each of its methods raises Stopped where that is asked for."""

    def __call__(self, stream: BinaryIO, /) -> BinaryIO:
        """Return a stream that tells how much of it is read."""

    def turns_to(self, what: str, /) -> None:
        """Take note of what is done next; how long that takes nobody knows."""


class _Unheard:
    def __call__(self, stream: BinaryIO, /) -> BinaryIO:
        return stream

    def turns_to(self, what: str, /) -> None:
        pass


unheard: Hears = _Unheard()
"""Tells nobody, and leaves a stream as it is."""


@dataclass(frozen=True, slots=True)
class _Hearing:
    said: Said
    stops: Stops

    def __call__(self, stream: BinaryIO, /) -> BinaryIO:
        return cast("BinaryIO", _Heard(stream, self.said, self.stops))

    def turns_to(self, what: str, /) -> None:
        if self.stops():
            raise Stopped
        self.said(Progress(what))


def hearing(said: Said, stops: Stops = lambda: False) -> Hears:
    """Return what says how far it is, and raises Stopped where `stops` says so."""
    return _Hearing(said, stops)


class _Heard:
    """A stream that counts what is read of it; what is read twice is no more than all."""

    def __init__(self, stream: BinaryIO, said: Said, stops: Stops) -> None:
        self._stream, self._said, self._stops = stream, said, stops
        self._read = self._next = 0
        self._whole: int | None = None
        if stream.seekable():
            self._whole = stream.seek(0, 2)
            stream.seek(0)

    def seekable(self) -> bool:
        """Whether it can be sought."""
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go somewhere."""
        return self._stream.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes, or fewer. Raises Stopped."""
        if self._read >= self._next:
            self._next = self._read + _EVERY
            if self._stops():
                raise Stopped
            done = self._read if self._whole is None else min(self._read, self._whole)
            self._said(Progress(READING, done, self._whole))
        data = self._stream.read(size)
        self._read += len(data)
        return data
