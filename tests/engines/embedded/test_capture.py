"""Capture directories: loaded whole and exactly, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import redis
from clickhouse_connect.driver.client import Client
from qdrant_client import QdrantClient, models
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.embedded.capture import read as capture
from services.embedded.capture.read import Capture
from services.embedded.errors import CaptureError, DataPresent
from services.embedded.sample.fleet import fleet
from services.embedded.write.dataset import Collection, Entry, KeyType, Point, Row
from services.embedded.write.stores import LoadReport, Targets, write
from services.errors import (
    StoreNotConfigured,
    StoreRejected,
    StoreUnavailable,
)
from services.tenancy.layout import bytes_of
from tests.conftest import CAPTURE, capture_rows
from tests.servers.faults import free_port

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    """Empty engines, and how to load into them."""

    clickhouse: Client
    redis: redis.Redis
    qdrant: QdrantClient

    def load(self, directory: Path = CAPTURE, *, merge: bool = False) -> LoadReport:
        """Load a capture directory."""
        return capture.load(
            directory,
            clickhouse=self.clickhouse,
            redis=self.redis,
            qdrant=self.qdrant,
            database=self.database,
            merge=merge,
        )

    @property
    def database(self) -> str:
        """The database of this test."""
        return str(self.clickhouse.database)

    @property
    def targets(self) -> Targets:
        """The engines, to write into."""
        return Targets(self.clickhouse, self.redis, self.qdrant, self.database)

    def count(self, table: str = "patterns_data") -> int:
        """How many rows a table has; 0 when it is not there."""
        query = "SELECT sum(total_rows) FROM system.tables WHERE database = {d:String} AND name = {t:String}"  # noqa: E501
        found = self.clickhouse.query(query, parameters={"d": self.database, "t": table})
        return int(found.result_rows[0][0] or 0)

    def assert_empty(self) -> None:
        """Nothing was written at all."""
        assert (self.count(), self.redis.dbsize()) == (0, 0)
        assert self.qdrant.get_collections().collections == []


@pytest.fixture
def stores(clickhouse: Client, valkey: redis.Redis, qdrant: QdrantClient) -> Stores:
    """Real engines, empty; the database has no tables yet."""
    return Stores(clickhouse, valkey, qdrant)


def value_of(client: redis.Redis, key: bytes, kind: str) -> Any:
    """What a key holds, as a capture shows it."""
    if kind == "string":
        return client.get(key).decode()  # type: ignore[union-attr]
    if kind == "hash":
        return {k.decode(): v.decode() for k, v in client.hgetall(key).items()}
    if kind == "set":
        return {member.decode() for member in client.smembers(key)}
    items: Any = client.xrange(key)
    return [[i.decode(), {k.decode(): v.decode() for k, v in f.items()}] for i, f in items]


def test_the_recorded_capture_is_loaded_to_the_last_key(stores: Stores) -> None:
    """136 patterns, 2,343 keys, 12 collections; each key with its type, value and TTL."""
    report = stores.load()
    assert (report.patterns, report.keys, report.collections) == (136, 2343, 12)
    assert report.points == sum(len(c["points"]) for c in capture_rows("qdrant.jsonl"))
    assert report.skipped == 0
    assert "136 patterns, 2,343 keys and 12 collections" in str(report)
    assert stores.count() == 136
    assert stores.redis.dbsize() == 2343
    for row in capture_rows("redis.jsonl"):
        key, kind, expected = row["key"].encode(), row["type"], row["value"]
        assert stores.redis.type(key).decode() == kind
        left = stores.redis.pttl(key)
        assert left == -1 if row["pttl"] == -1 else row["pttl"] - 60_000 < left <= row["pttl"]
        assert value_of(stores.redis, key, kind) == (set(expected) if kind == "set" else expected)


def test_the_rows_are_as_recorded(stores: Stores) -> None:
    """Every column of every row."""
    stores.load()
    recorded = {row["name"]: row for row in capture_rows("clickhouse_patterns_data.jsonl")}
    found = stores.clickhouse.query(
        "SELECT *, toString(created_at, 'UTC') AS c, toString(updated_at, 'UTC') AS u "
        "FROM patterns_data"
    )
    for row in found.named_results():
        expected = recorded.pop(row["name"])
        for column in expected.keys() - {"created_at", "updated_at"}:
            assert row[column] == expected[column]
        assert row["c"] == expected["created_at"].replace("T", " ")
        assert row["u"] == expected["updated_at"].replace("T", " ")
    assert recorded == {}


def test_the_tables_are_katos(stores: Stores) -> None:
    """A partition for each kb_id, the order, and the skip indexes."""
    stores.load()
    found = stores.clickhouse.query(
        "SELECT name, engine, partition_key, sorting_key FROM system.tables "
        "WHERE database = {d:String} ORDER BY name",
        parameters={"d": stores.database},
    )
    assert found.result_rows == [
        ("lsh_buckets", "MergeTree", "kb_id", "kb_id, band_index, band_hash"),
        ("pattern_stats", "MergeTree", "kb_id", "kb_id, date"),
        ("patterns_data", "MergeTree", "kb_id", "kb_id, length, name"),
    ]
    indexes = stores.clickhouse.query(
        "SELECT expr, type FROM system.data_skipping_indices WHERE database = {d:String} "
        "ORDER BY expr",
        parameters={"d": stores.database},
    )
    expected = [("length", "minmax"), ("token_count", "minmax"), ("token_set", "bloom_filter")]
    assert indexes.result_rows == expected


def test_the_vectors_are_as_recorded(stores: Stores) -> None:
    """Size, metric, ids, vectors and payloads."""
    stores.load()
    for row in capture_rows("qdrant.jsonl"):
        params = stores.qdrant.get_collection(row["collection"]).config.params.vectors
        assert isinstance(params, models.VectorParams)
        assert (params.size, params.distance.value) == (row["size"], row["distance"])
        points, _ = stores.qdrant.scroll(row["collection"], limit=100, with_vectors=True)
        found = {str(point.id): point for point in points}
        assert found.keys() == {point["id"] for point in row["points"]}
        for point in row["points"]:
            assert found[point["id"]].payload == point["payload"]
            assert found[point["id"]].vector == pytest.approx(point["vector"], abs=1e-6)


def put_row(stores: Stores) -> None:
    stores.clickhouse.command("CREATE TABLE other (a UInt8) ENGINE = MergeTree ORDER BY a")
    stores.clickhouse.command("INSERT INTO other VALUES (1)")


def put_key(stores: Stores) -> None:
    stores.redis.set("mine", "1")


def put_collection(stores: Stores) -> None:
    vectors = models.VectorParams(size=2, distance=models.Distance.DOT)
    stores.qdrant.create_collection("mine", vectors_config=vectors)


@pytest.mark.parametrize(
    ("put", "said"),
    [(put_row, "1 rows"), (put_key, "1 Redis keys"), (put_collection, "1 collections")],
)
def test_it_refuses_to_mix_into_data_of_any_store(
    stores: Stores, put: Callable[[Stores], None], said: str
) -> None:
    """One row, key or collection is enough, and nothing is written to the others."""
    put(stores)
    with pytest.raises(DataPresent, match=said):
        stores.load()
    assert stores.count() == 0
    assert stores.redis.dbsize() == (put is put_key)
    assert len(stores.qdrant.get_collections().collections) == (put is put_collection)
    assert stores.load(merge=True).patterns == 136


def test_merging_twice_adds_nothing_twice(stores: Stores) -> None:
    """Rows and entries that are there are skipped, and counted as such."""
    stores.load()
    before = stores.redis.xlen("stm:global")
    report = stores.load(merge=True)
    assert report.patterns == 0
    assert report.skipped == 136 + 2 * before
    assert stores.count() == 136
    assert stores.redis.xlen("stm:global") == before
    assert stores.redis.dbsize() == 2343


def test_merging_deletes_nothing(stores: Stores) -> None:
    """Members and fields of one's own stay; lists stay as they are."""
    index = "kato:session:_active_index"
    stores.redis.sadd(index, "mine")
    stores.redis.rpush("queue", "first")
    entry = Entry("queue", KeyType.LIST, ("second",))
    stores.load(merge=True)
    assert stores.redis.sismember(index, "mine")
    report = write(Only(entries=(entry,)), stores.targets, merge=True)
    assert (report.keys, report.skipped) == (0, 1)
    assert stores.redis.lrange("queue", 0, -1) == [b"first"]


