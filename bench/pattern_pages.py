"""The first page of the patterns of a kb_id with a million of them, by date and by frequency.

```
python -m bench.pattern_pages [--patterns N] [--repeat N]
```

Against loading every name and sorting on the client, the way such dashboards do it: by date, all
names with their dates out of ClickHouse; by frequency, all names and then a GET for each. So that
the ratio is not owed to the round trips alone, the same with GETs in pipelines of 1,000 is timed
too. ClickHouse is chDB in this process and Redis a Valkey beside it; all sides use the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from statistics import median

import clickhouse_connect
import redis
from clickhouse_connect.driver.client import Client

from bench.measure import fill, seconds, spread, valkey, verdict
from services.browse.models import PatternQuery, PatternSort
from services.stores.clickhouse.pages import PatternPages
from services.stores.clickhouse.query import ClickHouse
from services.stores.redis.frequencies import Frequencies

KB = "tenant_acme_user_bob_kato"
PAGE = 50
PIPELINE = 1000

_TABLE = """
CREATE TABLE kato.patterns_data (
    kb_id String, name String, pattern_data Array(Array(String)), length UInt32,
    token_set Array(String), token_count UInt32, minhash_sig Array(UInt32),
    lsh_bands Array(UInt64), first_token String, last_token String,
    created_at DateTime DEFAULT now(), updated_at DateTime DEFAULT now(),
    INDEX by_length length TYPE minmax GRANULARITY 4,
    INDEX by_token token_set TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, length, name)
"""
_FILL = """
INSERT INTO kato.patterns_data
    (kb_id, name, pattern_data, length, token_set, token_count, created_at)
SELECT {kb:String}, lower(hex(SHA1(toString(number)))), [['a', 'b'], ['c']], 1 + number % 9,
       ['a', 'b', 'c'], 3, toDateTime(1700000000) + number * 7919 % 10000000
FROM numbers({patterns:UInt64})
"""
_OTHERS = """
INSERT INTO kato.patterns_data (kb_id, name)
SELECT concat('other_', toString(number % 50), '_kato'), toString(number) FROM numbers(50000)
"""
_NAMES = "SELECT name, created_at FROM kato.patterns_data WHERE kb_id = {kb:String}"


class Stores:
    """Both stores, filled."""

    def __init__(self, path: str, client: redis.Redis, port: int, patterns: int) -> None:
        self.connect: Callable[[], Client] = lambda: clickhouse_connect.get_client(
            interface="chdb", path=path
        )
        self.clickhouse, self.redis = self.connect(), client
        self.clickhouse.command("CREATE DATABASE kato")
        self.clickhouse.command(_TABLE)
        self.clickhouse.command(_FILL, {"kb": KB, "patterns": patterns})
        self.clickhouse.command(_OTHERS)
        fill(port, self._counters())
        self.engine = ClickHouse(self.connect, database="kato")
        self.pages = PatternPages(self.engine)
        self.frequencies = Frequencies(client, pass_seconds=600)

    def _counters(self) -> Iterator[tuple[bytes, ...]]:
        """Yield a counter for each pattern: most were seen once, some a few thousand times."""
        for at, (name, _) in enumerate(self.load()):
            often = 1 + at // 1000 if at % 1000 == 0 else 1 + at % 3
            yield b"SET", f"{KB}:frequency:{name}".encode(), b"%d" % often

    def load(self) -> list[tuple[str, object]]:
        """Load every name with its date, as a client does."""
        return [(name, at) for name, at in self.clickhouse.query(_NAMES, {"kb": KB}).result_rows]


def our_page(stores: Stores, sort: PatternSort) -> list[str]:
    """Make the page as the product does."""
    query = PatternQuery((KB,), sort=sort, limit=PAGE)
    if sort is PatternSort.FREQUENT:
        rows = stores.frequencies.top(stores.pages.every(query), limit=PAGE + 1, after=None)
        return [row.name for row in stores.pages.assemble(rows, query).rows]
    page = stores.pages.page(query)
    stores.frequencies.of(page.rows)
    return [row.name for row in page.rows]


def client_by_date(stores: Stores) -> list[str]:
    """Load all names and sort them by date."""
    rows = sorted(stores.load(), key=lambda row: row[0])
    return [row[0] for row in sorted(rows, key=lambda row: row[1], reverse=True)[:PAGE]]  # type: ignore[arg-type,return-value]


def client_by_frequency(stores: Stores, *, pipeline: int) -> list[str]:
    """Load all names, get the frequency of each, and sort by it."""
    names = [name for name, _ in stores.load()]
    values: list[object] = []
    for at in range(0, len(names), pipeline):
        keys = [f"{KB}:frequency:{name}" for name in names[at : at + pipeline]]
        if pipeline == 1:
            values.append(stores.redis.get(keys[0]))
            continue
        pipe = stores.redis.pipeline(transaction=False)
        for key in keys:
            pipe.get(key)
        values += pipe.execute()
    ranked = sorted(zip(names, values, strict=True), key=lambda pair: (-int(pair[1]), pair[0]))  # type: ignore[call-overload]
    return [name for name, _ in ranked[:PAGE]]


def timed(name: str, run: Callable[[], list[str]], repeat: int) -> tuple[float, list[str]]:
    """Run it so often and return the median of the seconds, with the page."""
    page: list[str] = []
    times = [seconds(lambda: page.extend(run())) for _ in range(repeat)]
    print(f"     {name:<44} {spread(times)}")
    return median(times), page[:PAGE]


def compare(stores: Stores, repeat: int, slow: int) -> list[bool]:
    """Time each side of each sort; the pages have to be the same."""
    fast_date, ours = timed("by date", lambda: our_page(stores, PatternSort.NEWEST), repeat)
    slow_date, theirs = timed("by date, on the client", lambda: client_by_date(stores), slow)
    assert ours == theirs
    fast, ours = timed("by frequency", lambda: our_page(stores, PatternSort.FREQUENT), repeat)
    piped, theirs = timed(
        "by frequency, on the client, pipelined",
        lambda: client_by_frequency(stores, pipeline=PIPELINE), 1,
    )  # fmt: skip
    assert ours == theirs
    each, theirs = timed(
        "by frequency, on the client, a GET each",
        lambda: client_by_frequency(stores, pipeline=1), 1,
    )  # fmt: skip
    assert ours == theirs
    return [
        verdict("by date: times faster", slow_date / fast_date, at_least=20, unit="x"),
        verdict("by frequency: times faster, a GET each", each / fast, at_least=20, unit="x"),
        verdict("by frequency: times faster, pipelined", piped / fast, unit="x"),
    ]


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patterns", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--slow", type=int, default=3, help="runs of the client's sort by date")
    options = parser.parse_args()
    print(
        f"{options.patterns:,} patterns, pages of {PAGE}: median of {options.repeat}; on the "
        f"client by date of {options.slow}, by frequency 1"
    )
    with tempfile.TemporaryDirectory() as path, valkey() as server:
        client = redis.Redis(port=server.port)
        stores = Stores(path, client, server.port, options.patterns)
        met = compare(stores, options.repeat, options.slow)
        stores.engine.close()
        stores.clickhouse.close()
        client.close()
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
