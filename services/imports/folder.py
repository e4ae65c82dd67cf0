"""Where files are staged that are checked and not written yet: a folder of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from services.imports.models import LONGEST_FILE, ImportRefused, Preview, Run, State
from services.imports.spool import Spool
from services.settings.private_files import make_private

KEPT = timedelta(days=1)
"""How long a file that was checked and not written stays staged."""

KEPT_ENDS = timedelta(days=30)
"""How long it is kept how an import went."""

_PREVIEWS, _RUNS = TypeAdapter(Preview), TypeAdapter(Run)
_END = ".import"
_PIECE = 1 << 20
_NONE = "there is no such import"
_OVER = (State.CHECKED, State.DONE, State.UNDONE, State.GIVEN_UP)


class Folder:
    """The imports that are staged here. Raises ImportRefused for one that is not."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.path, self._now = path, now

    def new(self, run: str) -> Spool:
        """Make the file of an import."""
        make_private(self.path)
        return Spool(self.path / f"{run}{_END}")

    def has(self, run: str) -> bool:
        """Whether an import's file is on this machine."""
        return run.isalnum() and (self.path / f"{run}{_END}").is_file()

    def spool(self, run: str) -> Spool:
        """Return the file of an import."""
        if not self.has(run):
            raise ImportRefused(_NONE)
        return Spool(self.path / f"{run}{_END}")

    def preview(self, run: str) -> Preview:
        """Return what a checked file would come to."""
        return _PREVIEWS.validate_json(self._fact(run, "preview"))

    def run(self, run: str) -> Run:
        """Return how far an import is."""
        return _RUNS.validate_json(self._fact(run, "run"))

    def _fact(self, run: str, name: str) -> bytes:
        found = self.spool(run).get(name)
        if found is None:
            raise ImportRefused(_NONE)
        return found

    def keep_preview(self, spool: Spool, preview: Preview) -> None:
        """Keep what a checked file would come to."""
        spool.put("preview", _PREVIEWS.dump_json(preview))

    def keep(self, spool: Spool, run: Run) -> None:
        """Keep how far an import is."""
        spool.put("run", _RUNS.dump_json(run))

    def runs(self) -> tuple[Run, ...]:
        """Return every import, the newest first; one that is being checked is none yet."""
        found = []
        for path in self._paths():
            with suppress(ImportRefused):  # or it was removed meanwhile
                found.append(self.run(path.name.removesuffix(_END)))
        return tuple(sorted(found, key=lambda run: str(run.at), reverse=True))

    def _paths(self) -> list[Path]:
        return sorted(self.path.glob(f"*{_END}")) if self.path.is_dir() else []

    def clean(self) -> None:
        """Remove files that were checked and not written for a day, and ends of long ago."""
        runs = {run.id: run for run in self.runs()}
        for path in self._paths():
            run = runs.get(path.name.removesuffix(_END))
            if self._is_old(path) if run is None else self._is_over(run):
                path.unlink(missing_ok=True)

    def _is_over(self, run: Run) -> bool:
        keep = KEPT if run.state is State.CHECKED else KEPT_ENDS
        return run.state in _OVER and run.at is not None and run.at < self._now() - keep

    def _is_old(self, path: Path) -> bool:
        """Whether nobody can be at work any more on a file of which no import is known."""
        with suppress(FileNotFoundError):
            return path.stat().st_mtime < (self._now() - KEPT).timestamp()
        return False


def copied(file: IO[bytes], to: IO[bytes]) -> str:
    """Copy a file, and return its SHA-256. Raises ImportRefused for one that is too long."""
    found, size = hashlib.sha256(), 0
    for piece in _pieces(file):
        size += len(piece)
        if size > LONGEST_FILE:
            raise ImportRefused(f"the file is longer than {LONGEST_FILE >> 30} GiB")
        found.update(piece)
        to.write(piece)
    to.seek(0)
    return found.hexdigest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