def test_merging_into_a_key_of_another_type_is_refused(stores: Stores) -> None:
    """It would destroy what is there."""
    stores.redis.hset("user_zed_kato:global:total_unique_patterns", "a", "b")
    with pytest.raises(StoreRejected, match="another type"):
        stores.load(merge=True)


def test_merging_into_a_collection_of_other_vectors_is_refused(stores: Stores) -> None:
    """They could not be compared."""
    vectors = models.VectorParams(size=3, distance=models.Distance.EUCLID)
    name = capture_rows("qdrant.jsonl")[0]["collection"]
    stores.qdrant.create_collection(name, vectors_config=vectors)
    with pytest.raises(StoreRejected, match="other vectors"):
        stores.load(merge=True)


class Only:
    """A dataset of what a test gives it."""

    def __init__(
        self,
        *,
        rows: tuple[Row, ...] = (),
        entries: tuple[Entry, ...] = (),
        collections: tuple[Collection, ...] = (),
    ) -> None:
        self.given = (rows, entries, collections)

    def rows(self) -> Iterator[Row]:
        return iter(self.given[0])

    def entries(self) -> Iterator[Entry]:
        return iter(self.given[1])

    def collections(self) -> Iterator[Collection]:
        return iter(self.given[2])


def test_every_type_of_key_survives_a_round_trip(stores: Stores, tmp_path: Path) -> None:
    """Names of any bytes too, and more members than fit one command."""
    many = tuple(str(number) for number in range(12_000))
    entries = (
        Entry("plain \udcff\udc80", KeyType.STRING, "caf\u00e9 \udcfe", 90_000),
        Entry("h", KeyType.HASH, {"a": "1", "b:*": ""}),
        Entry("s", KeyType.SET, many, 80_000),
        Entry("l", KeyType.LIST, ("b", "a", "b")),
        Entry("z", KeyType.ZSET, (("a", 1.5), ("b", -2.0))),
        Entry("x", KeyType.STREAM, (("5-1", {"a": "b"}), ("5-2", {"a": ""}))),
    )
    capture.save(Only(entries=entries), tmp_path / "saved")
    assert tuple(Capture(tmp_path / "saved").entries()) == entries
    report = stores.load(tmp_path / "saved")
    assert (report.keys, report.patterns, report.collections) == (6, 0, 0)
    client = stores.redis
    assert client.get(bytes_of("plain \udcff\udc80")) == "caf\u00e9".encode() + b" \xfe"
    assert 80_000 < client.pttl(b"plain \xff\x80") <= 90_000
    assert client.hgetall("h") == {b"a": b"1", b"b:*": b""}
    assert client.scard("s") == 12_000
    assert 70_000 < client.pttl("s") <= 80_000
    assert client.lrange("l", 0, -1) == [b"b", b"a", b"b"]
    assert client.zrange("z", 0, -1, withscores=True) == [(b"b", -2.0), (b"a", 1.5)]
    assert client.xrange("x") == [(b"5-1", {b"a": b"b"}), (b"5-2", {b"a": b""})]


