"""Writing a table's rows out of an archive: aside first, proven there, then attached at once.

The rows go into a staging table of the same structure, each chunk with its own deduplication token,
so that one that is sent again is there once. There they are counted and hashed; a partition of
theirs is attached where the table has no row of these owners in it. Attaching is atomic, replaces
nothing, and feeds no materialized view: what views made of the rows is in the archive itself, as
the rows of the tables that they fill.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.archive.models import Part, Print
from services.errors import StoreRejected
from services.restore.models import STAGING, Misfit, RowsWritten, Unfit
from services.stores.clickhouse.connect import STORE, Identifier, Names
from services.stores.clickhouse.ddl import WAITS, on_cluster, run
from services.stores.clickhouse.like_table import ABOUT, make_like
from services.stores.clickhouse.native_blocks import Sums
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.told import Told
from services.tenancy.layout import text_of

_COLUMNS = """
SELECT groupArray((name, type)) FROM system.columns
WHERE database = {at:String} AND table = {name:String}
"""
_STAGED = "SELECT database, name FROM system.tables WHERE name IN {names:Array(String)}"
_DROP = "DROP TABLE IF EXISTS {at:Identifier}.{staging:Identifier}%s SYNC"
_KEPT = {"max_partitions_per_insert_block": 0, "async_insert": 0}
_WRITING = "writing rows"


class RowWriting:
    """Writes rows into one ClickHouse. Every method raises StoreError."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._asking, self._slow = clickhouse.asking, clickhouse.slow

    def misfit(self, part: Part) -> Misfit | None:
        """Say why a table does not take these rows; None where it does. Nothing is changed."""
        (tables,) = self._asking.row(_WRITING, ABOUT, self._named(part))
        if not tables:
            return Misfit(part.name, Unfit.NO_TABLE)
        if self._is_spread(part):
            return Misfit(part.name, Unfit.SHARDS)
        if not text_of(tables[0][0]).endswith("MergeTree"):
            return Misfit(part.name, Unfit.ENGINE)
        there = self._types(part)
        for column in part.columns:
            if column.name not in there:
                return Misfit(part.name, Unfit.COLUMN, column.name)
            if column.type != there[column.name]:
                return Misfit(part.name, Unfit.TYPE, column.name)
        told = part.description.get("told_by")
        return None if told in there else Misfit(part.name, Unfit.OWNER)

    def there(self, part: Part, names: Mapping[str, str]) -> Print:
        """Return the rows that the table has of the new names, hashed as those of the old ones."""
        return _whole(self._prints(part, Told.of(part, names), part.description["table"]))

    def stage(
        self, part: Part, names: Iterable[str], chunks: Iterable[tuple[int, bytes]], *, job: str
    ) -> None:
        """Put chunks, by their numbers in the archive, into a staging table, and prove them there.

        It may be repeated. Raises StoreRejected where the rows are not those of the archive, or
        not all of these names.
        """
        staging = _staging(part, job)
        self._make(part, staging)
        columns = [column.name for column in part.columns]
        for number, content in chunks:
            token = {"insert_deduplication_token": f"{staging}-{number}", **_KEPT}
            self._slow.insert_raw(
                _WRITING, (str(self._at(part)["at"]), staging), columns, content, settings=token
            )
        if not self._is_staged(part, names, staging):
            self.drop(part, job=job)
            raise StoreRejected(STORE, _WRITING, "the rows that arrived are not the archive's")

    def attach(self, part: Part, names: Mapping[str, str], *, job: str) -> RowsWritten:
        """Attach what is staged, each partition where the table has no row of these owners in it.

        One that has exactly these rows is what an earlier try attached. It may be repeated.
        """
        staging, told = _staging(part, job), Told.of(part, names)
        if told.renames:
            staging = self._renamed(part, told, staging)
        due = self._prints(part, told, staging)
        found = self._prints(part, told, part.description["table"])
        written = there = kept = 0
        for at, rows in due.items():
            before = found.get(at)
            if before is None:
                self._slow.command(_WRITING, self._attaching(part, staging), {"id": at})
                written += rows.count
            elif before == rows:
                there += rows.count
            else:
                kept += rows.count
        return RowsWritten(written, there, kept)

    def finish(self, part: Part, names: Mapping[str, str], *, job: str) -> None:
        """Attach the rest where a part was attached by halves; nothing where none of it was.

        Nor where not all of it is staged: then nothing was attached. May be repeated.
        """
        if self.there(part, names).count:
            staging = _staging(part, job)
            self._make(part, staging)
            if self._is_staged(part, names, staging):
                self.attach(part, names, job=job)

    def drop(self, part: Part, *, job: str) -> None:
        """Drop the staging tables of a part, if they are there."""
        for staging in _stagings(part.name, job):
            bound = {**self._at(part), "staging": Identifier(staging)}
            self._drop(bound)

    def drop_all(self, parts: Iterable[str], *, job: str) -> int:
        """Drop the staging tables of a job by the names of parts; return how many there were.

        For one whose archive cannot be read any more, which says where each table is.
        """
        names = [name for part in parts for name in _stagings(part, job)]
        if not names:
            return 0
        found = self._asking.rows(_WRITING, _STAGED, {"names": Names(names)})
        for at, name in [(text_of(at), text_of(name)) for at, name in found]:
            bound = {"at": Identifier(at), "staging": Identifier(name)}
            self._drop(bound)
        return len(found)

    def mentions(self, part: Part, names: Iterable[str], *, job: str) -> int:
        """Count the staged rows whose text, other than whose they are, has one of these names."""
        told = Told.of(part, {name: name for name in names})
        if not told.texts:
            return 0
        bound = {**self._at(part), **told.bound, "source": Identifier(_staging(part, job))}
        (count,) = self._slow.row(_WRITING, told.mentions, bound)
        return int(count)

    def _is_staged(self, part: Part, names: Iterable[str], staging: str) -> bool:
        """Whether exactly a part's rows are staged, and all of them are of these names."""
        told = Told.of(part, {name: name for name in names})
        of_names = _whole(self._prints(part, told, staging))
        everything = _whole(self._prints(part, told.everyone, staging))
        expected = Print(part.count, part.fingerprint or everything.fingerprint)
        return of_names == everything == expected

    def _is_spread(self, part: Part) -> bool:
        """Whether a partition that is attached to one server would be in a shard of several."""
        if self._asking.cluster is None:
            return False
        servers, faces = self._asking.spread.about(_WRITING)
        return part.description["table"] in faces or len({each.shard for each in servers}) > 1

    # --- what these share -------------------------------------------------------------------------

    def _at(self, part: Part) -> dict[str, Any]:
        """Return where a part's table is here: KATO's own database may have another name."""
        about = part.description
        home = self._asking.database if about["here"] else about["database"]
        return {"at": Identifier(home), "name": Identifier(about["table"])}

    def _named(self, part: Part) -> dict[str, str]:
        """Return the same to be compared with text."""
        return {name: str(each) for name, each in self._at(part).items()}

    def _quoted(self, part: Part, staging: str) -> tuple[str, str]:
        """Return a part's table and its staging table, for statements that take no bound names."""
        at, name = (quote_identifier(str(each)) for each in self._at(part).values())
        return f"{at}.{name}", f"{at}.{quote_identifier(staging)}"

    def _attaching(self, part: Part, staging: str) -> str:
        table, source = self._quoted(part, staging)
        return f"ALTER TABLE {table} ATTACH PARTITION ID {{id:String}} FROM {source}"

    def _types(self, part: Part) -> dict[str, str]:
        (columns,) = self._asking.row(_WRITING, _COLUMNS, self._named(part))
        return {text_of(name): text_of(of_type) for name, of_type in columns}

    def _drop(self, bound: Mapping[str, Any]) -> None:
        statement = _DROP % on_cluster(self._slow)
        run(self._slow, _WRITING, statement, bound, seconds=WAITS)

    def _make(self, part: Part, staging: str) -> None:
        make_like(self._slow, _WRITING, **self._named(part), made=staging)

    def _renamed(self, part: Part, told: Told, staging: str) -> str:
        """Copy what is staged under the new names, into another table like it; return its name."""
        renamed = staging + _RENAMED
        bound = {**self._at(part), "staging": Identifier(renamed)}
        self._drop(bound)
        self._make(part, renamed)
        bound |= told.bound | {"source": Identifier(staging)}
        self._slow.command(_WRITING, told.copying, bound, settings=_KEPT)
        return renamed

    def _prints(self, part: Part, told: Told, table: str) -> dict[str, Print]:
        """Return the rows of each partition of a table, by its id."""
        bound = {**self._at(part), **told.bound, "source": Identifier(table)}
        (found,) = self._slow.row(_WRITING, told.prints, bound)
        return {
            text_of(at): Print(count, Sums(count, low, high).fingerprint)
            for at, count, low, high in found
        }


_RENAMED = "_renamed"


def _staging(part: Part, job: str) -> str:
    return _stagings(part.name, job)[0]


def _stagings(part: str, job: str) -> tuple[str, str]:
    """Return the names of a part's staging tables: a random id of a job is in them."""
    staging = STAGING + hashlib.sha256(f"{job} {part}".encode()).hexdigest()[:24]
    return staging, staging + _RENAMED


def _whole(prints: Mapping[str, Print]) -> Print:
    """Add up what partitions come to."""
    low = sum(int(each.fingerprint[:16], 16) for each in prints.values())
    high = sum(int(each.fingerprint[16:], 16) for each in prints.values())
    count = sum(each.count for each in prints.values())
    return Print(count, Sums(count, low, high).fingerprint)
