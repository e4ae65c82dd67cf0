"""The snapshot of a whole deployment over real sockets, on good days and bad ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.settings.environment import Settings
from services.stores.records.nodes import StateStore
from services.tenancy.names import Source
from services.tenancy.ownership import ClaimState
from services.usage import cold_start, csv_lines, formats as report
from services.usage.snapshot import Snapshot
from tests.servers.deployment import FAULTS, SECRET, Deployment
from tests.servers.faults import SOON

MEASURES_OF = {
    "clickhouse": {Measure.PATTERNS},
    "redis": {Measure.KEYS, Measure.SESSIONS},
    "qdrant": {Measure.VECTORS},
    "kato": set[Measure](),
}


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    built = bootstrap.build(kato_settings)
    yield built
    built.close()


def usages(snapshot: Snapshot) -> list[Usage]:
    return [
        *(tenant.usage for tenant in snapshot.tenants),
        *(part.usage for part in snapshot.shared),
        snapshot.unattributed.usage,
    ]


def test_who_owns_what_is_read_again_when_a_node_came(
    services: Services, kato_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever process: not 10,000 of them for every action, and never those of before."""
    services.usage.collect()
    known = services.usage.ownership()
    other = StateStore.open(kato_settings.data)
    other.record_nodes({"tenant:acme:user:new": "session"}, datetime.now(UTC))
    assert "tenant:acme:user:new" in services.usage.ownership().nodes - known.nodes
    now = services.usage.ownership()
    monkeypatch.setattr(StateStore, "nodes", None)
    assert services.usage.ownership() is now
    other.close()


def test_a_client_that_came_to_an_idle_tenants_data(
    services: Services, valkey: redis.Redis
) -> None:
    """Seen first on what an earlier pass saw without a node_id; the first pass knows no earlier."""
    kb_id, node = "tenant_acme_corp_user_idle_kato", "tenant:acme-corp:user:idle"
    valkey.set(f"{kb_id}:frequency:p", 1)
    services.usage.collect()
    assert services.usage.ownership().kb(kb_id).state is ClaimState.SHARED, "both tenants are known"
    valkey.set("kato:session:session-late", json.dumps({"node_id": node}), ex=900)
    services.usage.collect()
    owning = services.usage.ownership()
    assert owning.origins[node].source is Source.CAME
    assert owning.kb(kb_id).state is ClaimState.SHARED
    others = {origin.source for other, origin in owning.origins.items() if other != node}
    assert Source.CAME not in others


def test_the_capture_is_counted_exactly(services: Services) -> None:
    """What the recorded KATO held is what the snapshot says."""
    snapshot = services.usage.collect()
    counts = {m.value: f.total and f.total.count for m, f in snapshot.stores.items()}
    assert counts == {"patterns": 136, "keys": 2315, "vectors": 75, "sessions": 28}
    by_name = {str(t.tenant): t for t in snapshot.tenants}
    assert len(by_name) == 16
    assert by_name["tenant/acme"].usage.patterns == Amount(
        21, by_name["tenant/acme"].usage.patterns.bytes
    )  # type: ignore[union-attr]
    (shared,) = snapshot.shared
    assert shared.name == "tenant_acme_corp_user_bob_kato"
    assert [str(t) for t in shared.claim.tenants] == ["tenant/acme-corp", "tenant/acme_corp"]
    assert shared.usage.patterns is not None
    assert shared.usage.patterns.count == 16
    assert snapshot.unattributed.usage.keys_by_kind == {"session_index": 1, "stream": 2}


def test_the_parts_sum_to_each_stores_own_total(services: Services) -> None:
    """Counts and bytes, and the difference is shown as 0."""
    snapshot = services.usage.collect()
    for measure, figures in snapshot.stores.items():
        amounts = [usage.of(measure) for usage in usages(snapshot)]
        assert figures.total is not None
        assert sum(amount.count for amount in amounts if amount) == figures.total.count
        assert sum(amount.bytes or 0 for amount in amounts if amount) == (figures.total.bytes or 0)
        assert figures.difference == Amount(0, 0)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("store", ["clickhouse", "redis", "qdrant"])
