"""What retention bounds in Redis: predictions, streams, caches; and what it reads of sessions.

OBJECT, MEMORY USAGE, PTTL, XLEN and XRANGE do not count as use of a key: to look changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from services.retention.bounds import Entry
from services.retention.models import Bounds
from services.retention.ports import BoundsOf, Done, KeysFound
from services.stores.redis.erase_sessions import chunks, sound
from services.stores.redis.keeping import (
    Collecting,
    Passing,
    found_of,
    sorted_out,
)
from services.stores.redis.keeping_streams import (
    expire,
    lacking,
    look_at_caches,
    look_at_streams,
    trim,
)
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import keyspace
from services.stores.redis.sessions import read_sessions
from services.stores.redis.uses import Uses
from services.tenancy.layout import PATTERN_KINDS, bytes_of, text_of
from services.usage.readings import SessionRecord

_ROUND = 200


class KeyKeeping:
    """Looks at and bounds one Redis. `service` is KATO's SERVICE_NAME, `scan_count` SCAN's COUNT.

    A whole call may take `seconds`. Each goes over a new connection. Every method raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: Client, *, service: str, scan_count: int, seconds: float) -> None:
        self._client, self._service = client, service
        self._scan_count, self._seconds = scan_count, seconds

    def look(
        self, bounds_of: BoundsOf, *, at: datetime, streams: Bounds | None, caches: Bounds | None,
        sessions: bool,
    ) -> KeysFound:  # fmt: skip
        """Go once through the keyspace. `at` is the moment from which spans are counted back."""
        with self._talk("looking at what is kept") as link:
            passing = self._pass(link, bounds_of, weigh=True)
            records = passing.records if sessions else []
            return KeysFound(
                {kb_id: found_of(each, at=at) for kb_id, each in passing.by_kb.items()},
                () if streams is None else look_at_streams(link, passing.streams, streams, at=at),
                None if caches is None else look_at_caches(link, passing.caches, caches),
                tuple(read_sessions(link, records, self._service)),
            )

    def bound_predictions(self, bounds_of: BoundsOf, *, at: datetime, done: Done) -> None:
        """Erase what is due and give TTLs, each key judged anew in the moment before."""
        with self._talk("bounding predictions") as link:
            for kb_id, each in self._pass(link, bounds_of).by_kb.items():
                chosen = each.chosen(at=at)
                for some in chunks(chosen.gone, _ROUND):
                    done(kb_id, _erase(link, some, each.uses))
                for some in chunks(chosen.expiring, _ROUND):
                    expire(link, [one.key for one in some], each.bounds.ttl or 0)
                    done(kb_id, 0)

    def trim_streams(self, bounds: Bounds, *, at: datetime, done: Done) -> None:
        """Trim the `stm:*` streams, of everybody's oldest observations."""
        with self._talk("trimming streams") as link:
            for key in self._pass(link, lambda _: None).streams:
                done(text_of(key), trim(link, key, bounds, at=at))

    def expire_caches(self, bounds: Bounds, *, done: Done) -> None:
        """Give caches a TTL that have none, or a longer one."""
        with self._talk("giving caches a TTL") as link:
            keys = self._pass(link, lambda _: None).caches
            for some in chunks(keys, _ROUND):
                done("caches", expire(link, some, bounds.ttl or 0))

    def session(self, key: str) -> SessionRecord | None:
        """Read one record anew, touching nothing; None where it is gone."""
        with self._talk("reading a session") as link:
            return next(read_sessions(link, [bytes_of(key)], self._service), None)

    def forget_patterns(self, kb_id: str, names: Mapping[bytes, Sequence[bytes]]) -> None:
        """Erase what Redis has of patterns, by name with their symbols.

        KATO's counts of symbols and its totals stay as they are: what they would be without these
        patterns is nowhere told.
        """
        head = bytes_of(kb_id)
        with self._talk("erasing keys of old patterns") as link:
            for some in chunks(list(names.items()), _ROUND):
                sent = [packed("UNLINK", *_keys_of(head, name)) for name, _ in some]
                sent += [
                    packed("SREM", head + b":symbol_to_patterns:" + symbol, name)
                    for name, symbols in some
                    for symbol in dict.fromkeys(symbols)
                ]
                link.send(b"".join(sent))
                sound(link, len(sent))

    def rights(self) -> tuple[str, ...]:
        """Say what this user lacks, in words; nothing is changed."""
        with self._talk("asking what is allowed") as link:
            return lacking(link)

    def _pass(self, link: Link, bounds_of: BoundsOf, *, weigh: bool = False) -> Passing:
        passing = Passing(Collecting(link, bounds_of, weigh=weigh), service=self._service)
        for keys in keyspace(link, count=self._scan_count):
            sorted_out(passing, keys)
        passing.collecting.finish()
        return passing

    @contextmanager
    def _talk(self, operation: str) -> Iterator[Link]:
        with conversation(self._client, operation=operation, seconds=self._seconds) as link:
            yield link


def _erase(link: Link, found: Sequence[Entry], uses: Uses) -> int:
    """Erase keys that were not used since they were looked at; return how many that were."""
    now = uses.of([each.key for each in found])
    keys = [each.key for each, idle in zip(found, now, strict=True) if _at_least(idle, each.idle)]
    gone: int = link.ask("UNLINK", *keys) if keys else 0
    return gone


def _at_least(told: Any, idle: int) -> bool:
    return isinstance(told, int) and told >= idle


def _keys_of(head: bytes, name: bytes) -> list[bytes]:
    return [b":".join((head, kind.encode(), name)) for kind in PATTERN_KINDS]
