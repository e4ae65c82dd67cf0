"""Whether this user may look and erase is known before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.stores.adapters import Stores
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.query import ClickHouse
from tests.engines.clickhouse.kato_tables import (
    PASSWORD,
    add_patterns,
    make_tables,
    settings_for,
)
from tests.engines.clickhouse.test_erasing import (
    prints,
    server as server,  # noqa: PLC0414  a fixture
)
from tests.engines.erasing import MINE, silent, surface_of
from tests.servers.clickhouse_http import LimitedUser, clickhouse_http
from tests.servers.faults import Dropped, Fault, Garbage, HttpServer, Refused

TABLES = ("lsh_buckets", "pattern_stats", "patterns_data")
EVERYTHING = ("SELECT ON *.*", "ALTER DELETE ON *.*", "SYSTEM FLUSH ASYNC INSERT QUEUE ON *.*")


@pytest.fixture
def home(clickhouse: Client) -> str:
    make_tables(clickhouse)
    return str(clickhouse.database)


@contextmanager
def as_user(
    chdb_path: str, home: str, *grants: str, can_check: bool = True
) -> Iterator[PatternErasing]:
    """Somebody who has these grants alone."""
    user = LimitedUser(tuple(grants), can_check=can_check)
    with clickhouse_http(chdb_path, password=PASSWORD, limits=user) as server:
        settings = settings_for(server, home)
        with closing(Stores(settings)) as stores:
            yield stores.pattern_erasing


@pytest.mark.parametrize("can_check", [True, False])
def test_who_may_everything_lacks_nothing(chdb_path: str, home: str, can_check: bool) -> None:
    """With CHECK GRANT and without; and so the engine's own user."""
    with as_user(chdb_path, home, *EVERYTHING, can_check=can_check) as erasing:
        assert erasing.rights() == ()
    narrow = [f"ALTER TABLE ON {home}.*", "SYSTEM ON *.*", "SELECT ON *.*"]
    with as_user(chdb_path, home, *narrow, can_check=can_check) as erasing:
        assert erasing.rights() == ()
    connect = partial(clickhouse_connect.get_client, interface="chdb", path=chdb_path)
    assert PatternErasing(ClickHouse(connect, database=home), seconds=20).rights() == ()


@pytest.mark.parametrize("can_check", [True, False])
@pytest.mark.parametrize(
    ("grants", "words"),
    [
        (EVERYTHING[::2], [f"ALTER DELETE on {{home}}.{table}" for table in TABLES]),
        (
            ("ALTER DELETE ON {home}.patterns_data", *EVERYTHING[::2]),
            [f"ALTER DELETE on {{home}}.{table}" for table in TABLES[:2]],
        ),
        (EVERYTHING[:2], ["SYSTEM FLUSH ASYNC INSERT QUEUE on *.*"]),
        (
            ("SELECT ON {home}.*", "SELECT ON system.tables", "SELECT ON system.columns",
             "SELECT ON system.parts", "SELECT ON system.settings", *EVERYTHING[1:]),
            [f"SELECT on system.{name}"
             for name in ("detached_parts", "mutations", "merge_tree_settings")],
        ),
        (
            ("SELECT ON system.*", "SELECT ON {home}.lsh_buckets", "SELECT ON {home}.pattern_stats",
             *EVERYTHING[1:]),
            ["SELECT(kb_id) on {home}.patterns_data"],
        ),
    ],
)  # fmt: skip
def test_each_grant_that_is_missing_is_named(
    chdb_path: str, home: str, grants: tuple[str, ...], words: list[str], can_check: bool
) -> None:
    """With CHECK GRANT, and on a ClickHouse that has none, out of SHOW GRANTS."""
    given = [grant.format(home=home) for grant in grants]
    with as_user(chdb_path, home, *given, can_check=can_check) as erasing:
        assert erasing.rights() == tuple(
            f"this user lacks the grant {each.format(home=home)}" for each in words
        )


def test_who_may_not_see_the_tables_is_told_so(chdb_path: str, home: str) -> None:
    with as_user(chdb_path, home, "SELECT ON system.settings") as erasing:
        (text,) = erasing.rights()
    assert text == "this user lacks the grant SELECT on system.tables and system.columns"


@pytest.mark.parametrize(
    "case",
    [
        ("readonly", 1, "this user may only read (readonly = 1)"),
        ("readonly", 2, "this user may only read (readonly = 2)"),
        ("allow_ddl", 0, "this user may not ALTER any table (allow_ddl = 0)"),
    ],
)
def test_a_user_who_may_only_read_is_told_so(
    chdb_path: str, clickhouse: Client, home: str, case: tuple[str, int, str]
) -> None:
    """The engine itself refuses what such a user would erase."""
    name, value, words = case

    def connect() -> Client:
        client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
        client.command(f"SET {name} = {value}")
        return client

    erasing = PatternErasing(ClickHouse(connect, database=home), seconds=20)
    add_patterns(clickhouse, [MINE, "b_kato"])
    before = prints(clickhouse)
    assert len(before) == 2
    assert erasing.rights()[0] == words
    with pytest.raises(StoreDenied):
        erasing.erase(surface_of(MINE), silent)
    assert prints(clickhouse) == before


def test_asking_changes_nothing(server: HttpServer, clickhouse: Client, home: str) -> None:
    """Nothing is sent that could."""
    Stores(settings_for(server, home)).pattern_erasing.rights()
    for call in server.calls:
        statement = call.body.decode() or call.query.get("query", "")
        assert re.match(r"\s*(SELECT|CHECK GRANT|SHOW|$)", statement), statement


FAULTS: list[tuple[Fault, type[StoreError]]] = [
    (Dropped(0.0), StoreUnavailable),
    (Refused(503), StoreUnavailable),
    (Garbage(b""), StoreMisconfigured),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: repr(case[0]))
def test_a_store_that_fails_is_not_one_that_allows(
    server: HttpServer, home: str, case: tuple[Fault, type[StoreError]]
) -> None:
    """Wherever in between it begins."""
    fault, error = case
    erasing = Stores(settings_for(server, home)).pattern_erasing
    erasing.rights()
    before = len(server.calls)
    erasing.rights()
    for served in range(len(server.calls) - before):
        server.fail(fault, after=served)
        with pytest.raises(error):
            erasing.rights()
        server.heal()
        erasing.rights()
