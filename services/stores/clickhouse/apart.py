"""Taking a shared kb_id apart in ClickHouse: rows that are copied, proven, and erased.

Copies go into a table of the job's own, and from there by ATTACH PARTITION, which is atomic and
feeds no materialized view, into KATO's. What is erased at the old kb_id is, in the same statement,
there by content at the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.apart.evidence import Pattern
from services.apart.models import Cost
from services.errors import StoreMisconfigured, StoreRejected
from services.stores.clickhouse.connect import PATTERNS, STORE, Identifier, Names, hexed
from services.stores.clickhouse.like_table import ABOUT, make_like
from services.stores.clickhouse.mutations import await_mutations
from services.stores.clickhouse.native_blocks import ROW_HASH
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import text_of

ASIDE = "kato_tenants_apart_"
"""How the names of the jobs' own tables begin."""

_FROM = " FROM {home:Identifier}.{table:Identifier} WHERE kb_id IN {kbs:Array(String)}"
_COUNT = f"SELECT count(){_FROM}"
_NEEDED = frozenset({"kb_id", "name", "created_at", "updated_at", "pattern_data", "token_set"})
_COLUMNS = """
SELECT groupArray(name) FROM system.columns WHERE database = {db:String} AND table = {name:String}
"""
_AT = "greatest(ifNull(toUnixTimestamp(created_at), 0), ifNull(toUnixTimestamp(updated_at), 0))"
_PAGE = f"""
SELECT name, count(), max({_AT}), any(arrayFlatten(pattern_data)){_FROM}
  AND name > unhex({{after:String}}) GROUP BY name ORDER BY name LIMIT {{most:UInt32}}
"""
_COST = """
SELECT countIf(here), sumIf(bytes_on_disk, here), countIf(NOT here) FROM (
  SELECT bytes_on_disk, name IN (SELECT _part FROM {home:Identifier}.{table:Identifier}
    WHERE kb_id IN {kbs:Array(String)}) AS here
  FROM system.parts WHERE database = {db:String} AND table = {name:String} AND active)
"""
_COPY = f"""
INSERT INTO {{home:Identifier}}.{{aside:Identifier}}
SELECT * REPLACE (unhex({{new:String}}) AS kb_id)
FROM (SELECT *{_FROM} AND name IN {{names:Array(String)}})
"""  # noqa: S608  constants, here and below
_NAMED = "(SELECT name FROM {home:Identifier}.{aside:Identifier})"
_COUNTS = f"""
SELECT (SELECT (count(), uniqExact(name)) FROM {{home:Identifier}}.{{aside:Identifier}}),
  (SELECT (count(), uniqExact(name)){_FROM}),
  (SELECT count(){_FROM} AND (name, %(h)s) IN
    (SELECT name, %(h)s FROM {{home:Identifier}}.{{aside:Identifier}}))
"""  # noqa: S608
_DUE = "SELECT DISTINCT _partition_id FROM {home:Identifier}.{aside:Identifier}"
_TAKEN = f"SELECT DISTINCT _partition_id{_FROM}"
_ONE = f"""
SELECT name, any(%(h)s) AS hash{_FROM} AND name IN {{names:Array(String)}}
GROUP BY name HAVING count() = 1
"""
_SAME = f"SELECT name FROM ({_ONE}) WHERE (name, hash) IN ({_ONE.replace('{kbs:', '{into:')})"  # noqa: S608
_LEFT = f"SELECT DISTINCT name{_FROM} AND name IN {{names:Array(String)}}"
_ERASE = f"""
ALTER TABLE {{home:Identifier}}.{{table:Identifier}} DELETE
WHERE kb_id IN {{kbs:Array(String)}} AND name NOT IN {{but:Array(String)}} AND name IN {_NAMED}
  AND (name, %(h)s) IN (SELECT name, %(h)s{_FROM.replace("{kbs:", "{into:")})
"""
_NAMING = f"""
SELECT DISTINCT arrayJoin(arrayIntersect(token_set, {{names:Array(String)}})){_FROM}
"""
_DROP = "DROP TABLE IF EXISTS {home:Identifier}.{aside:Identifier} SYNC"
_PUTTING = {"async_insert": 0, "max_partitions_per_insert_block": 0}
_WAITING = {"mutations_sync": 2, "allow_nondeterministic_mutations": 1}
_ROWS = 10_000
_BOUND, _BOUND_TEXT = 5_000, 300_000  # names of one statement, and their characters
MOST_KEPT = 5_000
"""So many patterns may have been learnt again; they are named in one statement."""
_LOOKING, _WRITING, _ERASING = "looking at patterns", "copying patterns", "erasing patterns"


