"""What instances ask of this product's own records, of tools and of KATO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from services.health.models import Health
from services.instances.models import Instance, Ran


class Book(Protocol):
    """The register. Every method raises StoreUnavailable."""

    def all(self) -> tuple[Instance, ...]:
        """Return every instance that is kept, also of those that ended, the newest first."""

    def get(self, name: str) -> Instance | None:
        """Return one by its name; None where there is none."""

    def add(self, instance: Instance) -> bool:
        """Keep a new one with its ports; False where its name or a port was taken meanwhile."""

    def put(self, *instances: Instance) -> None:
        """Keep these as they are now, in place of what was kept; their ports stay theirs."""

    def forget(self, name: str) -> None:
        """Keep nothing more of one: its ports are free."""


class Runner(Protocol):
    """Runs commands of this machine. It raises nothing: what it came to says why not."""

    def run(self, command: Sequence[str], *, seconds: float) -> Ran:
        """Run one to its end, without a shell, or kill it after so many seconds."""

    def listens(self, port: int) -> bool:
        """Whether anything on this machine has a TCP port."""


class Pingable(Protocol):
    """A KATO that can be asked how it is."""

    def health(self) -> Health:
        """Return its version and latency. Raises StoreError."""


Katos = Callable[[str], Pingable]
"""Gives the KATO at an address."""


class Folder(Protocol):
    """Where files of instances are."""

    def keep(self, name: str, files: Mapping[str, str]) -> Path:
        """Write the files of one, for this user alone, and return their folder."""