def test_a_store_that_fails_is_unknown_and_nothing_is_0(
    services: Services, kato: Deployment, store: str, fault: str
) -> None:
    """The others stay, the reason is given, and the age of the last good figure."""
    good = services.usage.collect()
    kato.fail(store, fault)
    started = time.monotonic()
    snapshot = services.usage.collect()
    assert time.monotonic() - started < SOON
    for measure, figures in snapshot.stores.items():
        if measure in MEASURES_OF[store]:
            assert figures.state is StoreState.UNKNOWN
            assert figures.total is None
            assert figures.reason is not None
            assert figures.reason.store == store
            assert figures.last_good == good.stores[measure].total
            assert figures.collected_at is not None
            assert all(usage.of(measure) is None for usage in usages(snapshot))
        else:
            assert figures.state is StoreState.OK
            assert figures.total == good.stores[measure].total
    assert SECRET not in json.dumps(report.as_json(snapshot))


def test_a_store_that_refuses_our_password(services: Services, kato: Deployment) -> None:
    """Denied is not down: the reason says so."""
    kato.fail("clickhouse", "denied")
    figures = services.usage.collect().stores[Measure.PATTERNS]
    assert figures.state is StoreState.UNKNOWN
    assert "refused access" in str(figures.reason)


def test_without_kato_the_figures_stay(services: Services, kato: Deployment) -> None:
    """Only node_ids that KATO alone knows are missing, and that is said."""
    kato.fail("kato", "down")
    snapshot = services.usage.collect()
    assert all(figures.state is StoreState.OK for figures in snapshot.stores.values())
    assert "KATO did not answer" in str(snapshot.kato_problem)


