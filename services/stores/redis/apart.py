"""Taking a shared kb_id apart in Redis: one pass that counts, and the keys of patterns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from services.apart.counts import MEMBERS
from services.apart.evidence import Pattern
from services.apart.ports import KeysFound, Learnt
from services.archive.formats import TypedKey
from services.purge.ports import WantsNode
from services.stores.redis.apart_cut import ONCE, cut, keys_of, number_of
from services.stores.redis.apart_sessions import moved
from services.stores.redis.erase_sessions import chunks, read_records, session_id, sound
from services.stores.redis.link import Client, Link, conversation, packed
from services.stores.redis.scan import keyspace
from services.stores.redis.sessions import read_sessions
from services.stores.redis.typed_content import ContentReader
from services.tenancy.layout import (
    SESSION_PREFIX,
    OwnerKind,
    bytes_of,
    read_key,
    text_of,
)

_ROUND = 200
_CUT = 50
_TRIES = 5
_FREQUENCY = b":frequency:"


class KeysApart:
    """One Redis. `service` is KATO's SERVICE_NAME, `scan_count` SCAN's COUNT.

    A whole call may take `seconds`. Each goes over a new connection. Every method raises
    StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: Client, *, service: str, scan_count: int, seconds: float) -> None:
        self._client, self._service = client, service
        self._scan_count, self._seconds = scan_count, seconds

    def survey(self, kb_ids: Collection[str], wants: WantsNode) -> KeysFound:
        """Go once through the keyspace: count keys by kind, and sessions by wanted node_id."""
        heads = {bytes_of(kb_id): kb_id for kb_id in kb_ids}
        kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
        with self._talk("looking at keys") as link:
            records = []
            for keys in keyspace(link, count=self._scan_count):
                for key in keys:
                    kb_id = heads.get(key.partition(b":")[0])
                    if kb_id is not None:
                        kinds[kb_id][read_key(key, self._service).kind] += 1
                records += [key for key in keys if key.startswith(SESSION_PREFIX)]
            sessions, oldest = Counter[str](), dict[str, datetime]()
            for each in read_sessions(link, self._own(records), self._service):
                node, at = each.owner.name, each.created_at
                if each.owner.kind is OwnerKind.NODE and wants(node):
                    sessions[node] += 1
                    if at is not None:
                        oldest[node] = min(at, oldest.get(node, at))
        return KeysFound(kinds, sessions, oldest)

    def learnt(self, kb_id: str, names: Sequence[bytes]) -> list[Learnt]:
        """Return how often each of these patterns was learnt."""
        head, found = bytes_of(kb_id), list[Learnt]()
        with self._talk("looking at patterns") as link:
            for some in chunks(names, _ROUND):
                link.send(b"".join(
                    packed("MGET", head + _FREQUENCY + name)
                    + packed("EXISTS", *keys_of(head, name))
                    for name in some
                ))  # fmt: skip
                told = sound(link, 2 * len(some))
                found += [
                    Learnt(number_of(value), keys)
                    for (value,), keys in zip(told[::2], told[1::2], strict=True)
                ]
                link.prolong()
        return found

    def of_patterns(self, kb_id: str, new: str, names: Sequence[bytes]) -> Iterator[TypedKey]:
        """Yield the keys that are named by patterns learnt once, under the new kb_id."""
        head, own = bytes_of(kb_id), bytes_of(new)
        with self._talk("reading keys of patterns") as link:
            reader = ContentReader(link)
            for some in chunks(names, _ROUND):
                link.send(packed("MGET", *(head + _FREQUENCY + name for name in some)))
                (told,) = sound(link, 1)
                once = [name for name, value in zip(some, told, strict=True) if value == ONCE]
                keys = [key for name in once for key in keys_of(head, name)]
                for each in list(reader.read(keys)):  # the reader may take its time
                    yield each._replace(key=own + each.key[len(head) :])
                link.prolong()

    def put(self, keys: Iterable[TypedKey]) -> None:
        """Write strings, over those of the same names."""
        due = [key for key in keys if key.type == "string" and not key.continues]
        with self._talk("writing keys of patterns") as link:
            for some in chunks(due, _ROUND):
                link.send(b"".join(packed("SET", key.key, bytes_of(key.value)) for key in some))
                sound(link, len(some))
                link.prolong()

    def add_members(self, new: str, patterns: Sequence[Pattern]) -> None:
        """Name patterns in the sets of their symbols."""
        self._of_members("SADD", new, patterns)

    def lacking_members(self, new: str, patterns: Sequence[Pattern]) -> int:
        """Count the symbols in whose sets a pattern of theirs is not named."""
        return sum(1 for there in self._of_members("SISMEMBER", new, patterns) if not there)

    def cut(self, kb_id: str, new: str, patterns: Sequence[Pattern]) -> frozenset[bytes]:
        """Take patterns out of a kb_id that are the same at the new one and were learnt once.

        Returns the names of all of these that are out of it now, by this or an earlier try.
        """
        done = set[bytes]()
        with self._talk("taking patterns out of a shared kb_id") as link:
            for some in chunks(patterns, _CUT):
                for _ in range(_TRIES):
                    out = cut(link, bytes_of(kb_id), bytes_of(new), some)
                    if out is not None:
                        done |= out
                        break
                link.prolong()
        return frozenset(done)

    def sessions(self, nodes: Collection[str]) -> Mapping[str, str]:
        """Return the ids of the sessions of these node_ids, each with its own."""
        with self._talk("looking at sessions") as link:
            records = self._records(link, nodes)
        return {text_of(session_id(key)): node for key, node in records.items()}

    def move_sessions(self, moves: Mapping[str, str]) -> Mapping[str, str]:
        """End the sessions of these node_ids, each as it is at that moment under the new node_id.

        Returns their ids, each with the node_id that it had.
        """
        with self._talk("moving sessions") as link:
            records = self._records(link, moves)
            return moved(link, records, moves)

    def _records(self, link: Link, nodes: Collection[str]) -> dict[bytes, str]:
        """Go once through the keyspace, and return the records of these node_ids' sessions."""
        keys = [
            key for keys in keyspace(link, count=self._scan_count)
            for key in keys if key.startswith(SESSION_PREFIX)
        ]  # fmt: skip
        return read_records(link, self._own(keys), nodes.__contains__)

    def _own(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return the keys that are records of KATO's sessions."""
        return [key for key in keys if read_key(key, self._service).kind == "session"]

    def _of_members(self, word: str, new: str, patterns: Sequence[Pattern]) -> list[Any]:
        head, found = bytes_of(new) + MEMBERS, list[Any]()
        with self._talk("naming patterns by their symbols") as link:
            for some in chunks(patterns, _ROUND):
                sent = [packed(word, head + symbol, each.name)
                        for each in some for symbol in dict.fromkeys(each.tokens)]  # fmt: skip
                link.send(b"".join(sent))
                found += sound(link, len(sent))
                link.prolong()
        return found

    def _talk(self, operation: str) -> AbstractContextManager[Link]:
        return conversation(self._client, operation=operation, seconds=self._seconds)
