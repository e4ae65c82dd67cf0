"""Old patterns in the real engine: counted, told by what they cost, erased, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.embedded.write import rows as writing
from services.embedded.write.dataset import Row
from services.errors import StoreMisconfigured
from services.stores.clickhouse.query import ClickHouse
from services.stores.clickhouse.retention import PatternKeeping
from services.tenancy.layout import bytes_of

MINE, OTHER = "tenant_acme_user_bob_kato", "tenant_acme_corp_user_bob_kato"
HOSTILE = "it's \\ é {x:String} %s_kato"
CUTOFF = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = CUTOFF - timedelta(seconds=1), CUTOFF
PER_KB = "PARTITION BY kb_id"


def row(kb_id: str, name: str, at: datetime, *tokens: str) -> Row:
    return Row("patterns_data", (
        kb_id, name, [["a"]], 1, list(tokens), 1, [1], [2], "a", "a", OLD, at,
    ))  # fmt: skip


ROWS = (
    row(MINE, "a" * 40, OLD, "x", "y"), row(MINE, "b" * 40, NEW, "x"),
    row(MINE, "c" * 40, OLD, "x"), row(MINE, "c" * 40, NEW, "x"),
    row(OTHER, "a" * 40, OLD), row(HOSTILE, "h" * 40, OLD, "'\\"),
)  # fmt: skip


class Keeping:
    """The adapter, and what is there."""

    def __init__(self, path: str, client: Client) -> None:
        self._client, self.database = client, str(client.database)
        engine = ClickHouse(
            lambda: clickhouse_connect.get_client(interface="chdb", path=path),
            database=self.database,
        )
        self.adapter = PatternKeeping(engine, seconds=30)

    def rows(self) -> list[tuple[str, str, int]]:
        columns = "hex(kb_id), name, toUnixTimestamp(updated_at)"
        query = f"SELECT {columns} FROM {self.database}.patterns_data"
        return sorted(map(tuple, self._client.query(query).result_rows))


@pytest.fixture(params=["by kb_id", "in one partition"])
def keeping(request: pytest.FixtureRequest, chdb_path: str, clickhouse: Client) -> Keeping:
    """In KATO's table, and in one that is not partitioned."""
    writing.write(clickhouse, str(clickhouse.database), iter(()), merge=False)
    if request.param == "in one partition":
        made = clickhouse.command(f"SHOW CREATE TABLE {clickhouse.database}.patterns_data")
        clickhouse.command(f"DROP TABLE {clickhouse.database}.patterns_data SYNC")
        clickhouse.command(str(made).replace("\\n", "\n").replace(PER_KB, ""))
    writing.write(clickhouse, str(clickhouse.database), iter(ROWS), merge=False)
    return Keeping(chdb_path, clickhouse)


def mine(kb_id: str) -> datetime | None:
    return CUTOFF if kb_id in (MINE, HOSTILE) else None


def test_old_rows_are_counted_with_what_erasing_them_costs(keeping: Keeping) -> None:
    before = keeping.rows()
    found = keeping.adapter.look(mine, lambda kb_id: kb_id == OTHER)
    assert {kb: (each.there, each.due) for kb, each in found.by_kb.items()} == {
        MINE: (4, 2), HOSTILE: (1, 1), OTHER: (1, 0),
    }  # fmt: skip
    assert sum(part.due for part in found.parts) == 3
    assert all(part.bytes > 0 and part.rows >= part.due for part in found.parts)
    assert keeping.rows() == before


def test_a_pattern_is_old_where_every_row_of_it_is(keeping: Keeping) -> None:
    (names,) = keeping.adapter.old(MINE, CUTOFF)
    assert {name: sorted(tokens) for name, tokens in names.items()} == {b"a" * 40: [b"x", b"y"]}
    (names,) = keeping.adapter.old(HOSTILE, CUTOFF)
    assert list(names.values()) == [[b"'\\"]]


def test_names_come_page_by_page_and_each_once(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.stores.clickhouse.retention._PAGE", 1)
    later = CUTOFF + timedelta(days=1)
    pages = list(keeping.adapter.old(MINE, later))
    assert [list(page) for page in pages] == [[b"a" * 40], [b"b" * 40], [b"c" * 40]]


def test_old_rows_go_and_nothing_else(keeping: Keeping) -> None:
    """Again it does nothing."""
    for _ in range(2):
        keeping.adapter.erase([MINE, HOSTILE], CUTOFF)
        new = int(NEW.timestamp())
        hexed = {name: bytes_of(name).hex().upper() for name in (MINE, OTHER)}
        assert keeping.rows() == sorted([
            (hexed[MINE], "b" * 40, new), (hexed[MINE], "c" * 40, new),
            (hexed[OTHER], "a" * 40, int(OLD.timestamp())),
        ])  # fmt: skip
        found = keeping.adapter.look(mine, lambda _: False)
        assert not any(each.due for each in found.by_kb.values())
        assert found.parts == ()


def test_a_table_that_does_not_say_when_is_told(keeping: Keeping, clickhouse: Client) -> None:
    clickhouse.command(f"ALTER TABLE {clickhouse.database}.patterns_data DROP COLUMN updated_at")
    with pytest.raises(StoreMisconfigured, match="updated_at"):
        keeping.adapter.look(mine, lambda _: True)
