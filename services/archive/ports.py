"""What archives ask of the stores, of the places that keep them, and of this product's records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from services.archive.models import Archive, Piece, Print, Stored
from services.purge.models import KeySurvey, Surface
from services.purge.ports import WantsNode


class Sink(Protocol):
    """Where an archive is written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes, or raise."""


class PartSource(Protocol):
    """A store whose content an archive takes by a surface alone. Every method raises StoreError."""

    def read(self, surface: Surface) -> Iterator[Piece]:
        """Yield the content of the surface, part by part."""

    def prints(self, surface: Surface) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint."""


class RowSource(PartSource, Protocol):
    """ClickHouse. Every method raises StoreError."""

    def prints(
        self, surface: Surface, known: Mapping[str, Print] | None = None
    ) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint.

        What is `known` of a part is returned where its table says that nothing was written since.
        """


class KeySource(Protocol):
    """Redis. Every method raises StoreError; with a survey none makes a pass over all keys."""

    def sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Iterator[Piece]:
        """Yield the content of the sessions of wanted nodes."""

    def keys(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Iterator[Piece]:
        """Yield the content of every other key of the surface."""

    def prints(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint."""


class Place(Protocol):
    """Where archives are kept. Every method raises StoreError."""

    url: str

    def writing(self, name: str) -> AbstractContextManager[Sink]:
        """Give what takes a file's bytes; it has no name of its own before `keep`."""

    def reading(self, name: str, *, unfinished: bool = False) -> AbstractContextManager[BinaryIO]:
        """Give a stream of a file. Raises ArchiveError where it is not there."""

    def keep(self, name: str, *, size: int) -> None:
        """Give a file its name, once its place says that it has so many bytes."""

    def discard(self, name: str) -> None:
        """Remove what was written and not kept, where that can be."""

    def remove(self, name: str) -> None:
        """Delete a file for good; one that is not there is gone already."""

    def files(self) -> tuple[Stored, ...]:
        """Return the archives that are there, by their names."""


class Book(Protocol):
    """What this product's own records know of archives. Raises StoreUnavailable."""

    def add(self, archive: Archive) -> None:
        """Keep an archive that begins; of one that is known already, what is known stays."""

    def put(self, archive: Archive) -> None:
        """Keep an archive, in place of what was known of it."""

    def note(self, archive: Archive) -> bool:
        """Keep what is known of an archive now, unless its file was removed meanwhile."""

    def named(self, name: str) -> Archive | None:
        """Return the one whose file has this name."""

    def all(self, limit: int = 1000) -> tuple[Archive, ...]:
        """Return the newest archives, newest first."""

    def get(self, archive_id: str) -> Archive | None:
        """Return one."""

    def taking(self) -> tuple[Archive, ...]:
        """Return every archive that is being taken, oldest first."""

    def some(self, archive_ids: Collection[str]) -> tuple[Archive, ...]:
        """Return those of these that there are, in no order."""

    def newest_proven(
        self, tenants: Collection[str], *, all_of_it: bool = False
    ) -> Mapping[str, Archive]:
        """Return of each of these tenants (`kind/id`) its newest archive that is proven whole.

        With `all_of_it` only one of the whole tenant counts, and none of one node_id or user.
        """