def test_a_fleet_survives_a_round_trip_through_a_directory(tmp_path: Path, stores: Stores) -> None:
    """The sample is written by the code that writes captures, and reads back the same."""
    made = fleet(tenants=6, now=NOW, largest=30)
    capture.save(made, tmp_path)
    read = Capture(tmp_path)
    read.check()
    assert list(read.entries()) == list(made.entries())
    assert list(read.rows()) == list(made.rows())
    assert list(read.collections()) == list(made.collections())
    report = stores.load(tmp_path)
    assert report.keys == stores.redis.dbsize() == sum(1 for _ in made.entries())
    assert report.patterns == stores.count() == sum(1 for _ in made.rows())


def test_more_kb_ids_than_one_insert_takes_by_default(stores: Stores) -> None:
    """ClickHouse refuses more than 100 partitions in a block unless told otherwise."""
    made = fleet(tenants=60, now=NOW, largest=5)
    kb_ids = {row.values[0] for row in made.rows()}
    assert len(kb_ids) > 100
    assert write(made, stores.targets).patterns == stores.count()


def good(file: str) -> dict[str, Any]:
    """The first line of a file of the capture."""
    return capture_rows(file)[0]


ROWS_FILE = "clickhouse_patterns_data.jsonl"
SPOILT: list[tuple[str, Any, str]] = [
    ("redis.jsonl", "{not json", "no JSON"),
    ("redis.jsonl", "", "no JSON"),
    ("redis.jsonl", "[" * 100_000, "no JSON"),
    ("redis.jsonl", '{"key": "a", "type": "string", "pttl": NaN, "value": "x"}', "NaN"),
    ("redis.jsonl", [], "an object"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": -1}, "an object"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": -1, "value": "x", "b": 1}, "an object"),
    ("redis.jsonl", {"key": 1, "type": "string", "pttl": -1, "value": "x"}, "a key has to be text"),
    ("redis.jsonl", {"key": "a", "type": "json", "pttl": -1, "value": "x"}, "type of this key"),
    ("redis.jsonl", {"key": "a", "type": ["x"], "pttl": -1, "value": "x"}, "type of this key"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": 0, "value": "x"}, "pttl"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": -2, "value": "x"}, "pttl"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": True, "value": "x"}, "pttl"),
    ("redis.jsonl", {"key": "a", "type": "string", "pttl": -1, "value": 5}, "text is expected"),
    ("redis.jsonl", {"key": "a", "type": "hash", "pttl": -1, "value": ["x"]}, "an object"),
    ("redis.jsonl", {"key": "a", "type": "hash", "pttl": -1, "value": {}}, "at least one"),
    ("redis.jsonl", {"key": "a", "type": "hash", "pttl": -1, "value": {"x": 1}}, "text"),
    ("redis.jsonl", {"key": "a", "type": "set", "pttl": -1, "value": []}, "at least one"),
    ("redis.jsonl", {"key": "a", "type": "list", "pttl": -1, "value": [1]}, "text"),
    ("redis.jsonl", {"key": "a", "type": "zset", "pttl": -1, "value": [["a", "b"]]}, "score"),
    ("redis.jsonl", {"key": "a", "type": "stream", "pttl": -1, "value": [["x", {}]]}, "id"),
    ("redis.jsonl", {"key": "a", "type": "stream", "pttl": -1, "value": [["1-1"]]}, "fields"),
    (ROWS_FILE, {"kb_id": "x"}, "an object"),
    (ROWS_FILE, {**good(ROWS_FILE), "kb_id": None}, "kb_id has to be text"),
    (ROWS_FILE, {**good(ROWS_FILE), "kb_id": "\ud800"}, "half a character"),
    (ROWS_FILE, {**good(ROWS_FILE), "length": -1}, "length has to be a whole number"),
    (ROWS_FILE, {**good(ROWS_FILE), "length": 2**32}, "length has to be a whole number"),
    (ROWS_FILE, {**good(ROWS_FILE), "token_set": "x"}, "token_set has to be a list"),
    (ROWS_FILE, {**good(ROWS_FILE), "pattern_data": [["a", 1]]}, "pattern_data has to be text"),
    (ROWS_FILE, {**good(ROWS_FILE), "lsh_bands": [1.5]}, "lsh_bands has to be a whole number"),
    (ROWS_FILE, {**good(ROWS_FILE), "created_at": "yesterday"}, "created_at has to be a time"),
    (ROWS_FILE, {**good(ROWS_FILE), "updated_at": "1969-01-01T00:00:00"}, "from 1970"),
    ("clickhouse_lsh_buckets.jsonl", {"kb_id": "x"}, "an object"),
    ("clickhouse_pattern_stats.jsonl",
     {"kb_id": "x", "date": "today", "total_patterns": 1, "avg_length": 1, "avg_token_count": 1,
      "min_length": 1, "max_length": 1}, "date has to be a date"),
    ("qdrant.jsonl", {"collection": "x"}, "an object"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"), "size": 0}, "size"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"), "size": 9}, "a vector of 9"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"), "distance": "Far"}, "distance"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"), "points": {}}, "points"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"),
     "points": [{"id": "no-uuid", "vector": [0] * 8, "payload": {}}]}, "UUID"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"),
     "points": [{"id": 1, "vector": [0] * 8, "payload": None}]}, "payload"),
    ("qdrant.jsonl", {**good("qdrant.jsonl"),
     "points": [{"id": 1, "vector": ["0"] * 8, "payload": {}}]}, "a number"),
]  # fmt: skip


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """The first lines of the capture's files."""
    for path in CAPTURE.glob("*.jsonl"):
        with path.open(encoding="utf-8") as lines:
            (tmp_path / path.name).write_text("".join(islice(lines, 2)), "utf-8")
    return tmp_path


