"""The state store on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import os
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import create_engine, event, text

from services.errors import SettingsError, StoreMisconfigured, StoreUnavailable
from services.figures import Amount, Measure
from services.stores.records import database
from services.stores.records.nodes import HISTORY_KEPT, StateStore
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation
from tests.servers.postgres import Postgres
from tests.servers.records import Records

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def state(records: Records) -> StateStore:
    return records.state()


def test_a_seen_node_is_remembered_after_a_restart(records: Records, state: StateStore) -> None:
    """A claim stays known when its sessions are gone."""
    state.record_nodes({"tenant:acme:user:bob": "session"}, NOW)
    state.close()
    (node,) = records.state().nodes()
    assert (node.node_id, node.source, node.first_seen) == ("tenant:acme:user:bob", "session", NOW)


def test_nobody_else_can_read_the_records(tmp_path: Path) -> None:
    """Whatever the umask says, also those that an earlier version left readable."""
    data = tmp_path / "data"
    before = os.umask(0)
    try:
        for _ in range(2):
            records = Records(data, None)
            records.state().record_nodes({"n": "session"}, NOW)
            modes = {path.name: path.stat().st_mode & 0o777 for path in data.iterdir()}
            assert set(modes) == {f"state.sqlite{end}" for end in ("", "-wal", "-shm")}
            assert set(modes.values()) == {0o600}
            assert data.stat().st_mode & 0o777 == 0o700
            for path in (data, *data.iterdir()):
                path.chmod(path.stat().st_mode | 0o055)
            records.close()
    finally:
        os.umask(before)


def test_any_node_id_is_kept_as_it_is(state: StateStore) -> None:
    """NUL, bad UTF-8 and 10,000 characters come back the same."""

    @given(st.lists(st.binary(), min_size=1, max_size=5))
    def check(raw: list[bytes]) -> None:
        nodes = [r.decode("utf-8", "surrogateescape") for r in (*raw, b"x" * 10_000)]
        state.record_nodes(dict.fromkeys(nodes, "session"), NOW)
        assert {node.node_id for node in state.nodes()} >= set(nodes)
        kept.update(nodes)

    kept: set[str] = set()
    check()
    assert {node.node_id for node in state.nodes()} == kept


def test_seeing_a_node_again_moves_only_when_it_was_last_seen(state: StateStore) -> None:
    later = NOW + timedelta(hours=5)
    state.record_nodes({"n": "session"}, NOW)
    state.record_nodes({"n": "kato"}, later)
    (node,) = state.nodes()
    assert (node.source, node.first_seen, node.last_seen) == ("session", NOW, later)


def test_exactly_the_node_ids_that_are_named_are_forgotten(state: StateStore) -> None:
    """One that only begins the same stays, and one that is not there is no error."""
    state.record_nodes(dict.fromkeys(["n", "n2", "n\x00", "N"], "session"), NOW)
    state.forget_nodes(["n", "n\x00", "never seen"])
    assert {node.node_id for node in state.nodes()} == {"n2", "N"}
    state.forget_nodes([])
    state.record_nodes({"n": "kato"}, NOW)
    assert {node.node_id for node in state.nodes()} == {"n", "n2", "N"}


def test_it_says_how_it_is_and_not_where(records: Records, state: StateStore) -> None:
    """Everyone who sees the stores reads this, and a path or a password is not for everyone."""
    health = state.health()
    kind = state._engine.dialect.name
    assert re.fullmatch(rf"{kind} \d+(\.\d+)+", health.version)
    assert re.fullmatch(r"database (state\.sqlite|test_\d+)", health.detail)
    assert 0 < health.latency < 10
    assert str(records.data) not in repr(health)


def test_a_version_says_that_node_ids_came_or_went(records: Records, state: StateStore) -> None:
    """To every process, and not where they were only seen again."""
    other = records.state()
    versions = [state.nodes_version()]

    def changed() -> bool:
        versions.append(other.nodes_version())
        return versions[-1] != versions[-2]

    state.record_nodes({"n": "session"}, NOW)
    assert changed()
    state.record_nodes({"n": "session"}, NOW + timedelta(hours=5))
    assert not changed()
    state.forget_nodes(["n"])
    assert changed()
    state.record_nodes({"m": "session"}, NOW)
    assert changed()
    assert len(set(versions)) == 4


def test_an_import_says_by_whom_and_since_when(records: Records, state: StateStore) -> None:
    """An earlier time counts, and a later one changes nothing; seen later, it stays imported."""
    before, later = NOW - timedelta(days=9), NOW + timedelta(days=9)
    state.record_nodes({"seen": "session", "old": "session"}, NOW)
    versions = [state.nodes_version()]
    state.import_nodes({"new\x00": before, "seen": before, "old": later}, by="ann \x00 \ud800")
    versions.append(records.state().nodes_version())
    state.record_nodes({"new\x00": "kato"}, later)
    found = {n.node_id: (n.source, n.first_seen, n.last_seen, n.by) for n in state.nodes()}
    assert found == {
        "new\x00": ("import", before, later, "ann \x00 \ud800"),
        "seen": ("import", before, NOW, "ann \x00 \ud800"),
        "old": ("session", NOW, NOW, ""),
    }
    assert len(set(versions)) == 2
    state.import_nodes({}, by="ann")


def test_a_word_is_kept_until_it_is_revoked(records: Records, state: StateStore) -> None:
    """To every process, with any bytes; of a kb_id the newest counts."""
    tenant, other = TenantKey("tenant", "a/\udcff"), TenantKey("kb", "")
    words = [
        Confirmation("kb\x00", tenant, "ann", NOW, "ticket"),
        Confirmation("kb", other, "bob", NOW, "\ud800"),
    ]
    versions = [state.nodes_version()]
    state.confirm(words)
    assert set(records.state().confirmations()) == set(words)
    versions.append(state.nodes_version())
    newer = Confirmation("kb", tenant, "eve", NOW + timedelta(days=1), "again")
    state.confirm([newer])
    state.revoke(["kb\x00", "never", "kb\x01"])
    versions.append(state.nodes_version())
    assert records.state().confirmations() == (newer,)
    assert len(set(versions)) == 3
    state.confirm([])


def test_many_names_are_imported_in_one_go(state: StateStore) -> None:
    """More than a statement takes parameters, and so are as many seen."""
    names = [f"tenant:t{n}:user:x" for n in range(1_200)]
    state.import_nodes(dict.fromkeys(names, NOW), by="ann")
    state.record_nodes(dict.fromkeys([*names, "new"], "session"), NOW + timedelta(hours=2))
    found = state.nodes()
    assert {node.node_id for node in found} == {*names, "new"}
    assert {node.last_seen for node in found} == {NOW + timedelta(hours=2)}


def test_usage_over_time(state: StateStore) -> None:
    """The history comes back in order, and the newest is the last known."""
    for minute, count in enumerate((5, 7, 6)):
        at = NOW + timedelta(minutes=minute)
        state.record_totals({Measure.KEYS: Amount(count, count * 10)}, at)
    state.record_totals({Measure.VECTORS: Amount(1, None)}, NOW)
    points = state.history(Measure.KEYS, NOW + timedelta(seconds=1))
    assert [amount.count for _, amount in points] == [7, 6]
    assert state.last_totals() == {
        Measure.KEYS: (NOW + timedelta(minutes=2), Amount(6, 60)),
        Measure.VECTORS: (NOW, Amount(1, None)),
    }


def test_old_usage_is_dropped(state: StateStore) -> None:
    state.record_totals({Measure.KEYS: Amount(1, 1)}, NOW - HISTORY_KEPT - timedelta(days=1))
    state.record_totals({Measure.KEYS: Amount(2, 2)}, NOW)
    points = state.history(Measure.KEYS, NOW - timedelta(days=999))
    assert [amount.count for _, amount in points] == [2]


def test_a_time_of_any_zone_is_the_same_time(state: StateStore) -> None:
    zone = datetime.fromisoformat("2026-01-31T14:00:00+02:00")
    state.record_nodes({"n": "session"}, zone)
    assert state.nodes()[0].first_seen == NOW


def test_two_dashboards_may_write_the_same_at_once(records: Records) -> None:
    """Neither fails, and what both wrote is there once."""
    nodes = [f"tenant:acme:user:{number}" for number in range(200)]
    errors: list[StoreUnavailable] = []
    barrier = threading.Barrier(4)

    def write(store: StateStore, turned: bool) -> None:
        barrier.wait(60)
        try:
            for hour in range(0, 20, 2):
                at = NOW + timedelta(hours=hour)
                shown = nodes[: 10 * (hour + 1)]
                store.record_nodes(dict.fromkeys(shown[::-1] if turned else shown, "session"), at)
                store.record_totals(dict.fromkeys(Measure, Amount(hour, None)), at)
        except StoreUnavailable as exc:
            errors.append(exc)

    writers = [(records.state(), turned) for turned in (False, True, False, True)]
    threads = [threading.Thread(target=write, args=each) for each in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store = records.state()
    assert sorted(node.node_id for node in store.nodes()) == sorted(nodes[:190])
    assert len(store.history(Measure.KEYS, NOW)) == 10


def test_a_node_that_came_between_looking_and_writing_is_left_as_it_is(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    """Another dashboard's row is no error. In SQLite it cannot come: the second writer waits."""
    url = postgres_server.new_database()
    first, engine = (database.open_database(tmp_path, url, seconds=20) for _ in range(2))
    came: list[int] = []

    def come(*statement: object) -> None:
        if "INSERT INTO node_seen" in str(statement[2]) and not came:
            came.append(1)
            StateStore(first).record_nodes({"n": "kato"}, NOW)

    event.listen(engine, "before_cursor_execute", come)
    StateStore(engine).record_nodes({"n": "session"}, NOW + timedelta(hours=9))
    found = StateStore(first).nodes()
    assert [(node.source, node.last_seen) for node in found] == [("kato", NOW)]
    assert came
    first.dispose()
    engine.dispose()


