"""The state store on a real SQLite file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from services.errors import StoreMisconfigured, StoreUnavailable
from services.models import Amount, Measure
from services.stores.state import HISTORY_KEPT, StateStore

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> StateStore:
    return StateStore.open(tmp_path)


def test_a_seen_node_is_remembered_after_a_restart(tmp_path: Path, state: StateStore) -> None:
    """A claim stays known when its sessions are gone."""
    state.record_nodes({"tenant:acme:user:bob": "session"}, NOW)
    state.close()
    again = StateStore.open(tmp_path)
    (node,) = again.nodes()
    assert (node.node_id, node.source, node.first_seen) == ("tenant:acme:user:bob", "session", NOW)


@given(st.lists(st.binary(), min_size=1, max_size=5))
def test_any_node_id_is_kept_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, raw: list[bytes]
) -> None:
    """NUL, bad UTF-8 and 10,000 characters come back the same."""
    store = StateStore.open(tmp_path_factory.mktemp("state"))
    nodes = [r.decode("utf-8", "surrogateescape") for r in (*raw, b"x" * 10_000)]
    store.record_nodes(dict.fromkeys(nodes, "session"), NOW)
    assert {node.node_id for node in store.nodes()} == set(nodes)
    store.close()


def test_seeing_a_node_again_moves_only_when_it_was_last_seen(state: StateStore) -> None:
    later = NOW + timedelta(hours=5)
    state.record_nodes({"n": "session"}, NOW)
    state.record_nodes({"n": "kato"}, later)
    (node,) = state.nodes()
    assert (node.source, node.first_seen, node.last_seen) == ("session", NOW, later)


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


def test_records_of_a_newer_version_are_not_touched(tmp_path: Path, state: StateStore) -> None:
    """An older version of this product does not guess at them."""
    state.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 999"))
    engine.dispose()
    with pytest.raises(StoreMisconfigured, match="newer version"):
        StateStore.open(tmp_path)


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreUnavailable, match="state store"):
        StateStore.open(tmp_path)