@pytest.mark.parametrize(("file", "line", "reason"), SPOILT)
def test_a_line_that_cannot_be_understood_is_named(
    short: Path, file: str, line: Any, reason: str
) -> None:
    """File, line and why."""
    Capture(short).check()
    path = short / file
    lines = path.read_text("utf-8").splitlines()
    text = line if isinstance(line, str) else json.dumps(line)
    path.write_text("\n".join([*lines, text, ""]), "utf-8")
    with pytest.raises(CaptureError) as caught:
        Capture(short).check()
    assert (caught.value.file, caught.value.line) == (file, len(lines) + 1)
    assert reason in caught.value.reason
    assert f"{file}, line {len(lines) + 1}: " in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("file", [ROWS_FILE, "redis.jsonl", "qdrant.jsonl"])
def test_nothing_is_loaded_when_the_last_line_cannot_be_understood(
    short: Path, stores: Stores, file: str
) -> None:
    """All of it is read before any of it is written."""
    with (short / file).open("a") as lines:
        lines.write("{}\n")
    with pytest.raises(CaptureError, match=file):
        stores.load(short)
    stores.assert_empty()


@pytest.mark.parametrize("name", capture.NEEDED)
def test_a_directory_without_one_of_its_files_is_no_capture(
    short: Path, stores: Stores, name: str
) -> None:
    """Half a capture is not loaded as if it were one."""
    (short / name).unlink()
    with pytest.raises(CaptureError, match="missing") as caught:
        stores.load(short)
    assert (caught.value.file, caught.value.line) == (name, None)
    stores.assert_empty()


