"""What ClickHouse's catalogue says of KATO's tables, and whose their rows and bytes are. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from services.figures import Amount
from services.tenancy.layout import text_of
from services.usage.readings import PatternUsage, TableInfo

PATTERNS = "patterns_data"

_TEXT_TYPES = ("String", "LowCardinality(String)")
_TEXT_OR_NULL = ("Nullable(String)", "LowCardinality(Nullable(String))")


class Part(NamedTuple):
    """The active parts of one partition; `raw` is the partition's value, `size` in bytes.

    `deleted` tells whether rows were deleted and not yet merged away; `rows` still counts them.
    `state` is another number once any of the parts is another one.
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


class Share(NamedTuple):
    """What one table holds of one kb_id; `divided` where its bytes were divided by rows."""

    table: str
    kb_id: str | None
    rows: int
    size: int
    first_write: datetime | None = None
    last_write: datetime | None = None
    divided: bool = False
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table of KATO's database, `size` in bytes; `kb_type` is empty where it has no kb_id."""

    name: str
    engine: str
    partition_key: str
    rows: int
    size: int
    kb_type: str
    has_created: bool
    has_updated: bool
    has_name: bool

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

    def shares_of_parts(self, parts: Sequence[Part]) -> list[Share]:
        """Give each kb_id the rows and bytes of its partition."""
        return [Share(self.name, text_of(part.raw), part.rows, part.size) for part in parts]

    def shares(
        self, parts: Sequence[Part], rows: Sequence[Rows], stored: Mapping[bytes | None, int]
    ) -> list[Share]:
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
        return [
            self._share(found.get(raw) or Rows(raw, 0), sizes.get(raw, 0))
            for raw in {**sizes, **found}
        ]

    def _share(self, rows: Rows, size: int) -> Share:
        return Share(
            self.name,
            None if rows.raw is None else text_of(rows.raw),
            rows.rows,
            size,
            _moment(rows.first_write),
            _moment(rows.last_write),
            divided=not self.by_partition,
            repeated=rows.repeated,
        )

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


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


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


def roll_up(shares: Iterable[Share]) -> tuple[PatternUsage, ...]:
    """Sum every table's share of each kb_id, in the order of their names; without one first."""
    by_kb: dict[str | None, list[Share]] = defaultdict(list)
    for share in shares:
        by_kb[share.kb_id].append(share)
    order = sorted(by_kb, key=lambda kb_id: (kb_id is not None, kb_id or ""))
    return tuple(_usage(kb_id, by_kb[kb_id]) for kb_id in order)


def _usage(kb_id: str | None, shares: Sequence[Share]) -> PatternUsage:
    rows, size, divided, patterns = dict[str, int](), 0, False, None
    for share in shares:  # one plain loop: there are as many of these as kb_ids
        rows[share.table] = share.rows
        size += share.size
        divided = divided or share.divided
        if share.table == PATTERNS:
            patterns = share
    return PatternUsage(
        kb_id=kb_id,
        amount=Amount(rows.get(PATTERNS, 0) - (patterns.repeated if patterns else 0), size),
        first_write=patterns.first_write if patterns else None,
        last_write=patterns.last_write if patterns else None,
        rows_by_table=rows,
        bytes_shared_out=divided,
    )


def table_infos(
    tables: Iterable[Table], parts: Mapping[str, Sequence[Part]]
) -> tuple[TableInfo, ...]:
    """Describe every table."""
    return tuple(table.info(parts.get(table.name, ())) for table in tables)
