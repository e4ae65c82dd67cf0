"""What an archive says of itself: head, parts, chunks, manifest. Frozen values. Pure.

Names are those of KATO and may hold any bytes, as `services.tenancy.layout.text_of` decodes them;
their JSON is ASCII. Counts are of rows, keys, points or records; bytes are bytes of content,
before compression; times are aware datetimes in UTC.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from services.figures import Measure
from services.purge.models import LeftOut, Target

FORMAT = "kato-tenants archive"
"""What every archive's head begins with."""

VERSION = 1
"""The version of the format that is written, and the only one that is read."""

CHUNK_BYTES = 16 * 1024 * 1024
"""So many bytes of content a chunk has at most."""


class Format(StrEnum):
    """How the content of a part is written."""

    NATIVE = "native"  # ClickHouse's FORMAT Native: one or more whole blocks a chunk
    PARQUET = "parquet"  # one whole Parquet file a chunk
    JSON_LINES = "jsonl"  # one key, point or record a line


@dataclass(frozen=True, slots=True)
class Head:
    """The first member, in clear text: nothing of the tenants' is in it."""

    archive_id: str
    created_at: datetime
    product: str
    encrypted: bool
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, with its type as ClickHouse writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Part:
    """All of one kind: `clickhouse/<database>.<table>`, `redis/keys`, `qdrant/<collection>`, ….

    `count` and `bytes` are sums over its chunks. `fingerprint` is a hash of the content that does
    not depend on the order, empty where there is none: of JSON Lines as `Fingerprint` reckons it,
    of a table as its ClickHouse does (`services.stores.clickhouse.archive`). `columns` are those
    that were read, in order; `description` is what it takes to make the like of it anew (a
    table's engine and keys, a collection's configuration).
    """

    name: str
    format: Format
    count: int = 0
    bytes: int = 0
    fingerprint: str = ""
    columns: tuple[Column, ...] = ()
    description: Mapping[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> str:
        """The store that it is of: `clickhouse`, `redis`, `qdrant` or `records`."""
        return self.name.partition("/")[0]


class Fingerprint:
    """Hashes lines whatever their order: the sum of their SHA-256, modulo 2**256.

    Equal lines count as often as they are there, unlike with an exclusive or.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, line: bytes) -> None:
        """Take in one line, without its end."""
        self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")

    def __str__(self) -> str:
        return f"{self._sum % 2**256:064x}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One member with content: a piece of one part.

    `number` counts from 1 over the whole archive. `sha256` is of the content, `stored_sha256` of
    the member's bytes, which are `stored_bytes`.
    """

    number: int
    part: str
    count: int
    bytes: int
    sha256: str
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk's content on its way into an archive: `count` rows, keys, points or records.

    The last of each part has no content: it says the part's `fingerprint`, its `state` (`Print`),
    and describes it as it turned out to be.
    """

    part: Part
    content: bytes = b""
    count: int = 0
    fingerprint: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Print:
    """How much there is of a part in a store, and its fingerprint there, empty for none.

    As long as the store says the same `state` again, nothing was written; empty where it does not
    tell.
    """

    count: int
    fingerprint: str
    state: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was otherwise after the archive was taken than before; None is unknown."""

    store: Measure
    owner: str
    kind: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last member but the trailer: everything that is in the archive, and what is not.

    `kb_ids`, `node_ids`, `tenant_ids` and `collections` are the names that it was taken by.
    `left_out` is shared or only inferred and is not in it, `taken` is and is in it since it was
    asked for by name; `disclosed` cannot be told apart by tenant. `quiesced` is whether sessions
    were ended first; `changes` is what two looks, before and after, saw otherwise. `absent` are
    stores that are not configured. `head_sha256` is of the head's bytes.
    """

    archive_id: str
    started_at: datetime
    ended_at: datetime
    target: Target
    kb_ids: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    tenant_ids: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    taken: tuple[LeftOut, ...] = ()
    disclosed: tuple[str, ...] = ()
    quiesced: bool = False
    changes: tuple[Change, ...] = ()
    absent: tuple[Measure, ...] = ()
    head_sha256: str = ""

    def part(self, name: str) -> Part | None:
        """Return the part of that name, None where there is none."""
        return next((part for part in self.parts if part.name == name), None)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a place for archives, in bytes; `changed_at` is None where nobody says."""

    name: str
    bytes: int
    changed_at: datetime | None = None


class State(StrEnum):
    """How far an archive is."""

    TAKING = "being taken"
    PROVEN = "proven"  # read back whole, every hash as it was written
    FAILED = "failed"  # nothing of it is kept
    BROKEN = "broken"  # it was whole, and is not any more
    REMOVED = "removed"  # its file was deleted


@dataclass(frozen=True, slots=True)
class Archive:
    """What this product's records know of an archive.

    `place` is where it is, `name` the file there; `bytes` and `sha256` are the file's. `counts`
    are what each part has. `tenants` are those whose data is in it, as `kind/id`. `proven_at` is
    when it was last read back whole. `left_out` is None for who is not told. `digest` is the plan's
    that it was taken by, `job` the job that took it. `problem` says why it failed or is broken.
    `removed_by` is who removed its file by hand, `removed_for` why: empty where a rule did.
    """

    id: str
    target: Target
    tenants: tuple[str, ...]
    place: str
    name: str
    state: State
    by: str
    created_at: datetime
    digest: str = ""
    reason: str = ""
    job: str = ""
    ended_at: datetime | None = None
    proven_at: datetime | None = None
    bytes: int = 0
    sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    encrypted: bool = False
    quiesced: bool = False
    changes: int = 0
    left_out: int | None = 0
    problem: str = ""
    removed_at: datetime | None = None
    removed_by: str = ""
    removed_for: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that is not in its store as it is in an archive; None where it could not be asked."""

    part: str
    archived: int
    there: int | None
    same_content: bool | None


_ARCHIVE = TypeAdapter(Archive)


def archive_text(archive: Archive) -> str:
    """Write what the records keep of an archive."""
    return ascii_json(_ARCHIVE.dump_python(archive, mode="json")).decode("ascii")


def archive_of(text: str) -> Archive:
    """Read what `archive_text` wrote."""
    return _ARCHIVE.validate_python(json.loads(text))


def ascii_json(value: object) -> bytes:
    """Write a value as JSON without a byte above ASCII, whatever the names in it hold."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
