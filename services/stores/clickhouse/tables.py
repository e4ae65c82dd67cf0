"""What ClickHouse's catalogue says of KATO's tables, and whose their rows and bytes are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from services.stores.clickhouse.connect import PATTERNS, Identifier
from services.tenancy.layout import text_of
from services.usage.patterns import NEVER, NONE, Patterns
from services.usage.readings import TableInfo
from services.usage.sums import Amounts, Numbers

_SECOND = 1_000_000

_TEXT_TYPES = ("String", "LowCardinality(String)")
_TEXT_OR_NULL = ("Nullable(String)", "LowCardinality(Nullable(String))")


class Part(NamedTuple):
    """The active parts of one partition; `raw` is the partition's value, `size` in bytes.

    Of a cluster those of each shard once, under the name by which KATO knows the table.

    `deleted` tells whether rows were deleted and not yet merged away; `rows` still counts them.
    `state` is another number once any of the parts holds something else, whatever its name.
    """

    table: str
    raw: bytes
    rows: int
    size: int
    deleted: bool
    parts: int
    state: int


class Rows(NamedTuple):
    """The rows of one kb_id in one table, without those that were deleted.

    `raw` is None for rows without a kb_id. The writes are seconds since 1970, None or 0 where they
    are not known. `repeated` of the rows repeat a name that another of them has.
    """

    raw: bytes | None
    rows: int
    first_write: int | None = None
    last_write: int | None = None
    repeated: int = 0


class Shares(NamedTuple):
    """What one table holds: a column a field, in the order of `raws`, which are kb_ids.

    The writes, in seconds since 1970, None or 0 where they are not known, and the `repeated` rows
    are empty where nothing is known of any. `divided` where bytes were divided by rows.
    """

    table: str
    raws: Sequence[bytes | None]
    rows: Sequence[int]
    sizes: Sequence[int]
    first_writes: Sequence[int | None] = ()
    last_writes: Sequence[int | None] = ()
    repeated: Sequence[int] = ()
    divided: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of KATO's database, `size` in bytes; `kb_type` is empty where it has no kb_id.

    `at` is where its rows are: a Distributed table's are in a table of each server.
    """

    name: str
    engine: str
    partition_key: str
    rows: int
    size: int
    kb_type: str
    has_created: bool
    has_updated: bool
    has_name: bool
    at: tuple[str, str]

    @property
    def bound(self) -> dict[str, Identifier]:
        """What is bound to read its rows."""
        home, name = self.at
        return {"home": Identifier(home), "table": Identifier(name)}

    @property
    def counted(self) -> bool:
        """Whether it holds rows of kb_ids itself: views and the like only show those of others."""
        return bool(self.kb_type) and self.engine.endswith("MergeTree")

    @property
    def by_partition(self) -> bool:
        """Whether each of its partitions is one kb_id, whose name is the partition's text."""
        return self.counted and self.partition_key == "kb_id" and self.kb_type in _TEXT_TYPES

    @property
    def names_patterns(self) -> bool:
        """Whether its rows have a name each, and a kb_id as text."""
        return self.counted and self.has_name and self.kb_type in (*_TEXT_TYPES, *_TEXT_OR_NULL)

    def shares_of_parts(self, parts: Sequence[Part]) -> Shares:
        """Give each kb_id the rows and bytes of its partition."""
        _, raws, rows, sizes, *_ = zip(*parts, strict=True) if parts else [()] * len(Part._fields)
        return Shares(self.name, raws, rows, sizes)

    def shares(
        self, parts: Sequence[Part], rows: Sequence[Rows], stored: Mapping[bytes | None, int]
    ) -> Shares:
        """Give each kb_id its rows, and the bytes of its partition.

        Where partitions are not kb_ids, all bytes are divided by the rows `stored`, which may
        count deleted ones; if that is empty, the bytes are nobody's.
        """
        sizes: dict[bytes | None, int]
        if self.by_partition:
            sizes = {part.raw: part.size for part in parts}
        else:
            sizes = divide(sum(part.size for part in parts), stored)
        found = {row.raw: row for row in rows}
        every = [found.get(raw) or Rows(raw, 0) for raw in {**sizes, **found}]
        raws, counts, firsts, lasts, repeated = zip(*every, strict=True) if every else [()] * 5
        bytes_of_each = [sizes.get(raw, 0) for raw in raws]
        by_rows = not self.by_partition
        return Shares(self.name, raws, counts, bytes_of_each, firsts, lasts, repeated, by_rows)

    def info(self, parts: Sequence[Part]) -> TableInfo:
        """Describe it for the screen; `rows` still counts what is deleted and not merged away."""
        return TableInfo(
            name=self.name,
            engine=self.engine,
            partition_key=self.partition_key,
            has_kb_id=bool(self.kb_type),
            rows=self.rows,
            bytes=self.size,
            parts=sum(part.parts for part in parts),
            partitions=len(parts),
        )


