"""What can be written into the stores, whatever it comes from: rows, keys, collections. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

StreamItem = tuple[str, Mapping[str, str]]
"""An entry of a stream: its id and its fields."""

RedisValue = (
    str
    | tuple[str, ...]
    | Mapping[str, str]
    | tuple[tuple[str, float], ...]
    | tuple[StreamItem, ...]
)
"""What a key holds: text, members, fields, members with scores, or entries."""


class KeyType(StrEnum):
    """The types of key that are written, by the names that Redis gives them."""

    STRING = "string"
    HASH = "hash"
    SET = "set"
    LIST = "list"
    ZSET = "zset"
    STREAM = "stream"


class Misread(Exception):
    """A value that cannot stand for what it should; the message says in our own words why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of one of KATO's tables; `values` are in the order of that table's columns."""

    table: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A Redis key. Text stands for bytes as `names.text_of` writes them.

    `ttl_ms` is None for a key that never expires. An entry with `more` adds to a key that the
    entry before it began.
    """

    key: str
    type: KeyType
    value: RedisValue
    ttl_ms: int | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A vector with its id and payload."""

    id: str | int
    vector: tuple[float, ...]
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Collection:
    """A Qdrant collection: its vectors' dimension and metric (by Qdrant's name), its points."""

    name: str
    size: int
    distance: str
    points: tuple[Point, ...] = field(repr=False)


class Dataset(Protocol):
    """Something to load: each method may be called more than once and says the same again."""

    def rows(self) -> Iterator[Row]:
        """Yield the rows, those of one kb_id together."""

    def entries(self) -> Iterator[Entry]:
        """Yield the Redis keys."""

    def collections(self) -> Iterator[Collection]:
        """Yield the collections."""
