"""What an archive takes of Redis: keys and sessions of a surface, found as a purge finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import redis

from services.archive.formats import Lines, key_line
from services.archive.models import Format, Part, Piece, Print
from services.purge.models import KeySurvey, Surface
from services.purge.ports import WantsNode
from services.stores.redis.erase_sessions import Ending, keys_of, read_ending
from services.stores.redis.link import Link, conversation
from services.stores.redis.server import standing
from services.stores.redis.sources import source_of
from services.stores.redis.targets import KeySorter
from services.stores.redis.typed_content import read_content
from services.tenancy.layout import text_of

KEYS, SESSIONS = "redis/keys", "redis/sessions"
_POINTER = "active_pointer"


class KeyArchive:
    """Reads one Redis. `service` is KATO's SERVICE_NAME, `scan_count` the COUNT of SCAN.

    All of it may take `seconds`, each answer the client's own timeout. Raises StoreError.
    """

    def __init__(
        self, client: redis.Redis, *, service: str, scan_count: int, seconds: float
    ) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._seconds = seconds

    def read(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Iterator[Piece]:
        """Yield the content of every key of the surface, and then of its sessions.

        With a survey in no pass over the keyspace, otherwise in one. Of KATO's index of sessions
        the ids of these are said in the description of the sessions.
        """
        sorter = KeySorter(surface, wants, service=self._service)
        pointers: list[bytes] = []
        keys = Lines(Part(KEYS, Format.JSON_LINES))
        with self._talk() as looking, self._talk() as link:
            source = source_of(looking, surface, wants, survey, count=self._scan_count)
            for lots in source.own(sorter):
                pointers += keys_of({w: k for w, k in lots.items() if w[1] == _POINTER})
                own = keys_of({w: k for w, k in lots.items() if w[1] != _POINTER})
                yield from _packed(keys, link, own)
            ending = read_ending(looking, sorter.aside, surface, wants)
            yield from _packed(keys, link, keys_of(ending.caches))
            yield from keys.end()
            records = [*ending.records, *keys_of(sorter.aside.tenant_records), *pointers]
            yield from _sessions(link, records, ending)

    def prints(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint, as `read` would find."""
        counts: dict[str, int] = {KEYS: 0, SESSIONS: 0}
        prints: dict[str, str] = {}
        for piece in self.read(surface, wants, survey):
            counts[piece.part.name] += piece.count
            if piece.fingerprint:
                prints[piece.part.name] = piece.fingerprint
        return {name: Print(counts[name], prints.get(name, "")) for name in counts}

    @contextmanager
    def _talk(self) -> Iterator[Link]:
        with conversation(self._client, operation="reading keys", seconds=self._seconds) as link:
            standing(link)
            yield link


def _packed(lines: Lines, link: Link, keys: Sequence[bytes]) -> Iterator[Piece]:
    for each in read_content(link, keys):
        line, lasting = key_line(each)
        yield from lines.add(line, lasting=lasting, count=0 if each.continues else 1)


def _sessions(link: Link, keys: Sequence[bytes], ending: Ending) -> Iterator[Piece]:
    part = Part(SESSIONS, Format.JSON_LINES)
    lines = Lines(part)
    yield from _packed(lines, link, keys)
    yield from lines.end(replace(part, description={"index": sorted(map(text_of, ending.members))}))
