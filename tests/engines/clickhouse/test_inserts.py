"""An INSERT of ours is sent once, also when its answer is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from services.canary.belongings import belongings
from services.canary.models import Canary
from services.embedded.write import rows as writing_rows
from services.embedded.write.dataset import Row
from services.embedded.write.rows import TABLES
from services.errors import StoreUnavailable
from services.stores.adapters import Stores
from services.stores.canary import CanaryRows
from services.stores.clickhouse.connect import connecting
from services.tenancy.kb_ids import TenantKey
from tests.engines.clickhouse.kato_tables import PASSWORD, make_tables, settings_for
from tests.servers.clickhouse_http import clickhouse_http
from tests.servers.faults import Dropped, Fault, HttpServer, Unheard

CANARY = Canary("tenant:canary-1-a:user:probe", TenantKey("tenant", "canary-1-a"), "c_kato", "aa")


@pytest.fixture
def server(chdb_path: str, clickhouse: Client) -> Iterator[HttpServer]:
    make_tables(clickhouse)
    with clickhouse_http(chdb_path, password=PASSWORD) as server:
        yield server


def inserts(server: HttpServer) -> list[int]:
    """Which of the calls were INSERTs."""
    return [at for at, call in enumerate(server.calls) if b"INSERT INTO" in call.body[:99].upper()]


def rows(client: Client) -> list[tuple[str, int]]:
    found = client.query("SELECT name, count() FROM patterns_data GROUP BY name ORDER BY name")
    return list(map(tuple, found.result_rows))


def losing_the_insert(server: HttpServer, database: str, fault: Fault) -> CanaryRows:
    """Write once to see which call it is, and have the fault at that call from then on."""
    writer = Stores(settings_for(server, database)).canary_rows
    writer.write(belongings(CANARY))
    (at,) = inserts(server)
    server.calls.clear()
    server.fail(fault, after=at)
    return writer


def test_a_canary_is_written_once_although_nobody_heard_so(
    server: HttpServer, clickhouse: Client
) -> None:
    """It looks, and finds that everything is there."""
    writer = losing_the_insert(server, str(clickhouse.database), Unheard())
    clickhouse.command("TRUNCATE TABLE patterns_data SYNC")
    writer.write(belongings(CANARY))
    assert len(inserts(server)) == 1
    assert rows(clickhouse) == [(name, 1) for name in sorted(CANARY.patterns)]


@pytest.mark.parametrize("fault", [Dropped(0.0), Unheard(times=2)], ids=repr)
def test_a_canary_that_may_not_be_there_is_no_success(
    server: HttpServer, clickhouse: Client, fault: Fault
) -> None:
    """It was not written, or nobody could look."""
    writer = losing_the_insert(server, str(clickhouse.database), fault)
    clickhouse.command("TRUNCATE TABLE patterns_data SYNC")
    with pytest.raises(StoreUnavailable):
        writer.write(belongings(CANARY))
    assert len(inserts(server)) == 1


def test_a_load_writes_no_row_twice(server: HttpServer, clickhouse: Client) -> None:
    """It fails, and says so: what was written is there once."""
    settings = settings_for(server, str(clickhouse.database))
    client = connecting(settings, "127.0.0.1")(once=True)
    values = belongings(CANARY).rows
    table = [Row("patterns_data", tuple(row)) for row in values]
    server.calls.clear()
    writing_rows.write(client, settings.clickhouse_db, iter(table), merge=False)
    (at,) = inserts(server)
    clickhouse.command("TRUNCATE TABLE patterns_data SYNC")
    server.calls.clear()
    server.fail(Unheard(), after=at)
    with pytest.raises(StoreUnavailable):
        writing_rows.write(client, settings.clickhouse_db, iter(table), merge=False)
    assert len(inserts(server)) == 1
    assert rows(clickhouse) == [(name, 1) for name in sorted(CANARY.patterns)]


def test_the_driver_alone_would_write_it_twice(server: HttpServer, clickhouse: Client) -> None:
    """What this is for; when it does no more, `once` can go."""
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, password=PASSWORD, query_retries=0,
        database=str(clickhouse.database),
    )  # fmt: skip
    server.fail(Unheard(), after=0)
    columns = {name: TABLES["patterns_data"].columns[name] for name in ("kb_id", "name")}
    client.insert(
        "patterns_data", [["a_kato", "p"]], column_names=list(columns),
        column_type_names=list(columns.values()),
    )  # fmt: skip
    assert rows(clickhouse) == [("p", 2)]
