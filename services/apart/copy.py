"""Copying what was told apart to its new name, and proving it there by content."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.apart.counts import Counts
from services.apart.evidence import Pattern
from services.apart.models import ApartRefused
from services.apart.ports import Point
from services.apart.tools import Tools
from services.archive.formats import TypedKey
from services.archive.models import Part
from services.errors import StoreNotConfigured
from services.jobs.run import Stopped, Stops
from services.tenancy.layout import bytes_of, text_of

_TOKENS = 256


def unless_stopped(
    pages: Iterable[list[Pattern]], stops: Stops
) -> Iterator[list[Pattern]]:  # fmt: skip
    """Yield pages until somebody asks for an end. Raises Stopped."""
    for page in pages:
        if stops():
            raise Stopped
        yield page


@dataclass(frozen=True, slots=True)
class Copying:
    """What goes from `kb_id` to `new` is what the job has put aside: that is fixed.

    Everything raises Stopped where somebody asked for an end.
    """

    tools: Tools
    kb_id: str
    new: str
    job: str
    stops: Stops

    def pages(self) -> Iterator[list[Pattern]]:
        """Yield the patterns that go."""
        return unless_stopped(self.tools.rows.aside(job=self.job), self.stops)

    def copy(self) -> None:
        """Write all of it, over nothing that is there. May be repeated."""
        tools, counts = self.tools, Counts()
        tools.rows.attach(self.new, job=self.job)
        for page in self.pages():
            tools.key_writer.write([*self._frequencies(page), *self._keys(page)])
            tools.keys.add_members(self.new, page)
            counts.add(page)
        tools.key_writer.write(counts.keys(self.new))
        part = self._part(self.kb_id)
        if part is not None:
            tools.point_writer.make(part, self._collection)
            for points in self.points(self.vectors()):
                tools.point_writer.write(self._collection, points)

    def copy_rest(self) -> None:
        """Write anew the keys of patterns that were written since they were copied.

        Raises ApartRefused where somebody learnt one under the new name.
        """
        for page in self.pages():
            frequencies = list(self._frequencies(page))
            if any(self.tools.key_writer.differing(frequencies)):
                raise self._otherwise("keys")
            keys = {text_of(key.key): key for key in self._keys(page)}
            for each in frequencies:
                keys.pop(text_of(each.key), None)
            differing = self.tools.key_writer.differing(keys.values())
            self.tools.keys.put([keys[name] for name in differing])

    def prove(self) -> int:
        """Compare all of it, and return how many keys KATO has written anew since.

        Raises ApartRefused where the new name has not exactly what was told apart.
        """
        tools, counts, written = self.tools, Counts(), 0
        if not tools.rows.proven(self.new, job=self.job):
            raise self._otherwise("patterns")
        for page in self.pages():
            written += len(list(tools.key_writer.differing(self._keys(page))))
            if any(tools.key_writer.differing(self._frequencies(page))):
                raise self._otherwise("keys")
            if tools.keys.lacking_members(self.new, page):
                raise self._otherwise("symbols")
            counts.add(page)
        if any(tools.key_writer.differing(counts.keys(self.new))):
            raise self._otherwise("counts")
        for points in self.points(self.vectors()):
            if any(tools.point_writer.differing(self._collection, points)):
                raise self._otherwise("vectors")
        return written

    def vectors(self, but: Collection[bytes] = ()) -> frozenset[bytes]:
        """Return the vectors that patterns which go have, but for those of some names."""
        return frozenset(
            token for page in self.pages() for each in page
            if each.name not in but for token in each.vectors
        )  # fmt: skip

    def points(self, vectors: Collection[bytes], kb_id: str = "") -> Iterator[list[Point]]:
        """Yield the points of vectors at the shared kb_id, or another, some at a time."""
        kb_id = kb_id or self.kb_id
        if vectors and self._part(kb_id) is not None:
            for some in _some(sorted(map(text_of, vectors))):
                yield list(self.tools.points.named(kb_id, some))

    def same_points(self, points: Sequence[Point]) -> list[Point]:
        """Return the points that are there under the new name as they are given."""
        others = set(self.tools.point_writer.differing(self._collection, points))
        return [each for each in points if str(each["id"]) not in others]

    def put_back(self, vectors: Collection[bytes]) -> None:
        """Write the points of vectors at the shared kb_id, over nothing that is there."""
        for points in self.points(vectors, self.new):
            self.tools.point_writer.write(f"vectors_{self.kb_id}", points)

    @property
    def _collection(self) -> str:
        return f"vectors_{self.new}"

    def _part(self, kb_id: str) -> Part | None:
        with suppress(StoreNotConfigured):
            return self.tools.points.part(kb_id)
        return None

    def _keys(self, page: Sequence[Pattern]) -> list[TypedKey]:
        names = [each.name for each in page]
        return list(self.tools.keys.of_patterns(self.kb_id, self.new, names))

    def _frequencies(self, page: Sequence[Pattern]) -> Iterator[TypedKey]:
        """Yield that each was learnt once, of one too that was learnt again since."""
        head = bytes_of(self.new) + b":frequency:"
        return (TypedKey(head + each.name, "string", "1") for each in page)

    def _otherwise(self, what: str) -> ApartRefused:
        return ApartRefused(
            f"the {what} under the new name are not what was copied: somebody writes there "
            "already; nothing was taken from the shared kb_id: give it up, and plan again"
        )


def _some(items: Sequence[str]) -> Iterator[list[str]]:
    return (list(items[at : at + _TOKENS]) for at in range(0, len(items), _TOKENS))
