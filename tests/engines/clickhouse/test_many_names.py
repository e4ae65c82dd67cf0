"""Names that are too many, or too long, for an address: they stand in the statement."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, strategies as st

from services.stores.clickhouse.connect import Names
from services.stores.clickhouse.query import Asking
from tests.servers.clickhouse_http import clickhouse_http

_AMONG = (
    "SELECT n FROM (SELECT arrayJoin({some:Array(String)}) AS n) WHERE n IN {all:Array(String)}"
)


@pytest.fixture(scope="module")
def asking(chdb_path: str) -> Iterator[Asking]:
    keeper = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
    with clickhouse_http(chdb_path) as server:
        connect = partial(clickhouse_connect.get_client, host="127.0.0.1", port=server.port)
        made = Asking(connect, database="default")
        yield made
        made.close()
    keeper.close()


def _found(asking: Asking, some: list[str], everyone: list[str]) -> list[bytes]:
    rows = asking.rows("look", _AMONG, {"some": Names(some), "all": Names(everyone)})
    return [name for (name,) in rows]


def test_a_tenant_of_thousands_of_kb_ids_is_asked_about_at_once(asking: Asking) -> None:
    everyone = [f"tenant_acme_user_{at:036d}_kato" for at in range(20_000)]  # a megabyte
    assert _found(asking, [*everyone[:2], "nobody"], everyone) == [
        name.encode() for name in everyone[:2]
    ]


def test_a_statement_and_a_stream_take_as_many(asking: Asking, clickhouse: Client) -> None:
    everyone = [f"kb_{at:030d}" for at in range(8_000)]
    bound = {"some": Names(everyone[-1:]), "all": Names(everyone)}
    streamed = b"".join(asking.raw("look", _AMONG, bound, form="TabSeparated"))
    (blocks,) = asking.blocks("look", _AMONG, bound)
    asking.command("make", "CREATE TABLE many (n String) ENGINE = MergeTree ORDER BY n", {})
    try:
        asking.command("fill", f"INSERT INTO many {_AMONG}", bound)
        (rows,) = asking.rows("look", "SELECT n FROM many", {})
    finally:
        asking.command("drop", "DROP TABLE many SYNC", {})
    assert streamed.split() == [rows[0]] == list(blocks[0]) == [everyone[-1].encode()]


@given(st.binary(min_size=1, max_size=40), st.integers(0, 1))
def test_any_bytes_are_the_same_in_the_statement_as_in_the_address(
    asking: Asking, name: bytes, many: int
) -> None:
    text = name.decode("utf-8", "surrogateescape")
    others = [f"other-{at:04d}" for at in range(many * 1_000)]
    assert _found(asking, [text], [*others, text]) == [name]
