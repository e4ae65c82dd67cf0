"""Keys of every type as an archive has them: made by hypothesis, and read off a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis
from hypothesis import strategies as st

from services.archive.formats import TypedKey
from services.tenancy.layout import bytes_of, text_of

FUTURE = 4_000_000_000_000  # milliseconds since 1970

Line = dict[str, Any]

raw = st.binary(max_size=12).map(text_of)
names = st.one_of(
    raw.filter(bool), st.sampled_from(["a:b*c", "it's", "%s\r\n$3\r\n", "日本:x", "x\x00y"])
)
many = st.lists(raw, min_size=1, max_size=20)
ends = st.one_of(st.none(), st.integers(FUTURE, FUTURE + 10**9))
scores = st.floats(allow_nan=False).map(repr)
ids = st.tuples(st.integers(1, 2**40), st.integers(0, 5)).map(lambda at: f"{at[0]}-{at[1]}")


def _value_lines(of_type: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({
        "key": names, "type": st.just(of_type), "expires_at": ends, "value": values,
    })  # fmt: skip


@st.composite
def _streams(draw: st.DrawFn) -> Line:
    at = sorted(draw(st.sets(ids, max_size=5)), key=_place)
    fields = st.lists(raw, min_size=2, max_size=4).filter(lambda all_: len(all_) % 2 == 0)
    last = f"{2**41 + draw(st.integers(0, 9))}-{draw(st.integers(0, 3))}"
    deleted = draw(st.sampled_from(["0-0", at[0] if at else "5-5"]))
    groups = draw(st.dictionaries(raw.filter(bool), st.sets(raw.filter(bool), max_size=2)))
    added = len(at) + draw(st.integers(0, 9))
    read = st.one_of(st.none(), st.integers(0, added))
    return {
        "entries": [[entry, *draw(fields)] for entry in at],
        "last_id": last,
        "entries_added": added,
        "max_deleted_id": deleted,
        "groups": [
            {
                "name": name,
                "last_delivered_id": draw(st.sampled_from(["0-0", last, *at])),
                "entries_read": draw(read),
                "consumers": sorted(consumers),
                "pending": [[each, min(consumers), FUTURE // 3, 2] for each in at[:2]]
                if consumers
                else [],
            }
            for name, consumers in sorted(groups.items())
        ],
    }


def _place(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)


hashes = st.dictionaries(raw, raw, min_size=1, max_size=10)
sorted_sets = st.dictionaries(raw, scores, min_size=1, max_size=10)
lines = st.one_of(
    _value_lines("string", raw),
    _value_lines("list", many),
    _value_lines("set", many.map(lambda members: sorted(set(members)))),
    _value_lines("zset", sorted_sets.map(lambda held: [list(pair) for pair in held.items()])),
    _value_lines("hash", hashes.map(lambda held: [[*pair, None] for pair in held.items()])),
    _value_lines("stream", _streams()),
)
fleets = st.lists(lines, max_size=12, unique_by=lambda line: line["key"])


def keys_of(lines: Iterable[Line]) -> list[TypedKey]:
    """The lines as the product has them."""
    return [
        TypedKey(
            bytes_of(line["key"]), line["type"], line["value"],
            pttl=None if line["expires_at"] is None else 1, expires_at=line["expires_at"],
            continues=line.get("continues", False),
        )
        for line in lines
    ]  # fmt: skip


def plain(line: Line) -> Line:
    """What a line says, without the order of what has none."""
    of_type, value = line["type"], line["value"]
    if of_type in {"set", "hash"}:
        value = sorted(value)
    if of_type == "zset":
        value = sorted([member, float(score)] for member, score in value)
    if of_type == "stream":
        value = value | {"groups": sorted(value["groups"], key=lambda group: str(group["name"]))}
    kept = {name: line[name] for name in ("key", "type", "expires_at")}
    return kept | {"value": value}


def held(client: redis.Redis, key: str, *, field_ends: bool = False) -> Line | None:
    """Read a key off a server by redis-py, which the product does not."""
    name = bytes_of(key)
    of_type = client.type(name).decode()
    if of_type == "none":
        return None
    end = client.pexpiretime(name)
    value: Any = {
        "string": lambda: text_of(client.get(name)),
        "list": lambda: [text_of(each) for each in client.lrange(name, 0, -1)],
        "set": lambda: sorted(text_of(each) for each in client.smembers(name)),
        "zset": lambda: [[text_of(m), repr(s)] for m, s in _scored(client, name)],
        "hash": lambda: _hash(client, name, field_ends=field_ends),
        "stream": lambda: _stream(client, name),
    }[of_type]()  # fmt: skip
    return plain({
        "key": key, "type": of_type, "value": value, "expires_at": end if end >= 0 else None,
    })  # fmt: skip


def _scored(client: redis.Redis, name: bytes) -> Any:
    return client.zrange(name, 0, -1, withscores=True)


def _hash(client: redis.Redis, name: bytes, *, field_ends: bool) -> list[list[Any]]:
    pairs = client.hgetall(name)
    if not field_ends:
        return [[text_of(field), text_of(value), None] for field, value in pairs.items()]
    at = client.hpexpiretime(name, *pairs)
    return [
        [text_of(field), text_of(value), end if end >= 0 else None]
        for (field, value), end in zip(pairs.items(), at, strict=True)
    ]


def _stream(client: redis.Redis, name: bytes) -> Line:
    # in two words, for which redis-py has no reader of its own
    found = client.execute_command("XINFO", "STREAM", name, "FULL", "COUNT", 0)
    told = _pairs(found)
    return {
        "entries": [[entry.decode(), *map(text_of, fields)] for entry, fields in told["entries"]],
        "last_id": told["last-generated-id"].decode(),
        "entries_added": told["entries-added"],
        "max_deleted_id": told["max-deleted-entry-id"].decode(),
        "groups": [_group(_pairs(each)) for each in told["groups"]],
    }


def _group(told: dict[str, Any]) -> Line:
    consumers = sorted(text_of(_pairs(each)["name"]) for each in told["consumers"])
    return {
        "name": text_of(told["name"]),
        "last_delivered_id": told["last-delivered-id"].decode(),
        "entries_read": told["entries-read"],
        "consumers": consumers,
        "pending": [
            [entry.decode(), text_of(consumer), at, times]
            for entry, consumer, at, times in told["pending"]
        ],
    }


def _pairs(flat: Any) -> dict[str, Any]:
    if isinstance(flat, dict):
        return {name.decode(): value for name, value in flat.items()}
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