def test_a_wrong_service_name_is_told(
    kato: Deployment, kato_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KATO pairs node_ids with kb_ids: another SERVICE_NAME would make others of them."""
    from services.settings.environment import load_settings

    monkeypatch.setenv("SERVICE_NAME", "other")
    httpx.post(f"{kato.environment['KATO_API_URL']}/sessions", json={"node_id": "user:seen"})
    built = bootstrap.build(load_settings())
    problem = built.usage.collect().kato_problem
    built.close()
    assert kato_settings.service_name == "kato"
    assert "check SERVICE_NAME" in str(problem)


def test_a_store_that_comes_back_is_known_again(services: Services, kato: Deployment) -> None:
    """Nothing has to be restarted."""
    for store in ("clickhouse", "redis", "qdrant"):
        kato.fail(store, "down")
    down = services.usage.collect()
    assert all(figures.total is None for figures in down.stores.values())
    kato.heal()
    assert all(f.state is StoreState.OK for f in services.usage.collect().stores.values())


def test_the_last_good_figure_survives_a_restart(
    services: Services, kato: Deployment, kato_settings: Settings
) -> None:
    """A dashboard that starts while a store is down still knows what was last read."""
    services.usage.collect()
    services.close()
    kato.fail("redis", "down")
    again = bootstrap.build(kato_settings)
    figures = again.usage.collect().stores[Measure.KEYS]
    again.close()
    assert figures.last_good is not None
    assert figures.last_good.count == 2315


def test_a_claim_stays_known_when_its_sessions_are_gone(
    services: Services, valkey: redis.Redis
) -> None:
    """Every node_id seen is recorded."""
    services.usage.collect()
    for key in valkey.scan_iter("kato:session:session-*"):
        valkey.delete(key)
    snapshot = services.usage.collect()
    claims = {str(tenant.tenant): tenant.claim.value for tenant in snapshot.tenants}
    assert claims["tenant/acme-corp"] == "known"
    assert claims["user/zed"] == "inferred"


def test_a_store_that_is_not_configured_is_neither_0_nor_unknown(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Redis alone, the other figures have no address to be read from."""
    from services.settings.environment import load_settings

    monkeypatch.setenv("REDIS_URL", kato.environment["REDIS_URL"])
    services = bootstrap.build(load_settings())
    snapshot = services.usage.collect()
    services.close()
    assert snapshot.stores[Measure.KEYS].state is StoreState.OK
    assert snapshot.stores[Measure.PATTERNS].state is StoreState.NOT_CONFIGURED
    assert all(usage.patterns is None for usage in usages(snapshot))


def test_figures_come_at_once_and_get_exact(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cold start shows estimates first, each marked, and ends exact."""
    monkeypatch.setattr(cold_start, "HEAD_START", 60)  # however busy the machine
    kato.redis.slow(0.2)  # or the exact pass over so few keys is as quick
    shown: list[Snapshot] = []
    final = services.usage.collect(progress=shown.append)
    precisions = [snapshot.stores[Measure.KEYS].precision for snapshot in shown]
    assert Precision.ESTIMATE in precisions
    assert not any(snapshot.settled for snapshot in shown[:-1])
    assert not any(f.failed for snapshot in shown for f in snapshot.stores.values())
    for snapshot in shown:
        if snapshot.stores[Measure.KEYS].precision is not Precision.EXACT:
            assert snapshot.stores[Measure.SESSIONS].total is snapshot.sessions is None
            assert all(usage.sessions is None for usage in usages(snapshot))
    assert final.settled
    assert len(final.sessions or ()) == 28
    assert final.stores[Measure.KEYS].precision is Precision.EXACT


def test_the_number_of_calls_does_not_grow_with_the_tenants(
    services: Services, kato: Deployment
) -> None:
    """One pass a store: ClickHouse a few queries, Qdrant one listing, whatever the fleet."""
    services.usage.collect()
    before = len(kato.clickhouse.calls), len(kato.qdrant.calls)
    services.usage.collect()
    queries = len(kato.clickhouse.calls) - before[0]
    asked = len(kato.qdrant.calls) - before[1]
    assert 0 < queries <= 8
    assert 0 < asked <= 3


def test_what_is_written_during_a_refresh_is_seen_by_the_next(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask while one runs, it is not lost: one more follows, and no third."""
    may, began, collect = threading.Event(), threading.Event(), services.usage.collect

    def late(**more: Any) -> Snapshot:
        began.set()
        assert may.wait(SOON)
        return collect(**more)

    monkeypatch.setattr(services.usage, "collect", late)
    services.collector.start()
    assert began.wait(SOON)
    threads = [threading.Thread(target=services.collector.refresh) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    may.set()
    assert services.collector.wait(rounds=2, timeout=240)
    assert not services.collector.wait(rounds=3, timeout=0.3)


def test_the_json_is_the_documented_one(services: Services) -> None:
    """Every field that scripts rely on is there, and it is plain JSON."""
    found = json.loads(json.dumps(report.as_json(services.usage.collect())))
    assert set(found) == {"collected_at", "stores", "tenants", "shared", "unattributed"}
    assert set(found["stores"]) == {"patterns", "keys", "vectors", "sessions"}
    for store in found["stores"].values():
        assert {"state", "reason", "collected_at", "total"} <= set(store)
        assert set(store["total"]) == {"count", "bytes"}
    four = {"patterns", "keys", "vectors", "sessions"}
    for tenant in found["tenants"]:
        assert set(tenant) == {"tenant", "claim", "claims", "kb_ids"} | four
        assert sum(tenant["keys"]["by_kind"].values()) == tenant["keys"]["count"]
    known = {"claim", "since", "from", "imported_by", "confirmed"}
    assert set(found["shared"][0]) == {"kb_id", "tenants"} | known | four
    assert set(found["unattributed"]) == four | {"samples"}


def test_the_csv_has_one_line_an_owner(services: Services) -> None:
    snapshot = services.usage.collect()
    lines = csv_lines.as_csv(snapshot).splitlines()
    assert len(lines) == 1 + len(snapshot.tenants) + len(snapshot.shared) + 1
    assert lines[0].startswith("owner,claim,patterns,patterns_bytes")


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x"])
def test_no_name_is_a_formula(name: str) -> None:
    assert csv_lines.neutral(name).startswith("'")
    assert csv_lines.neutral("tenant/acme") == "tenant/acme"


@pytest.mark.parametrize("fault", ["slow"])
def test_every_store_says_how_it_is(services: Services, kato: Deployment, fault: str) -> None:
    """What is well has a version; what is not has a reason and an advice."""
    assert [check.state for check in services.health.check()] == [StoreState.OK] * 5
    kato.fail("redis", "down")
    kato.fail("kato", fault)
    started = time.monotonic()
    checks = {check.store: check for check in services.health.check()}
    assert time.monotonic() - started < SOON
    assert checks["clickhouse"].health is not None
    assert checks["redis"].state is checks["kato"].state is StoreState.UNKNOWN
    assert "REDIS_URL" in (checks["redis"].advice or "")
    assert SECRET not in repr(checks)
