"""Where a purge's keys come from: the whole keyspace in one pass, or what a survey holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import Protocol

from services.figures import Measure
from services.purge.models import KeySurvey, Reckoning, Surface
from services.purge.ports import WantsNode
from services.stores.redis.erase_sessions import CHUNK, chunks, keys_of
from services.stores.redis.link import Link, packed
from services.stores.redis.look import KeyFindings, count_there, is_refusal, weighed
from services.stores.redis.scan import MEMORY, keyspace
from services.stores.redis.survey import HeldKeys, is_known_to, newcomers
from services.stores.redis.targets import KeySorter, Lots
from services.tenancy.layout import bytes_of

_UNTOLD = object()


class Source(Protocol):
    """Hands out keys. Once it is through, the sorter has aside all that there is."""

    def own(self, sorter: KeySorter) -> Iterator[Lots]:
        """Yield the surface's own keys, some at a time.

        The consumer reads what it sent for some when it has the next, or when there are none.
        """

    def sessions(self, sorter: KeySorter) -> Iterator[Lots]:
        """Yield as many of them as may have to do with sessions, or more."""

    def weigh(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count the surface's own keys with their memory."""

    def count(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count the surface's own keys; their memory is not asked for."""

    def everything(self) -> Reckoning | None:
        """Reckon up all keys of everyone, where all were gone through."""


class WholeKeyspace:
    """One pass. `seen` counts the keys that came by, `before` is DBSIZE at the start."""

    def __init__(self, link: Link, *, count: int) -> None:
        self._link = link
        self._count = count
        self.before: int = link.ask("DBSIZE")
        self.seen = 0

    def replies(self) -> Iterator[list[bytes]]:
        """Yield the keys of each reply, the next one under way."""
        for keys in keyspace(self._link, count=self._count):
            self.seen += len(keys)
            yield keys

    def own(self, sorter: KeySorter) -> Iterator[Lots]:
        """Yield the surface's own keys of each reply."""
        return map(sorter.sort, self.replies())

    sessions = own

    def weigh(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count keys with their memory, which is not asked for any more once it is refused."""
        due: Lots = {}
        is_told = True
        for own in self.own(sorter):
            is_told = self._weigh(due, tally) and is_told
            due = own if is_told else {}
            if not is_told:
                tally.weigh(own, repeat(_UNTOLD))
            elif own:
                self._link.send_each(MEMORY, keys_of(own))
        self._weigh(due, tally)

    def count(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count keys as they come."""
        for own in self.own(sorter):
            for (owner, kind), keys in own.items():
                tally.count(Measure.KEYS, owner, kind, len(keys), sample=keys[0])

    def _weigh(self, due: Lots, tally: KeyFindings) -> bool:
        """Read what was asked for; False where all of it was refused."""
        sizes = self._link.replies(sum(map(len, due.values())))
        tally.weigh(due, sizes)
        return not sizes or not all(map(is_refusal, sizes))

    def everything(self, *, erased: int = 0) -> Reckoning:
        """Reckon up what is there, without the keys that the pass itself erased."""
        total: int = self._link.ask("DBSIZE")
        return Reckoning(total, self.seen - erased, abs(total + erased - self.before))


class HeldSource:
    """What a survey holds of a surface, and the sessions that came to KATO's index since."""

    def __init__(
        self, link: Link, held: HeldKeys, surface: Surface, wants: WantsNode, *, count: int
    ) -> None:
        self._link = link
        self._held = held
        self._surface = surface
        self._wants = wants
        self._count = count

    def own(self, sorter: KeySorter) -> Iterator[Lots]:
        """Yield the surface's own keys, some of which may be gone by now."""
        return self._handed(sorter, self._held.replies(self._surface))

    def sessions(self, sorter: KeySorter) -> Iterator[Lots]:
        """Yield the same without the keys of kb_ids."""
        nobody = replace(self._surface, kb_ids=frozenset())
        return self._handed(sorter, self._held.replies(nobody))

    def _handed(self, sorter: KeySorter, replies: Iterator[list[bytes]]) -> Iterator[Lots]:
        aside = sorter.aside
        aside.records += self._held.records_of(self._wants)
        aside.records += [key for key, node in self._newcomers() if self._wants(node)]
        aside.bare += self._bare()
        aside.index = True
        return map(sorter.sort, replies)

    def weigh(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count the keys that are there still, with their memory."""
        for own in self.own(sorter):
            tally.weigh(own, weighed(self._link, own))

    def count(self, sorter: KeySorter, tally: KeyFindings) -> None:
        """Count the keys that are there still."""
        for own in self.own(sorter):
            count_there(self._link, own, tally)

    def everything(self) -> None:
        """Nothing: no pass was made."""

    def _newcomers(self) -> Iterator[tuple[bytes, str]]:
        return iter(newcomers(self._link, is_known_to(self._held), count=self._count).items())

    def _bare(self) -> Iterator[bytes]:
        """Yield the kb_ids that are keys themselves, which no survey holds."""
        names = [name for kb in sorted(self._surface.kb_ids) if b":" not in (name := bytes_of(kb))]
        for chunk in chunks(names, CHUNK):
            self._link.send(b"".join(packed("EXISTS", name) for name in chunk))
            there = self._link.replies(len(chunk))
            yield from (name for name, number in zip(chunk, there, strict=True) if number != 0)


def held_by(survey: KeySurvey | None, surface: Surface) -> HeldKeys | None:
    """Return what a survey holds; None where it lacks a kb_id of the surface, or is no survey."""
    held = None if survey is None else survey.held
    return held if isinstance(held, HeldKeys) and held.covers(surface) else None


def source_of(
    link: Link, surface: Surface, wants: WantsNode, survey: KeySurvey | None, *, count: int
) -> Source:
    """Return where a surface's keys come from: what a survey holds of it, else a whole pass."""
    held = held_by(survey, surface)
    if held is None:
        return WholeKeyspace(link, count=count)
    return HeldSource(link, held, surface, wants, count=count)
