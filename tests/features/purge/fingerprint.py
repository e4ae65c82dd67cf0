"""Everything that the stores hold, by whose it is, to the byte: for what must stay as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import redis

from services.embedded.write.stores import Targets
from services.tenancy.layout import NOBODY, OwnerKind, read_collection, read_key, text_of

Prints = dict[str, frozenset[Hashable]]

_ROWS = """
SELECT hex(toString(kb_id)), hex(name), toString(sipHash64(*))
FROM {home:Identifier}.patterns_data
"""


@dataclass(frozen=True)
class Fingerprint:
    """Rows with a hash, keys with type and DUMP, points with vector and payload, by kb_id."""

    rows: Prints
    keys: Prints
    points: Prints

    def without(self, kb_ids: frozenset[str]) -> Fingerprint:
        """Return that of everyone else."""
        return Fingerprint(
            *(_without(each, kb_ids) for each in (self.rows, self.keys, self.points))
        )

    def residue(self, kb_ids: frozenset[str]) -> int:
        """Return how much is there of these kb_ids; a collection that was emptied is nothing."""
        return sum(
            sum(not isinstance(each, str) for each in found)
            for prints in (self.rows, self.keys, self.points)
            for name, found in prints.items()
            if name in kb_ids
        )


def _without(prints: Prints, kb_ids: frozenset[str]) -> Prints:
    return {name: found for name, found in prints.items() if name not in kb_ids}


def fingerprint(targets: Targets, *, session_owner: Callable[[bytes], str]) -> Fingerprint:
    """Read everything. `session_owner` says under which name a session's record counts."""
    return Fingerprint(_rows(targets), _keys(targets, session_owner), _points(targets))


def _rows(targets: Targets) -> Prints:
    assert targets.clickhouse is not None
    found: dict[str, set[Hashable]] = defaultdict(set)
    query = _ROWS.replace("{home:Identifier}", f"`{targets.database}`")
    for kb_id, name, digest in targets.clickhouse.query(query).result_rows:
        found[text_of(bytes.fromhex(kb_id))].add((name, digest))
    return _frozen(found)


def _keys(targets: Targets, session_owner: Callable[[bytes], str]) -> Prints:
    assert targets.redis is not None
    found: dict[str, set[Hashable]] = defaultdict(set)
    for key, kind, dump in dumped(targets.redis):
        name = read_key(key)
        owner = name.owner.name if name.owner != NOBODY else ""
        if name.kind == "session":
            owner = session_owner(key)
        if name.kind == "session_index":
            members = targets.redis.smembers(key)
            for member in members:
                found[session_owner(b"kato:session:" + member)].add((key, member))
            continue
        found[owner].add((key, kind, dump))
    return _frozen(found)


_DUMP = """
local found, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    found[#found + 1] = {key, redis.call('TYPE', key).ok, redis.call('DUMP', key)}
  end
until cursor == '0'
return found
"""


def dumped(client: redis.Redis) -> list[tuple[bytes, bytes, bytes]]:
    """Return every key with its type and DUMP, in one round trip: drivers take long for many."""
    return [(key, kind, dump) for key, kind, dump in client.eval(_DUMP, 0)]


def _points(targets: Targets) -> Prints:
    assert targets.qdrant is not None
    found: dict[str, set[Hashable]] = defaultdict(set)
    for collection in targets.qdrant.get_collections().collections:
        owner = read_collection(collection.name).owner
        name = owner.name if owner.kind is OwnerKind.KB else collection.name
        found[name].add(collection.name)
        records, _ = targets.qdrant.scroll(collection.name, limit=100_000, with_vectors=True)
        for record in records:
            found[name].add((str(record.id), repr(record.vector), repr(record.payload)))
    return _frozen(found)


def _frozen(found: dict[str, set[Hashable]]) -> Prints:
    return {name: frozenset(values) for name, values in found.items()}