def summed_tables(
    servers: Iterable[Sequence[Table]], faces: Mapping[str, tuple[str, str]]
) -> tuple[Table, ...]:  # fmt: skip
    """Put what one server of each shard has together: each table once, by its name.

    `faces` are the Distributed tables, each with the database and name of what it stands before:
    that has the face's name here, and the face itself has no rows.
    """
    by_place = {at: name for name, at in faces.items()}
    found = dict[str, Table]()
    for tables in servers:
        for each in tables:
            if each.name in faces and each.at not in by_place:
                continue
            table = replace(each, name=by_place.get(each.at, each.name))
            same = found.get(table.name)
            if same is not None:
                table = replace(same, rows=same.rows + table.rows, size=same.size + table.size)
            found[table.name] = table
    return tuple(found[name] for name in sorted(found))


def summed_parts(servers: Iterable[Iterable[Part]]) -> list[Part]:
    """Add up what one server of each shard has of each partition."""
    found = dict[tuple[str, bytes], Part]()
    for parts in servers:
        for each in parts:
            same = found.get((each.table, each.raw))
            found[each.table, each.raw] = each if same is None else _sum(same, each)
    return list(found.values())


def _sum(one: Part, other: Part) -> Part:
    return Part(
        one.table, one.raw, one.rows + other.rows, one.size + other.size,
        one.deleted or other.deleted, one.parts + other.parts, one.state + other.state,
    )  # fmt: skip


def divide(whole: int, weights: Mapping[bytes | None, int]) -> dict[bytes | None, int]:
    """Divide a whole number by weight so that the parts sum to it exactly (largest remainder)."""
    weight = sum(weights.values())
    if not weight:
        return {}
    parts = {key: whole * each // weight for key, each in weights.items()}
    by_remainder = sorted(
        weights, key=lambda key: (-(whole * weights[key] % weight), key is None, key or b"")
    )
    for key in by_remainder[: whole - sum(parts.values())]:
        parts[key] += 1
    return parts


def roll_up(shares: Sequence[Shares]) -> Patterns:
    """Sum every table's share of each kb_id, in the order of their names; without one first."""
    raws = {raw for each in shares for raw in each.raws}
    ranked = sorted(raw for raw in raws if raw is not None)
    named = {text_of(raw): raw for raw in ranked}  # made in the order in which they are read
    names = [*([None] if None in raws else []), *sorted(named)]
    place = {None if name is None else named[name]: at for at, name in enumerate(names)}
    counts, sizes = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    firsts, lasts = np.full(len(names), NEVER), np.full(len(names), NEVER)
    divided, rows = np.zeros(len(names), np.bool_), list[Numbers]()
    for each in shares:
        at = np.array([place[raw] for raw in each.raws], np.intp)
        rows.append(np.full(len(names), NONE))
        rows[-1][at] = each.rows
        sizes[at] += np.array(each.sizes, np.int64)
        divided[at] |= each.divided
        if each.table == PATTERNS:
            counts[at] = np.array(each.rows, np.int64) - np.array(each.repeated or 0, np.int64)
            firsts[at], lasts[at] = _moments(each.first_writes), _moments(each.last_writes)
    exactly = np.zeros(len(names))
    amounts = Amounts(counts, sizes, np.ones(len(names), np.bool_), exactly, exactly)
    return Patterns(names, amounts, firsts, lasts, [each.table for each in shares], rows, divided)


def _moments(seconds: Sequence[int | None]) -> Numbers | int:
    """Return moments in columns: 1970 is nobody's first write."""
    return np.array([s * _SECOND if s else NEVER for s in seconds], np.int64) if seconds else NEVER


def table_infos(
    tables: Iterable[Table], parts: Mapping[str, Sequence[Part]]
) -> tuple[TableInfo, ...]:
    """Describe every table."""
    return tuple(table.info(parts.get(table.name, ())) for table in tables)
