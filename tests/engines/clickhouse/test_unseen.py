"""What a purge may not look into, and what it waits for: never taken for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.errors import StoreDenied
from services.figures import Measure
from services.stores.adapters import Stores
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.query import ClickHouse
from tests.engines.clickhouse.kato_tables import PASSWORD, add_patterns, make_tables, settings_for
from tests.engines.clickhouse.test_erasing import (
    FLAT,
    extra,
    prints,
    server as server,  # noqa: PLC0414  a fixture
)
from tests.engines.erasing import silent, surface_of
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http
from tests.servers.faults import Answer, HttpServer, Request

A = surface_of("a_kato")


@pytest.fixture
def other(clickhouse: Client) -> Iterator[str]:
    """Another database with a copy that a view fills."""
    make_tables(clickhouse)
    name = f"{clickhouse.database}_other"
    clickhouse.command(f"CREATE DATABASE {name}")
    clickhouse.command(f"CREATE TABLE {name}.kept (owner String, name String) {FLAT}")
    clickhouse.command(
        f"CREATE MATERIALIZED VIEW fill TO {name}.kept AS"
        " SELECT kb_id AS owner, name FROM patterns_data"
    )
    add_patterns(clickhouse, ["a_kato", "b_kato"])
    yield name
    clickhouse.command(f"DROP DATABASE {name} SYNC")


def test_a_copy_that_may_not_be_read_is_in_the_way(
    chdb_path: str, clickhouse: Client, other: str
) -> None:
    """Passed over, it is named, with a count that nobody knows; KATO's own tables are read."""
    user = LimitedUser(("SELECT ON system.*", f"SELECT ON {clickhouse.database}.*"))
    with clickhouse_http(chdb_path, password=PASSWORD, limits=user) as server:
        erasing = Stores(settings_for(server, str(clickhouse.database))).pattern_erasing
        (text,) = erasing.look(A).blockers
        look = erasing.look(replace(A, passed_over=frozenset({f"{other}.kept"})))
        assert erasing.names() == {"a_kato": 1, "b_kato": 1}
    assert f"the table {other}.kept" in text
    assert "cannot be asked for rows of these kb_ids: it refused our credentials" in text
    assert look.blockers == ()
    (left,) = look.left
    assert (left.kb_id, left.place, left.counts) == (
        "a_kato", f"{other}.kept", {Measure.PATTERNS: None},
    )  # fmt: skip


def test_katos_own_tables_that_may_not_be_read_are_no_small_matter(
    chdb_path: str, clickhouse: Client, other: str
) -> None:
    """Nothing is known then, and nothing is planned."""
    extra(clickhouse, "flat", FLAT)
    add_patterns(clickhouse, ["a_kato"], table="flat")
    user = LimitedUser(("SELECT ON system.*", f"SELECT ON {other}.*"))
    with clickhouse_http(chdb_path, password=PASSWORD, limits=user) as server:
        erasing = Stores(settings_for(server, str(clickhouse.database))).pattern_erasing
        for ask in (lambda: erasing.look(A), erasing.names):
            with pytest.raises(StoreDenied):
                ask()


def test_a_view_that_is_not_shown_is_in_the_way(
    server: HttpServer, clickhouse: Client, other: str
) -> None:
    """ClickHouse says that it depends on KATO's table, and does not show it to this user."""
    asked = server.answer

    def hiding(request: Request) -> Answer:
        shown = b"WHERE database NOT IN"
        return asked(replace(request, body=request.body.replace(
            shown, b"WHERE (name != 'fill') AND database NOT IN"
        )))  # fmt: skip

    server.answer = hiding
    erasing = Stores(settings_for(server, str(clickhouse.database))).pattern_erasing
    label = f"{clickhouse.database}.fill"
    (text,) = erasing.look(A).blockers
    assert text.startswith(f"the view {label} takes rows out of KATO's tables")
    (left,) = erasing.look(replace(A, passed_over=frozenset({label}))).left
    assert (left.kb_id, left.counts) == ("a_kato", {Measure.PATTERNS: None})


def test_a_mutation_is_waited_for_where_the_server_does_not_wait(
    chdb_path: str, clickhouse: Client, other: str
) -> None:
    """This user may not set `mutations_sync`: each ALTER returns at once."""

    def connect() -> Client:
        client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
        del client.server_settings["mutations_sync"]
        return client

    extra(clickhouse, "flat", FLAT)
    for number in range(40):
        add_patterns(clickhouse, ["a_kato", f"b{number}_kato"], each=50, table="flat")
    erasing = PatternErasing(ClickHouse(connect, database=str(clickhouse.database)), seconds=60)
    erasing.erase(A, silent)
    assert ("flat", b"a_kato") not in prints(clickhouse, "flat")
    ((running,),) = clickhouse.query(
        "SELECT count() FROM system.mutations WHERE database = {d:String} AND NOT is_done",
        {"d": clickhouse.database},
    ).result_rows
    assert running == 0