def test_rows_of_a_table_that_kato_has_not_are_not_left_out_silently(
    short: Path, stores: Stores
) -> None:
    """A file that would be ignored is refused."""
    (short / "clickhouse_other.jsonl").write_text("{}\n")
    with pytest.raises(CaptureError, match=r"clickhouse_other\.jsonl"):
        stores.load(short)
    stores.assert_empty()


def test_a_store_that_is_not_configured_is_named_before_anything_is_written(
    stores: Stores,
) -> None:
    """Its part of the data would be lost."""
    with pytest.raises(StoreNotConfigured) as caught:
        capture.load(
            CAPTURE, clickhouse=stores.clickhouse, redis=None, qdrant=stores.qdrant,
            database=stores.database,
        )  # fmt: skip
    assert caught.value.store == "redis"
    stores.assert_empty()


def test_a_store_that_is_not_needed_may_be_absent(stores: Stores) -> None:
    """A capture of keys alone goes into a Redis alone."""
    only = Only(entries=(Entry("a", KeyType.STRING, "b"),))
    assert write(only, Targets(None, stores.redis, None, "kato")).keys == 1


def test_a_store_that_is_down_is_told_in_our_own_words(stores: Stores) -> None:
    """Before anything is written to the others."""
    nowhere = redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    with pytest.raises(StoreUnavailable) as caught:
        capture.load(
            CAPTURE, clickhouse=stores.clickhouse, redis=nowhere, qdrant=stores.qdrant,
            database=stores.database,
        )  # fmt: skip
    nowhere.close()
    assert caught.value.store == "redis"
    assert str(nowhere.connection_pool.connection_kwargs["port"]) not in str(caught.value)
    stores.assert_empty()


def test_a_missing_database_is_created(stores: Stores) -> None:
    """With KATO's three tables in it."""
    fresh = f"{stores.database}_fresh"
    targets = Targets(stores.clickhouse, stores.redis, stores.qdrant, fresh)
    point = Point(1, (0.0, 1.0), {})
    write(Only(collections=(Collection("c", 2, "Dot", (point,)),)), targets)
    found = stores.clickhouse.query(
        "SELECT count() FROM system.tables WHERE database = {d:String}", parameters={"d": fresh}
    )
    stores.clickhouse.command("DROP DATABASE {d:Identifier}", parameters={"d": fresh})
    assert found.result_rows == [(3,)]
