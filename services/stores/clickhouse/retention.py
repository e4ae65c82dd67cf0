"""Old patterns in ClickHouse: how many rows, which parts erasing them rewrites, and erasing them.

`updated_at` is when KATO wrote a row. A pattern that it learns again it counts in Redis alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.errors import StoreMisconfigured
from services.retention.models import PartCost
from services.retention.ports import CutoffOf, OldPatterns, PatternsFound
from services.stores.clickhouse.connect import PATTERNS, STORE, Names, hexed
from services.stores.clickhouse.ddl import flush, on_cluster, run
from services.stores.clickhouse.mutations import await_mutations
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of

_OLD = "kb_id IN {kbs:Array(String)} AND toUnixTimestamp(updated_at) < {cutoff:Int64}"
_COLUMNS = """
SELECT countIf(name IN ('kb_id', 'name', 'updated_at', 'token_set')) FROM system.columns
WHERE database = {at:String} AND table = {name:String}
"""
_KBS = "SELECT kb_id, count() FROM {home:Identifier}.{table:Identifier} GROUP BY kb_id"
_DUE = f"""
SELECT kb_id, _part, count() FROM {{home:Identifier}}.{{table:Identifier}}
WHERE {_OLD} GROUP BY kb_id, _part
"""  # noqa: S608  bound names and numbers alone
_PARTS = """
SELECT name, rows, bytes_on_disk FROM system.parts
WHERE database = {at:String} AND table = {name:String} AND active
"""
_NAMES = """
SELECT name, any(token_set) FROM {home:Identifier}.{table:Identifier}
WHERE kb_id = unhex({kb:String}) AND name > unhex({after:String}) GROUP BY name
HAVING max(toUnixTimestamp(updated_at)) < {cutoff:Int64} ORDER BY name
LIMIT {most:UInt32}
"""
_ALTER, _DELETE = "ALTER TABLE {home:Identifier}.{table:Identifier}", f" DELETE WHERE {_OLD}"
_NEEDED = 4
_PAGE = 5000
_SYNC = {"mutations_sync": 2}
_LOOKING, _ERASING = "looking for old patterns", "erasing old patterns"


class PatternKeeping:
    """Looks for and erases old patterns in one ClickHouse.

    A mutation may take `seconds`. Every method raises StoreUnavailable, StoreDenied,
    StoreMisconfigured (for a table that does not say when its rows were written) or StoreRejected.
    """

    def __init__(self, clickhouse: ClickHouse, *, seconds: float) -> None:
        self._asking, self._slow = clickhouse.asking, clickhouse.slow
        self._seconds = seconds

    def look(self, cutoff_of: CutoffOf, counted: Callable[[str], bool]) -> PatternsFound:
        """Count rows, and say which parts erasing them rewrites. `counted` only are counted."""
        self._check()
        flush(self._slow, _LOOKING, seconds=self._seconds)
        rows = {text_of(kb_id): count for kb_id, count in self._ask(_KBS)}
        cutoffs = {kb_id: cutoff for kb_id in rows if (cutoff := cutoff_of(kb_id)) is not None}
        due, of_parts = self._due(cutoffs)
        there = [kb_id for kb_id in rows if kb_id in cutoffs or counted(kb_id)]
        found = {kb_id: OldPatterns(rows[kb_id], due.get(kb_id, 0)) for kb_id in there}
        parts = self._parts() if of_parts else ()
        costs = tuple(_costs(parts, of_parts))
        return PatternsFound(found, costs, cloned=len(parts) - len(costs))

    def old(self, kb_id: str, cutoff: datetime) -> Iterator[Mapping[bytes, Sequence[bytes]]]:
        """Yield the names, with their symbols, of patterns of which every row is old."""
        last = b""
        while True:
            page = self._ask(
                _NAMES, kb=hexed(kb_id), cutoff=_seconds_of(cutoff), most=_PAGE, after=last.hex()
            )
            if page:
                yield {bytes(name): symbols for name, symbols in page}
                last = page[-1][0]
            if len(page) < _PAGE:
                return

    def erase(self, kb_ids: Collection[str], cutoff: datetime) -> None:
        """Erase rows written before, by one mutation that is waited for.

        What an earlier try left running is waited for first. It is one for all kb_ids: a mutation
        of one partition clones the parts of every other as well (by hard links).
        """
        await_mutations(self._asking, _ERASING, seconds=self._seconds)
        bound = {"kbs": Names(sorted(kb_ids)), "cutoff": _seconds_of(cutoff)}
        run(
            self._slow, _ERASING, f"{_ALTER}{on_cluster(self._slow)}{_DELETE}",
            {**self._table(), **bound}, settings=_SYNC, seconds=self._seconds,
        )  # fmt: skip
        await_mutations(self._asking, _ERASING, seconds=self._seconds)

    def _due(self, cutoffs: Mapping[str, datetime]) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Count old rows by kb_id and by part: one query for each cutoff, which are few."""
        by_cutoff = defaultdict[datetime, list[str]](list)
        for kb_id, cutoff in cutoffs.items():
            by_cutoff[cutoff].append(kb_id)
        due, parts = defaultdict[str, int](int), defaultdict[str, int](int)
        for cutoff, kb_ids in by_cutoff.items():
            rows = self._ask(_DUE, kbs=Names(kb_ids), cutoff=_seconds_of(cutoff))
            for kb_id, part, count in rows:
                due[text_of(kb_id)] += count
                parts[text_of(part)] += count
        return due, parts

    def _parts(self) -> list[tuple[bytes, int, int]]:
        """Return name, rows and bytes of each part; those of a name on several shards as one."""
        found = dict[bytes, tuple[int, int]]()
        for parts in self._asking.each(_LOOKING, _PARTS, self._table()):
            for name, rows, size in parts:
                same = found.get(name, (0, 0))
                found[name] = (same[0] + rows, same[1] + size)
        return [(name, *figures) for name, figures in found.items()]

    def _check(self) -> None:
        (found,) = self._asking.row(_LOOKING, _COLUMNS, self._table())
        if found != _NEEDED:
            reason = f"{PATTERNS} has no updated_at: when its patterns were written is not told"
            raise StoreMisconfigured(STORE, _LOOKING, reason)

    def _ask(self, query: str, **bound: Any) -> Sequence[Sequence[Any]]:
        return self._asking.rows(_LOOKING, query, {**self._table(), **bound})

    def _table(self) -> dict[str, Any]:
        there = self._asking.patterns()
        return {**there, "at": str(there["home"]), "name": str(there["table"])}


def _costs(parts: Sequence[Sequence[Any]], due: Mapping[str, int]) -> Iterator[PartCost]:
    for name, rows, size in parts:
        part = text_of(name)
        if part in due:
            yield PartCost(part, rows, size, due[part])


def _seconds_of(at: datetime) -> int:
    return int(at.timestamp())
