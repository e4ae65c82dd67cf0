"""How sure the keyspace's figures are: sampled, still running, or estimated."""

from __future__ import annotations

import random

import pytest
import redis

from services.figures import Precision
from services.stores.redis import server
from services.tenancy.layout import Owner, OwnerKind
from services.usage.readings import KeyReading
from tests.engines.redis.keys import restore_capture, store_of

UNREAD = (None, None, None)


def kb(name: str) -> Owner:
    return Owner(OwnerKind.KB, name)


def unequal_keys(chance: random.Random) -> dict[str, str]:
    return {
        f"t{chance.randrange(5)}_kato:prediction:{number}": "x" * int(chance.expovariate(1 / 900))
        for number in range(4000)
    }


def test_sampled_memory_is_within_its_margin(valkey: redis.Redis) -> None:
    """Above the budget, memory comes from a sample: right within its margin, mostly."""
    valkey.mset(unequal_keys(random.Random(5)))
    exact = {g.owner: g.amount for g in store_of(valkey).read().groups}
    store = store_of(valkey, memory_budget=1000)
    trials = hits = 0
    for _ in range(80):  # so many that 0.87 is four deviations from what is expected
        reading = store.read()
        assert reading.precision is Precision.SAMPLED
        assert 0.08 < reading.memory_share < 0.14
        for group in reading.groups:
            amount, truth = group.amount, exact[group.owner]
            assert (amount.count, amount.count_margin) == (truth.count, 0)
            assert amount.bytes is not None
            assert truth.bytes is not None
            assert 0 < amount.bytes_margin < truth.bytes
            trials += 1
            hits += abs(amount.bytes - truth.bytes) <= amount.bytes_margin
    assert hits / trials > 0.87


def test_small_groups_are_sampled_too(valkey: redis.Redis) -> None:
    """However small the share, a few keys of every group are sized; of a tiny one, all."""
    valkey.mset({f"big_kato:frequency:{number}": 1 for number in range(3000)})
    valkey.mset({f"small{n}_kato:frequency:{k}": "x" * 50 * k for n in range(20) for k in range(4)})
    reading = store_of(valkey, memory_budget=100, memory_sample=0.001).read()
    small = [group for group in reading.groups if group.owner != kb("big_kato")]
    assert {(g.amount.count, g.amount.bytes_margin) for g in small} == {(4, 0.0)}
    assert all(group.amount.bytes for group in reading.groups)


def test_running_figures_are_scaled_up_with_their_margin(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the pass runs, counts stand for the whole keyspace, right within their margin."""
    from services.stores.redis import scan as keyscan

    monkeypatch.setattr(keyscan, "_REPORT_SECONDS", 0.0)
    monkeypatch.setattr(keyscan, "_REPORT_PART", 1e9)
    valkey.mset(unequal_keys(random.Random(6)))
    readings: list[KeyReading] = []
    final = store_of(valkey).read(progress=readings.append)
    exact = {group.owner: group.amount for group in final.groups}
    assert len(readings) > 20
    shares = [reading.share for reading in readings]
    assert shares == sorted(shares)
    assert {reading.precision for reading in readings} == {Precision.RUNNING}
    assert {(r.sessions, r.index_members, r.stale_members) for r in readings} == {UNREAD}
    amounts = [(g.amount, exact[g.owner]) for r in readings[2:-2] for g in r.groups]
    right = [abs(a.count - truth.count) <= a.count_margin + 0.5 for a, truth in amounts]
    assert sum(right) / len(right) > 0.8
    near = [abs((a.bytes or 0) - (t.bytes or 0)) <= a.bytes_margin + 1 for a, t in amounts]
    assert sum(near) / len(near) > 0.8


def test_progress_is_reported_a_few_times_a_second_at_most(valkey: redis.Redis) -> None:
    """A short pass reports nothing in between."""
    restore_capture(valkey)
    readings: list[KeyReading] = []
    store_of(valkey, scan_count=1000).read(progress=readings.append)
    assert len(readings) <= 1


def test_estimate_is_a_lower_bound_by_kb_id(valkey: redis.Redis) -> None:
    """KATO's counters tell the keys of patterns and symbols, and no more than there are."""
    restore_capture(valkey)
    store = store_of(valkey)
    exact = {(g.owner, g.kind): g.amount.count for g in store.read().groups}
    kb_ids = sorted({owner.name for owner, _ in exact if owner.kind == "kb"})
    reading = store.estimate([*kb_ids, "tenant_nobody_kato", "weird\udcff"])
    assert reading.precision is Precision.ESTIMATE
    assert (reading.sessions, reading.index_members, reading.stale_members) == UNREAD
    assert reading.keys_before == valkey.dbsize()
    assert {group.owner.name for group in reading.groups} == set(kb_ids)
    for group in reading.groups:
        assert 0 < group.amount.count <= exact[group.owner, group.kind]
        assert group.amount.bytes is None
        assert group.sure
    patterns = sum(g.amount.count for g in reading.groups if g.kind == "frequency")
    assert patterns == sum(n for (_, kind), n in exact.items() if kind == "frequency")
    symbols = sum(g.amount.count for g in reading.groups if g.kind == "symbol_to_patterns")
    assert symbols == sum(n for (_, kind), n in exact.items() if kind == "symbol_to_patterns")


def test_estimate_of_odd_counters_says_nothing(valkey: redis.Redis) -> None:
    """A counter that is no number of keys, or of another type, adds none and fails nothing."""
    valkey.set("a_kato:global:total_unique_patterns", "many")
    valkey.set("a_kato:symbols:freq", "no hash")
    valkey.lpush("b_kato:global:total_unique_patterns", 1)
    valkey.set("c_kato:global:total_unique_patterns", "9" * 5_000)
    valkey.set("d_kato:global:total_unique_patterns", "9" * 19)
    kb_ids = ["a_kato", "b_kato", "c_kato", "d_kato"]
    assert store_of(valkey).estimate(kb_ids).groups == ()
    assert store_of(valkey).estimate([]).groups == ()


@pytest.mark.parametrize("facts", [{}, {"db0": "keys=1", "used_memory": ""}, {"db0": "expires=?"}])
def test_what_info_does_not_say_is_unknown(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch, facts: dict[str, str]
) -> None:
    """Neither is 0, except that of no key none expires."""
    monkeypatch.setattr(server, "fields_of", lambda _: facts)
    assert store_of(valkey).read().with_ttl == 0
    valkey.set("a_kato:frequency:x", 1, ex=900)
    reading = store_of(valkey).read()
    assert (reading.with_ttl, reading.used_memory) == (None, None)
