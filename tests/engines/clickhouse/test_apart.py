"""Rows of a shared kb_id in the real engine: put aside, attached, proven, and erased by content."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.apart.evidence import Pattern
from services.embedded.write import rows as writing
from services.embedded.write.dataset import Row
from services.errors import StoreRejected
from services.stores.clickhouse import apart
from services.stores.clickhouse.apart import RowsApart
from services.stores.clickhouse.query import ClickHouse
from services.tenancy.layout import bytes_of

SHARED, NEW, OTHER = "it's \\ é_kato", "new {x:String} %s_kato", "tenant_acme_user_bob_kato"
AT = datetime(2026, 6, 1, tzinfo=UTC)
A, B, C = (letter * 40 for letter in "abc")
JOB = "a job"


def row(kb_id: str, name: str, *tokens: str, at: datetime = AT) -> Row:
    return Row("patterns_data", (
        kb_id, name, [list(tokens), ["t"]], 2, list({*tokens, "t"}), 2, [1], [2], "a", "a", AT, at,
    ))  # fmt: skip


ROWS = (
    row(SHARED, A, "VCTR|1", "x", "x"), row(SHARED, B, "VCTR|1", "VCTR|2"),
    row(SHARED, C, at=AT + timedelta(seconds=1)), row(SHARED, C), row(OTHER, A, "VCTR|1", "x", "x"),
)  # fmt: skip


class Store:
    """The adapter, and what is there."""

    def __init__(self, path: str, client: Client) -> None:
        self.client, self.database = client, str(client.database)
        engine = ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=path),
            database=self.database,
        )
        self.adapter = RowsApart(engine, seconds=30)

    def rows(self) -> list[tuple[str, str]]:
        query = f"SELECT hex(kb_id), name FROM {self.database}.patterns_data"
        return sorted(map(tuple, self.client.query(query).result_rows))

    def tables(self) -> list[str]:
        query = f"SELECT name FROM system.tables WHERE database = '{self.database}'"
        return [name for (name,) in self.client.query(query).result_rows if "apart" in name]

    def patterns(self, kb_id: str = SHARED) -> dict[bytes, Pattern]:
        return {each.name: each for page in self.adapter.pages(kb_id) for each in page}

    def copied(self, *names: str) -> None:
        there = self.patterns()
        page = [there[bytes_of(name)] for name in names]
        self.adapter.put_aside(SHARED, NEW, [page], job=JOB)
        self.adapter.attach(NEW, job=JOB)


@pytest.fixture(params=["by kb_id", "in one partition"])
def store(request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client) -> Store:
    """In KATO's table, and in one that is not partitioned."""
    writing.write(clickhouse, str(clickhouse.database), iter(()), merge=False)
    if request.param == "in one partition":
        made = clickhouse.command(f"SHOW CREATE TABLE {clickhouse.database}.patterns_data")
        clickhouse.command(f"DROP TABLE {clickhouse.database}.patterns_data SYNC")
        clickhouse.command(str(made).replace("\\n", "\n").replace("PARTITION BY kb_id", ""))
    writing.write(clickhouse, str(clickhouse.database), iter(ROWS), merge=True)
    return Store(chdb_path, clickhouse)