class RowsApart:
    """One ClickHouse. A mutation may take `seconds`. Every method raises StoreError."""

    def __init__(self, clickhouse: ClickHouse, *, seconds: float) -> None:
        self._slow, self._seconds = clickhouse.slow, seconds
        self._hash = ""

    def count(self, kb_id: str) -> int:
        """Count the rows of a kb_id."""
        (found,) = self._slow.row(_LOOKING, _COUNT, self._of(kb_id))
        return int(found)

    def pages(self, kb_id: str) -> Iterator[list[Pattern]]:
        """Yield every pattern of a kb_id, in the order of their names."""
        self._check()
        return self._pages(self._of(kb_id))

    def cost(self, kb_id: str) -> Cost:
        """Say what erasing some rows of a kb_id costs.

        Raises StoreRejected where that would take a table that other servers do not have.
        """
        self._check_engine()
        return Cost(*self._slow.row(_LOOKING, _COST, self._of(kb_id)))

    def put_aside(
        self, kb_id: str, new: str, pages: Iterable[Sequence[Pattern]], *, job: str
    ) -> None:
        """Put copies of these rows aside under a new kb_id, in place of what was there before."""
        self._check_engine()
        self.drop(job=job)
        make_like(self._slow, _WRITING, self._slow.database, PATTERNS, _aside(job))
        bound, wanted = {**self._of(kb_id, job), "new": hexed(new)}, 0
        for page in pages:
            for some in _bound([each.name for each in page]):
                self._slow.command(_WRITING, _COPY, {**bound, "names": some}, settings=_PUTTING)
            wanted += len(page)
        (rows, names), *_ = self._compared(new, job)
        if not rows == names == wanted:
            raise StoreRejected(STORE, _WRITING, f"{rows:,} rows arrived of {wanted:,}")

    def aside(self, *, job: str) -> Iterator[list[Pattern]]:
        """Yield the patterns that were put aside, in the order of their names."""
        for (kb_id,) in self._slow.rows(
            _LOOKING, "SELECT DISTINCT kb_id FROM {home:Identifier}.{aside:Identifier}",
            self._of("", job),
        ):  # fmt: skip
            yield from self._pages({**self._of(text_of(kb_id)), "table": Identifier(_aside(job))})

    def attach(self, new: str, *, job: str) -> None:
        """Let what was put aside be there, where nothing of the new kb_id is. May be repeated."""
        bound = self._of(new, job)
        taken = {at for (at,) in self._slow.rows(_WRITING, _TAKEN, bound)}
        home, table, aside = map(quote_identifier, (self._slow.database, PATTERNS, _aside(job)))
        attaching = f"ALTER TABLE {home}.{table} ATTACH PARTITION ID {{id:String}} FROM {home}."
        for (at,) in self._slow.rows(_WRITING, _DUE, bound):
            if at not in taken:
                self._slow.command(_WRITING, attaching + aside, {"id": text_of(at)})

    def proven(self, new: str, *, job: str) -> bool:
        """Whether the new kb_id has exactly what was put aside, by content."""
        put, there, alike = self._compared(new, job)
        return bool(put == there and alike == put[0] == put[1])

    def same(self, kb_id: str, new: str, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of these patterns whose one row is the same at both names."""
        return self._names(self._hashed(_SAME), {**self._of(kb_id), "into": Names([new])}, names)

    def left(self, kb_id: str, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of these patterns that a kb_id has rows of."""
        return self._names(_LEFT, self._of(kb_id), names)

    def erase(self, kb_id: str, new: str, *, but: Collection[bytes], job: str) -> None:
        """Erase the rows that were put aside and are the same at the new name, but for these.

        Raises StoreRejected where these are too many for one statement.
        """
        if len(but) > MOST_KEPT:
            raise StoreRejected(STORE, _ERASING, f"more than {MOST_KEPT:,} were learnt again")
        await_mutations(self._slow, _ERASING, seconds=self._seconds)
        kept = Names(map(text_of, sorted(but)))
        bound = {**self._of(kb_id, job), "into": Names([new]), "but": kept}
        self._slow.command(_ERASING, self._hashed(_ERASE), bound, settings=_WAITING)
        await_mutations(self._slow, _ERASING, seconds=self._seconds)  # _WAITING may not be set

    def naming(self, kb_id: str, tokens: Collection[bytes]) -> frozenset[bytes]:
        """Return those of these tokens that a pattern of a kb_id has."""
        return self._names(_NAMING, self._of(kb_id), sorted(tokens))

    def drop(self, *, job: str) -> None:
        """Remove what was put aside."""
        self._slow.command(_WRITING, _DROP, self._of("", job))

    # --- what these share ---

    def _of(self, kb_id: str, job: str = "") -> dict[str, Any]:
        table = {**self._slow.patterns(), "name": PATTERNS, "kbs": Names([kb_id])}
        return table | ({"aside": Identifier(_aside(job))} if job else {})

    def _names(
        self, query: str, bound: dict[str, Any], names: Sequence[bytes]
    ) -> frozenset[bytes]:  # fmt: skip
        """Ask a question about names, some at a time, whose answers are some of them."""
        found = set[bytes]()
        for some in _bound(names):
            found |= {
                name for (name,) in self._slow.rows(_LOOKING, query, {**bound, "names": some})
            }
        return frozenset(found)

    def _pages(self, bound: dict[str, Any]) -> Iterator[list[Pattern]]:
        last = b""
        while True:
            rows = self._slow.rows(_LOOKING, _PAGE, {**bound, "after": last.hex(), "most": _ROWS})
            page = [Pattern(name, count, at, tuple(tokens)) for name, count, at, tokens in rows]
            if page:
                yield page
                last = page[-1].name
            if len(page) < _ROWS:
                return

    def _compared(self, new: str, job: str) -> Sequence[Any]:
        return self._slow.row(_LOOKING, self._hashed(_COUNTS), self._of(new, job))

    def _check(self) -> list[str]:
        (found,) = self._slow.row(_LOOKING, _COLUMNS, {"name": PATTERNS})
        columns = [text_of(name) for name in found]
        if not _NEEDED.issubset(columns):
            reason = f"{PATTERNS} does not say when its patterns were written"
            raise StoreMisconfigured(STORE, _LOOKING, reason)
        return columns

    def _check_engine(self) -> None:
        """Refuse a table of which a mutation runs on other servers too, or on none."""
        if self._slow.cluster is not None:
            reason = f"{PATTERNS} is on several servers: without who began when, sessions go"
            raise StoreRejected(STORE, _ERASING, reason)
        bound = {"at": self._slow.database, "name": PATTERNS}
        (tables,) = self._slow.row(_LOOKING, ABOUT, bound)
        engine = text_of(tables[0][0]) if tables else "no table"
        if not engine.endswith("MergeTree") or engine.startswith(("Replicated", "Shared")):
            reason = f"{PATTERNS} is {engine}: with nothing said of who began when, sessions go"
            raise StoreRejected(STORE, _ERASING, reason)

    def _hashed(self, query: str) -> str:
        """Put in a hash over all of a row but whose it is."""
        if not self._hash:
            columns = [name for name in self._check() if name != "kb_id"]
            self._hash = ROW_HASH % ", ".join(map(quote_identifier, columns))
        return query % {"h": self._hash}


def _aside(job: str) -> str:
    return ASIDE + hashlib.sha256(job.encode()).hexdigest()[:24]


def _bound(names: Sequence[bytes]) -> Iterator[Names]:
    """Bind names, as many at a time as one statement takes."""
    some, size = list[str](), 0
    for name in names:
        text = text_of(name)
        length = len(Names([text]))  # a byte of a name may be four there
        if some and (len(some) == _BOUND or size + length > _BOUND_TEXT):
            yield Names(some)
            some, size = [], 0
        some.append(text)
        size += length
    if some:
        yield Names(some)