def test_a_point_of_the_same_time_is_replaced(state: StateStore) -> None:
    state.record_totals({Measure.KEYS: Amount(1, 1)}, NOW)
    state.record_totals({Measure.KEYS: Amount(2, None)}, NOW)
    assert state.history(Measure.KEYS, NOW) == ((NOW, Amount(2, None)),)


def test_records_of_a_newer_version_are_not_touched(records: Records) -> None:
    """An older version of this product does not guess at them."""
    with records.engine().begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 999"))
        connection.execute(text("DROP TABLE tombstone"))
    with pytest.raises(StoreMisconfigured, match="newer version"):
        records.state()
    with records.engines[0].begin() as connection:
        assert connection.scalar(text("SELECT version FROM schema_version")) == 999


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreUnavailable, match="state store"):
        StateStore.open(tmp_path)


def test_a_postgresql_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    """The password is not in it."""
    url = f"postgresql://kato:hidden@/kato?host={tmp_path}"
    with pytest.raises(StoreUnavailable, match="state store") as caught:
        StateStore.open(tmp_path, url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_names_postgresql_in_any_way(
    postgres_server: Postgres, scheme: str, tmp_path: Path
) -> None:
    url = postgres_server.new_database()
    store = StateStore.open(tmp_path, url.replace("postgresql+psycopg", scheme))
    store.record_nodes({"n": "session"}, NOW)
    assert len(store.nodes()) == 1
    store.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://x:hidden@h/d", "postgresql+nodriver://x:hidden@h/d", "postgresql://x:hidden@h:port/d"],
)  # fmt: skip
def test_a_url_that_cannot_be_used_names_its_variable(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KATO_TENANTS_STATE_URL") as caught:
        StateStore.open(tmp_path, url)
    assert "hidden" not in str(caught.value)


def test_a_missing_driver_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("psycopg")

    monkeypatch.setattr(database, "create_engine", fail)
    with pytest.raises(SettingsError, match=r"kato-tenants\[postgresql\]"):
        StateStore.open(tmp_path, "postgresql://h/d")


def test_an_engine_of_ours_is_closed_when_opening_fails(tmp_path: Path) -> None:
    """Nothing holds the file of a failed start."""
    engine = create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO schema_version VALUES (999)"))
    engine.dispose()
    with pytest.raises(StoreMisconfigured):
        StateStore.open(tmp_path)
    assert not (tmp_path / "state.sqlite-wal").exists()
