"""What an archive takes of Redis: keys and sessions of a surface, found as a purge finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain

from services.archive.formats import Lines, key_line
from services.archive.models import Format, Part, Piece, Print
from services.purge.models import KeySurvey, Surface
from services.purge.ports import WantsNode
from services.stores.redis.erase_sessions import keys_of, read_ending
from services.stores.redis.link import Client, Link, conversation
from services.stores.redis.server import standing
from services.stores.redis.sources import held_by, source_of
from services.stores.redis.targets import KeySorter, Lots
from services.stores.redis.typed_content import ContentReader
from services.tenancy.layout import text_of

KEYS, SESSIONS = "redis/keys", "redis/sessions"
_POINTER = "active_pointer"


class KeyArchive:
    """Reads one Redis. `service` is KATO's SERVICE_NAME, `scan_count` the COUNT of SCAN.

    All of it may take `seconds`, each answer the client's own timeout. Raises StoreError.
    """

    def __init__(self, client: Client, *, service: str, scan_count: int, seconds: float) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._seconds = seconds

    def sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Iterator[Piece]:
        """Yield the content of the sessions of wanted nodes, and of what points to them.

        Of KATO's index of sessions the ids of these are said in the part's description.
        """
        sorter = KeySorter(surface, wants, service=self._service)
        pointers: list[bytes] = []
        with self._talk() as link:
            source = source_of(link, surface, wants, survey, count=self._scan_count)
            for lots in source.sessions(sorter):
                pointers += _of(lots, pointers=True)
            ending = read_ending(link, sorter.aside, surface, wants)
            records = [*ending.records, *keys_of(sorter.aside.tenant_records), *pointers]
            part = Part(SESSIONS, Format.JSON_LINES)
            lines = Lines(part)
            yield from _packed(lines, ContentReader(link), sorted(records))
            index = {"index": sorted(map(text_of, ending.members))}
            yield from lines.end(replace(part, description=index))

    def keys(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Iterator[Piece]:
        """Yield the content of every other key of the surface.

        Without a survey in one pass over the keyspace, whose replies are read meanwhile over
        another connection.
        """
        sorter = KeySorter(surface, wants, service=self._service)
        lines = Lines(Part(KEYS, Format.JSON_LINES))
        with ExitStack() as stack:
            link = looking = stack.enter_context(self._talk())
            if held_by(survey, surface) is None:
                looking = stack.enter_context(self._talk())
            reader = ContentReader(link)
            source = source_of(looking, surface, wants, survey, count=self._scan_count)
            for lots in source.own(sorter):
                yield from _packed(lines, reader, _of(lots, pointers=False))
            ending = read_ending(looking, sorter.aside, surface, wants)
            yield from _packed(lines, reader, keys_of(ending.caches))
            yield from lines.end()

    def prints(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Mapping[str, Print]:
        """Return how much there is of each part now, and its fingerprint, as it would be read."""
        counts: dict[str, int] = {KEYS: 0, SESSIONS: 0}
        prints: dict[str, str] = {}
        sessions = self.sessions(surface, wants, survey)
        for piece in chain(sessions, self.keys(surface, wants, survey)):
            counts[piece.part.name] += piece.count
            if piece.fingerprint:
                prints[piece.part.name] = piece.fingerprint
        return {name: Print(counts[name], prints.get(name, "")) for name in counts}

    @contextmanager
    def _talk(self) -> Iterator[Link]:
        with conversation(self._client, operation="reading keys", seconds=self._seconds) as link:
            standing(link)
            yield link


def _packed(lines: Lines, reader: ContentReader, keys: Sequence[bytes]) -> Iterator[Piece]:
    for each in reader.read(keys):
        line, lasting = key_line(each)
        yield from lines.add(line, lasting=lasting, count=0 if each.continues else 1)


def _of(lots: Lots, *, pointers: bool) -> list[bytes]:
    """Return the keys that point to a session, or all others."""
    return keys_of({which: keys for which, keys in lots.items()
                    if (which[1] == _POINTER) is pointers})  # fmt: skip
