"""What a restore asks of the stores. Every method raises StoreError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from services.archive.formats import TypedKey
from services.archive.models import Part, Print
from services.restore.models import KeysWritten, Misfit, PointsWritten, RowsWritten


class RowSink(Protocol):
    """ClickHouse."""

    def misfit(self, part: Part) -> Misfit | None:
        """Say why a table does not take these rows; None where it does. Nothing is changed."""

    def there(self, part: Part, names: Mapping[str, str]) -> Print:
        """Return the rows that the table has of the new names, hashed as those of the old ones."""

    def stage(
        self, part: Part, names: Iterable[str], chunks: Iterable[tuple[int, bytes]], *, job: str
    ) -> None:
        """Put chunks, by their numbers in the archive, aside, and prove them there."""

    def mentions(self, part: Part, names: Iterable[str], *, job: str) -> int:
        """Count the rows that were put aside whose text names one of these."""

    def attach(self, part: Part, names: Mapping[str, str], *, job: str) -> RowsWritten:
        """Let what was put aside be there, where no row of these owners is."""

    def finish(self, part: Part, names: Mapping[str, str], *, job: str) -> None:
        """Let the rest be there too where some of it is; nothing where not all is put aside."""

    def drop(self, part: Part, *, job: str) -> None:
        """Remove what was put aside."""

    def drop_all(self, parts: Iterable[str], *, job: str) -> int:
        """Remove what a job put aside of parts by their names; return how many tables that were."""


class PointSink(Protocol):
    """Qdrant."""

    def misfit(self, part: Part, collection: str) -> Misfit | None:
        """Say why a collection that is there does not take these points; None where it does."""

    def there(self, collection: str, points: Iterable[Mapping[str, Any]]) -> int:
        """Count the points whose id is there. Nothing is changed."""

    def make(self, part: Part, collection: str, aliases: Iterable[str] = ()) -> bool:
        """Make a collection as it was configured; False where it is there."""

    def write(self, collection: str, points: Iterable[Mapping[str, Any]]) -> PointsWritten:
        """Write points; one whose id is there stays as it is."""

    def differing(self, collection: str, points: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield the ids of points that are not there as they are given."""


class KeySink(Protocol):
    """Redis."""

    def time(self) -> int:
        """Return the server's own time, by which its keys end, in Unix milliseconds."""

    def there(self, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return which of these names have a key now. Nothing is changed."""

    def nodes(self, records: Sequence[bytes]) -> Mapping[bytes, str | None]:
        """Return the node_ids of those sessions' records that are there; None where unreadable."""

    def lets_fields_end(self) -> bool:
        """Whether a hash's fields can have ends here. Nothing is changed."""

    def write(self, keys: Iterable[TypedKey]) -> KeysWritten:
        """Write keys; one that is there stays as it is."""

    def index(self, sessions: Sequence[str]) -> None:
        """Have KATO's index of sessions name those of these ids that are there."""

    def differing(self, keys: Iterable[TypedKey]) -> Iterator[str]:
        """Yield the names of keys that are not there as they are given."""