def hexed(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return sorted((bytes_of(kb_id).hex().upper(), name) for kb_id, name in pairs)


THERE = ((SHARED, A), (SHARED, B), (SHARED, C), (SHARED, C), (OTHER, A))


def test_patterns_come_with_their_newest_time_and_every_symbol(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_ROWS", 2)  # several pages
    monkeypatch.setattr(apart, "_BOUND", 1)
    names = [bytes_of(name) for name in (A, B, C)]
    assert store.adapter.left(SHARED, names) == set(names)
    found = store.patterns()
    at = int(AT.timestamp())
    assert found[bytes_of(A)] == Pattern(bytes_of(A), 1, at, (b"VCTR|1", b"x", b"x", b"t"))
    assert (found[bytes_of(C)].rows, found[bytes_of(C)].at) == (2, at + 1)
    assert len(found) == 3
    assert store.adapter.count(SHARED) == 4
    assert store.adapter.cost(SHARED).parts >= 1


def test_copied_and_proven_they_are_erased_and_nothing_else(store: Store) -> None:
    adapter = store.adapter
    store.copied(A, B)
    adapter.attach(NEW, job=JOB)  # again, to the same
    assert adapter.proven(NEW, job=JOB)
    assert store.rows() == hexed(*THERE, (NEW, A), (NEW, B))
    aside = [each for page in adapter.aside(job=JOB) for each in page]
    assert aside == [store.patterns()[bytes_of(name)] for name in (A, B)]
    names = [bytes_of(A), bytes_of(B), bytes_of(C)]
    assert adapter.same(SHARED, NEW, names) == {bytes_of(A), bytes_of(B)}
    for _ in range(2):  # the second finds nothing more to do
        adapter.erase(SHARED, NEW, but={bytes_of(B)}, job=JOB)
        left = [(SHARED, B), (SHARED, C), (SHARED, C), (OTHER, A)]
        assert store.rows() == hexed(*left, (NEW, A), (NEW, B))
    assert adapter.naming(SHARED, {b"VCTR|1", b"VCTR|2", b"VCTR|3"}) == {b"VCTR|1", b"VCTR|2"}
    adapter.drop(job=JOB)
    assert not store.tables()


def test_a_row_that_is_another_at_the_new_name_is_not_erased(store: Store) -> None:
    store.copied(A)
    table = f"{store.database}.patterns_data"
    there = f"WHERE kb_id = unhex('{bytes_of(NEW).hex()}')"
    store.client.command(
        f"ALTER TABLE {table} UPDATE minhash_sig = [7] {there}", settings={"mutations_sync": 2}
    )
    assert not store.adapter.proven(NEW, job=JOB)
    assert not store.adapter.same(SHARED, NEW, [bytes_of(A)])
    store.adapter.erase(SHARED, NEW, but=(), job=JOB)
    assert store.rows() == hexed(*THERE, (NEW, A))


def test_what_somebody_else_wrote_at_the_new_name_is_no_proof(store: Store) -> None:
    store.copied(A)
    writing.write(store.client, store.database, iter([row(NEW, C)]), merge=True)
    assert not store.adapter.proven(NEW, job=JOB)


def test_rows_that_did_not_all_arrive_are_refused(store: Store) -> None:
    (found,) = (each for each in store.patterns().values() if each.name == bytes_of(A))
    gone = replace(found, name=b"f" * 40)
    with pytest.raises(StoreRejected, match="1 rows arrived of 2"):
        store.adapter.put_aside(SHARED, NEW, [[found, gone]], job=JOB)
    names = {b"%d" % n for n in range(apart.MOST_KEPT + 1)}
    with pytest.raises(StoreRejected, match="learnt again"):
        store.adapter.erase(SHARED, NEW, but=names, job=JOB)


def test_where_a_mutation_may_not_be_waited_for_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user that may not set `mutations_sync`."""
    monkeypatch.setitem(apart._WAITING, "mutations_sync", 0)
    store.copied(A)
    store.adapter.erase(SHARED, NEW, but=(), job=JOB)
    assert (SHARED, A) not in {(bytes.fromhex(kb).decode(), name) for kb, name in store.rows()}


def test_a_table_that_does_not_run_its_mutations_here_alone_is_refused(store: Store) -> None:
    store.client.command(f"CREATE TABLE {store.database}.other ENGINE = Log AS SELECT 1 AS one")
    store.client.command(f"RENAME TABLE {store.database}.patterns_data TO {store.database}.kept")
    store.client.command(f"RENAME TABLE {store.database}.other TO {store.database}.patterns_data")
    for refused in (
        lambda: store.adapter.cost(SHARED),
        lambda: store.adapter.put_aside(SHARED, NEW, [], job=JOB),
    ):
        with pytest.raises(StoreRejected, match="patterns_data is Log"):
            refused()


def test_a_row_without_a_time_has_none(store: Store) -> None:
    """In a table whose columns may be NULL, and such rows are the same where they are the same."""
    table = f"{store.database}.patterns_data"
    store.client.command(f"ALTER TABLE {table} MODIFY COLUMN created_at Nullable(DateTime)")
    store.client.command(f"ALTER TABLE {table} MODIFY COLUMN updated_at Nullable(DateTime)")
    never = f"ALTER TABLE {table} UPDATE created_at = NULL, updated_at = NULL WHERE name = '{A}'"
    once = f"ALTER TABLE {table} UPDATE created_at = NULL WHERE name = '{B}'"
    for each in (never, once):
        store.client.command(each, settings={"mutations_sync": 2})
    found = store.patterns()
    assert [found[bytes_of(name)].at for name in (A, B)] == [0, int(AT.timestamp())]
    store.copied(A, B)
    assert store.adapter.proven(NEW, job=JOB)
    store.adapter.erase(SHARED, NEW, but=(), job=JOB)
    assert store.rows() == hexed((SHARED, C), (SHARED, C), (OTHER, A), (NEW, A), (NEW, B))


def test_names_of_any_bytes_go_into_a_url() -> None:
    names = [b"%04d" % number + b"\xff" * 400 for number in range(2_000)]
    bound = [str(some) for some in apart._bound(names)]
    assert max(len(quote(each)) for each in bound) < 2**19  # ClickHouse takes a MiB
    assert sum(each.count(",") + 1 for each in bound) == len(names)
    assert len(list(apart._bound([b"a" * 40] * 5_000))) == 1
