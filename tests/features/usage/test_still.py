"""A refresh of a fleet in which nothing was written takes over what the last one read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.figures import Measure
from services.settings.environment import Settings
from services.stores.clickhouse.usage import PatternStore
from services.stores.redis.scan import KeyPass
from services.usage import collect
from services.usage.snapshot import Snapshot
from tests.servers.valkey import until_it_tells


@pytest.fixture
def services(kato_settings: Settings, valkey: redis.Redis) -> Iterator[Services]:
    built = bootstrap.build(kato_settings)
    until_it_tells(valkey)
    yield built
    built.close()


def forbid(monkeypatch: pytest.MonkeyPatch, *, roll_up: bool = True) -> None:
    """Let every pass fail."""
    monkeypatch.setattr(PatternStore, "_read", None)
    monkeypatch.setattr(KeyPass, "run", None)
    if roll_up:
        monkeypatch.setattr(collect, "roll_up", None)


def counts(snapshot: Snapshot) -> list[int | None]:
    return [figures.total and figures.total.count for figures in snapshot.stores.values()]


def test_nothing_was_written(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pass and no roll-up; the figures were confirmed just now."""
    services.usage.collect()
    first = services.usage.collect()  # whose node_ids were new at the first
    forbid(monkeypatch)
    second = services.usage.collect()
    assert second.tenants is first.tenants
    assert counts(second) == counts(first)
    assert None not in counts(second)
    for measure in (Measure.PATTERNS, Measure.KEYS, Measure.SESSIONS):
        before, after = first.stores[measure].collected_at, second.stores[measure].collected_at
        assert before
        assert after
        assert after > before


def test_what_was_written_is_read(services: Services, valkey: redis.Redis) -> None:
    """One store's pass, and the figures of it; another store's readings are taken over."""
    before = services.usage.collect()
    valkey.set("tenant_acme_user_new_kato:frequency:p", 1)
    after = services.usage.collect()
    keys = [each.stores[Measure.KEYS].total for each in (before, after)]
    assert keys[0]
    assert keys[1]
    assert keys[1].count == keys[0].count + 1


def test_whose_it_is_counts_anew(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node_id that was imported takes a roll-up and no pass."""
    services.usage.collect()
    first = services.usage.collect()
    forbid(monkeypatch, roll_up=False)
    node = "tenant:newly-known:user:u"
    services.state.record_nodes({node: "session"}, first.collected_at)
    second = services.usage.collect()
    assert node in services.usage.ownership().nodes
    assert second.tenants is not first.tenants
    assert counts(second) == counts(first)


def test_doubt_has_an_end(
    services: Services, kato_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the last whole pass is as old as is set, another is taken: with 0, each time."""
    whole = bootstrap.build(kato_settings.model_copy(update={"whole_pass_minutes": 0.0}))
    try:
        whole.usage.collect()
        forbid(monkeypatch, roll_up=False)
        failed = whole.usage.collect()
    finally:
        whole.close()
    unknown = {m for m, figures in failed.stores.items() if figures.total is None}
    assert unknown == {Measure.PATTERNS, Measure.KEYS, Measure.SESSIONS}
