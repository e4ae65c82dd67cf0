"""How far something is that is done here and now: one line on stderr, where a person reads it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.archive.hearing import Hears, hearing
from services.jobs.models import Progress

_SECONDS = 0.5


@contextmanager
def told() -> Iterator[Hears]:
    """Give what has an archive say how far it is read; its line is gone at the end."""
    line = _Line()
    try:
        yield hearing(line.say)
    finally:
        line.end()


class _Line:
    def __init__(self) -> None:
        self._said_at, self._is_person = 0.0, sys.stderr.isatty()
        self._words, self._written = "", False

    def say(self, progress: Progress) -> None:
        """Write how far it is, now and then."""
        now = time.monotonic()
        is_soon = progress.words == self._words and now - self._said_at < _SECONDS
        if not self._is_person or is_soon:
            return
        self._said_at, self._words, self._written = now, progress.words, True
        print(f"\r{progress.words}{_share(progress)}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Remove the line."""
        if self._written:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _share(progress: Progress) -> str:
    done, whole = progress.done, progress.whole
    if done is None:
        return ""
    return f": {done:,} bytes" if not whole else f": {done / whole:4.0%} of {whole:,} bytes"
