"""Every adapter over a cluster as its settings name it, and a cluster on bad days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from services.browse.models import PatternRow
from services.canary.belongings import Belongings
from services.errors import StoreDenied, StoreError, StoreMisconfigured, StoreUnavailable
from services.imports.models import Item
from services.purge.models import Surface
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.identity import identities_of, same_stores
from services.stores.redis.archive import KeyArchive
from services.stores.redis.cluster import walk
from services.stores.redis.cluster.lane import Lane
from services.stores.redis.cluster.slots import SLOTS, slot_of, tags
from services.tenancy.layout import Owner, OwnerKind
from tests.engines.erasing import MINE, silent, surface_of
from tests.engines.redis.keys import (
    commands_called,
    counts_of,
    naive_counts,
    restore_capture,
    store_of,
)
from tests.engines.redis.test_erasing import INDEX, NODE, is_bob, prints, session
from tests.servers.certificates import own_certificate
from tests.servers.redis_cluster import PROGRAMS, Node, RunningCluster, running
from tests.servers.sockets import LOOPBACK, free_port
from tests.servers.whole_cluster import WholeCluster
from tests.waiting import wait_until

NOW = datetime.now(UTC)


@contextmanager
def stores_of(url: str, **more: Any) -> Iterator[Stores]:
    found = Stores(Settings(REDIS_URL=url, KATO_TENANTS_TIMEOUT_SECONDS=20, **more))
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def stores(cluster: WholeCluster) -> Iterator[Stores]:
    """What the product opens for a cluster of which the first named node is down."""
    with stores_of(f"redis+cluster://{LOOPBACK}:{free_port()},{cluster.running.url[16:]}") as found:
        yield found


def kb(name: str) -> Owner:
    return Owner(OwnerKind.KB, name)


def test_slots_are_those_that_the_server_says(cluster: WholeCluster) -> None:
    """With hash tags, odd ones too; and each slot's tag leads to it."""
    names = [
        b"a",
        b"{a}b",
        b"x{a}",
        b"{}a",
        b"{a",
        b"}{a}",
        b"a{{b}}c",
        b"a{b}{c}",
        b"\xff{\x00}",
        b"{a}{",
    ]
    node = cluster.running.nodes[0].client
    assert [slot_of(name) for name in names] == [node.cluster("KEYSLOT", name) for name in names]
    assert [slot_of(b"%b{%b}" % (tag, tag)) for tag in tags()] == list(range(SLOTS))


class TestAdapters:
    def test_the_capture_is_counted_as_by_name(self, cluster: WholeCluster, stores: Stores) -> None:
        """As one server's: keys, sessions, what they take, and what the servers count."""
        rows = restore_capture(cluster)
        reading = stores.keys.read()
        assert counts_of(reading) == naive_counts([row["key"].encode() for row in rows])
        assert reading.keys_before == reading.keys_after == len(rows)
        assert (reading.with_ttl, len(reading.sessions or ())) == (28, 28)
        cluster.config_resetstat()
        again = stores.keys.read(last=reading)
        assert counts_of(again) == counts_of(reading)
        assert "cluster|getkeysinslot" not in commands_called(cluster)
        cluster.set(f"{MINE}:frequency:new", 1)
        assert stores.keys.read(last=again).keys_after == len(rows) + 1

    def test_memory_is_carried_over(self, cluster: WholeCluster) -> None:
        cluster.mset({f"{MINE}:frequency:{at}": at for at in range(300)})
        store = store_of(cluster, memory_every=3600, few=10)
        first = store.read()
        cluster.set(f"{MINE}:frequency:new", 1)
        second = store.read(last=first)
        assert (first.memory_at, second.keys_after) == (None, 301)
        assert second.memory_at is not None
        cluster.running.nodes[0].client.flushall()
        assert store.read(last=second).memory_at is None

    def test_how_it_is(self, cluster: WholeCluster, stores: Stores) -> None:
        found = stores.keys.health()
        assert found.version.startswith("valkey 9")
        assert found.detail.startswith("a cluster of 3 primaries with 0 replicas")
        assert found.lacks == ()
        assert found.memory is not None
        assert found.memory.limit == 0
        assert (found.memory.used or 0) > 3_000_000

    def test_how_it_is_set_up(self, cluster: WholeCluster, stores: Stores) -> None:
        """One that evicts most freely, and one without a password, is what counts."""
        cluster.xadd("stm:global", {"x": 1})
        cluster.xadd("stm:other", {"x": 1})
        found = stores.key_audit.facts()
        assert found.streams == {"stm:global": 1, "stm:other": 1}
        assert (found.max_memory, found.saves, found.open) == (0, False, True)
        second = cluster.running.nodes[1].client
        second.config_set("maxmemory", 10**9)
        second.config_set("maxmemory-policy", "allkeys-lru")
        found = stores.key_audit.facts()
        assert (found.max_memory, found.eviction) == (10**9, "allkeys-lru")
        second.config_set("maxmemory", 0)

    def test_it_is_the_same_by_whichever_node(self, cluster: WholeCluster, stores: Stores) -> None:
        port = cluster.running.nodes[2].port
        with stores_of(f"redis+cluster://{LOOPBACK}:{port}") as other:
            both = [identities_of(each.engines, each._settings) for each in (stores, other)]
        assert same_stores(*both) == ("redis",)

    def test_sessions_are_read_and_written(self, cluster: WholeCluster, stores: Stores) -> None:
        """One record, all that are encrypted, the index, another text in a record."""
        for at in range(5):
            session(cluster, b"s-%d" % at, NODE)
        cluster.sadd(INDEX, "gone-1", "gone-2")
        record = {"node_id": NODE, "metadata": {"note": "plain"}}
        cluster.set("kato:session:s-0", json.dumps(record))
        detail = stores.session_records.detail("kato:session:s-0")
        assert detail is not None
        assert detail.record.owner.name == NODE
        there = [f"kato:session:s-{at}" for at in range(9)]
        assert stores.session_records.there(there) == frozenset(there[:5])
        assert stores.session_records.sealed() == ()
        cleaned = stores.session_writes.clean_index()
        assert (cleaned.members, cleaned.removed) == (7, 2)
        assert cluster.smembers(INDEX) == {b"s-%d" % at for at in range(5)}
        assert stores.session_writes.swap("kato:session:s-0", "plain", "other")
        assert json.loads(cluster.get("kato:session:s-0"))["metadata"] == {"note": "other"}

    def test_one_owners_keys(self, cluster: WholeCluster, stores: Stores) -> None:
        rows = restore_capture(cluster)
        own = [row["key"] for row in rows if row["key"].startswith(MINE + ":")]
        found = stores.key_pages.inventory(kb(MINE))
        assert found.count == len(own)
        assert {each.key for each in found.largest} <= set(own)
        value = stores.key_pages.value(own[0])
        assert value is not None
        assert b"".join(stores.key_pages.whole(own[0]))
        keys = [key for key in own if ":frequency:" in key]
        patterns = (
            [PatternRow(MINE, key.rpartition(":")[2], 0, 0, None) for key in keys[:3]]
            if False
            else []
        )
        assert stores.frequencies.of(patterns) == ()
        assert len(stores.keys.peek([key.encode() for key in own])) == len(own)
        assert stores.keys.estimate([MINE]).groups

    def test_keys_are_imported_and_taken_back(self, cluster: WholeCluster, stores: Stores) -> None:
        """Each key in a transaction of its own, and the index with a session."""
        cluster.set(f"{MINE}:frequency:a", 1)
        before = prints(cluster)
        items = [
            *(Item(1, f"{MINE}:frequency:{x}", {"type": "string", "value": "7"}) for x in "abc"),
            Item(4, "kato:session:new", {"type": "string", "value": json.dumps({"node_id": NODE})}),
            Item(5, f"{MINE}:symbol_to_patterns:x", {"type": "set", "value": ["a"]}),
        ]
        keys = stores.writers.key_imports
        kept = keys.before("", items)
        keys.write("", items, kept)
        assert cluster.get(f"{MINE}:frequency:a") == b"7"
        assert cluster.smembers(INDEX) == {b"new"}
        assert keys.take_back("", kept, items) == 0
        assert prints(cluster) == before

    def test_the_canarys_keys_are_written(self, cluster: WholeCluster, stores: Stores) -> None:
        found = Belongings(
            rows=(), texts={"c_kato:a": "1"}, hashes={"c_kato:h": {"f": "1"}},
            sets={"c_kato:s": ("m", "n")}, collection="", points=(),
        )  # fmt: skip
        stores.canary_keys.write(found)
        names = sorted(cluster.keys())
        assert names == [b"c_kato:a", b"c_kato:h", b"c_kato:s"]
        assert all(cluster.ttl(key) > 0 for key in names)

    def test_an_archive_reads_of_a_cluster_what_it_reads_of_a_server(
        self, cluster: WholeCluster, valkey: redis.Redis
    ) -> None:
        """Every type in it, with the same fingerprints."""
        for each in (cluster, valkey):
            restore_capture(each)
            session(each, b"s-1", NODE)
            each.persist("kato:session:s-1")
        surface = Surface(surface_of(MINE).kb_ids, nodes=frozenset({NODE}))
        one, other = (
            KeyArchive(each, service="kato", scan_count=100, seconds=20).prints(surface, is_bob)
            for each in (cluster, valkey)
        )
        assert one["redis/keys"] == other["redis/keys"]
        assert one["redis/keys"].count > 20
        assert one["redis/sessions"].count == other["redis/sessions"].count > 0


class TestErasing:
    def test_a_slot_that_is_left_half_moved(self, cluster: WholeCluster, stores: Stores) -> None:
        """A reshard that was cut off: the key is where its slot will be."""
        session(cluster, b"s-1", NODE)
        slot = slot_of(b"kato:session:s-1")
        home = next(n for n in cluster.running.nodes if n.client.cluster("COUNTKEYSINSLOT", slot))
        target = next(node for node in cluster.running.nodes if node is not home)
        steps = cluster.running.moving(slot, target)
        while home.client.cluster("COUNTKEYSINSLOT", slot):
            next(steps)
        assert stores.keys.read().sessions is not None
        assert stores.session_writes.swap("kato:session:s-1", "user:bob", "user:eve")
        assert stores.session_writes.swap("kato:session:s-1", "user:eve", "user:bob")
        stores.key_erasing.erase_sessions(surface_of(MINE), is_bob)
        assert target.client.cluster("COUNTKEYSINSLOT", slot) == 0
        for _ in steps:
            pass
        assert cluster.keys() == []

    def test_a_slot_of_many_keys(
        self, cluster: WholeCluster, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """More than are asked for at once, as those of one hash tag."""
        monkeypatch.setattr(walk, "_AT_ONCE", 10)
        walk._listings.cache_clear()
        cluster.mset({f"{MINE}:symbol_to_patterns:{{x}}{at}": 1 for at in range(500)})
        assert stores.keys.read().groups[0].amount.count == 500
        walk._listings.cache_clear()


def rights_of(cluster: WholeCluster, *rules: str, nodes: slice = slice(None)) -> None:
    for node in cluster.running.nodes[nodes]:
        node.client.execute_command("ACL", "SETUSER", "few", "reset", "on", ">secret", *rules)


def as_few(cluster: WholeCluster) -> str:
    return cluster.running.url.replace("://", "://few:secret@")


class TestRights:
    def test_one_node_where_the_user_may_less_is_enough(self, cluster: WholeCluster) -> None:
        rights_of(cluster, "~*", "+@all")
        with stores_of(as_few(cluster)) as stores:
            assert stores.keys.health().lacks == ()
            assert stores.key_erasing.rights() == ()
            rights_of(cluster, "~*", "+@all", "-unlink", "-memory", nodes=slice(2, 3))
            assert [lack.right for lack in stores.keys.health().lacks] == ["MEMORY USAGE"]
            (lack,) = stores.key_erasing.rights()
            assert lack.startswith("its user may not use UNLINK on keys of kb_ids")
            rights_of(cluster, "~*", "+@all", "-cluster|getkeysinslot", nodes=slice(1, 2))
            with pytest.raises(StoreDenied, match="CLUSTER GETKEYSINSLOT"):
                stores.keys.health()
            with pytest.raises(StoreDenied):
                stores.keys.read()


class TestAddresses:
    def test_a_node_that_is_taken_for_the_whole_says_what_to_write(
        self, cluster: WholeCluster
    ) -> None:
        with stores_of(f"redis://{LOOPBACK}:{cluster.running.nodes[0].port}/0") as stores:
            with pytest.raises(StoreMisconfigured, match=r"redis\+cluster://"):
                stores.keys.read()
            with pytest.raises(StoreMisconfigured, match=r"redis\+cluster://"):
                stores.key_erasing.rights()

    def test_a_single_server_that_is_taken_for_a_cluster(self, valkey_url: str) -> None:
        with (
            stores_of(valkey_url.replace("redis://", "redis+cluster://")) as stores,
            pytest.raises(StoreMisconfigured, match="redis:// in REDIS_URL"),
        ):
            stores.keys.read()

    def test_no_node_answers(self) -> None:
        with (
            stores_of(
                f"redis+cluster://{LOOPBACK}:{free_port()},{LOOPBACK}:{free_port()}"
            ) as stores,
            pytest.raises(StoreUnavailable, match="asking for its nodes, at 127"),
        ):
            stores.keys.read()


def test_over_tls_and_by_the_names_that_nodes_announce(tmp_path: Path) -> None:
    """Who is not trusted is not spoken to; without TLS at these ports, what is wrong is said."""
    certificate, key = own_certificate(tmp_path)
    options = (
        "--tls-cluster", "yes", "--tls-auth-clients", "no", "--tls-ca-cert-file", str(certificate),
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key),
        "--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname",
    )  # fmt: skip
    with running(tmp_path, "redis_7", options=options, tls=True) as found:
        places = ",".join(f"{LOOPBACK}:{node.tls}" for node in found.nodes)
        with stores_of(f"rediss+cluster://{places}?ssl_ca_certs={certificate}") as stores:
            client = stores.engines.redis
            assert not isinstance(client, redis.Redis)
            told = {each.connection_pool.connection_kwargs["host"] for each in client.nodes()}
            assert told == {"localhost"}
            slot = slot_of(b"a_kato:x")
            found.move(slot, found.nodes[0] if slot > SLOTS // 3 else found.nodes[1])
            stores.canary_keys.write(Belongings((), {"a_kato:x": "1"}, {}, {}, "", ()))
            assert stores.keys.read().keys_after == 1
        for url in (f"rediss+cluster://{places}", f"redis+cluster://{places}"):
            with stores_of(url) as stores, pytest.raises(StoreError):
                stores.keys.read()


@pytest.fixture(scope="module", params=PROGRAMS)
def followed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCluster]:
    """Three primaries with a replica each, which take over after a second."""
    options = ("--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0")
    if request.param == "valkey_9":
        options = (*options, "--cluster-databases", "3")
    folder = tmp_path_factory.mktemp("followed")
    with running(folder, request.param, replicas=1, options=options) as found:
        yield found


def test_keys_in_other_databases_are_told_and_not_read(followed: RunningCluster) -> None:
    """Valkey 9 lets a cluster have them; KATO's client has no way there."""
    if not followed.nodes[0].client.config_get("cluster-databases"):
        pytest.skip("it has one database alone")
    elsewhere = redis.Redis(port=followed.primaries[slot_of(b"x") * 3 // SLOTS].port, db=2)
    elsewhere.set("x", 1)
    said = "not read: 1 keys in databases other than 0 (2)"
    with stores_of(followed.url) as stores:
        assert said in stores.keys.health().detail
        assert said in stores.key_erasing.look(surface_of(MINE), is_bob).disclosed
        assert said in stores.key_erasing.sweep(surface_of(MINE), is_bob, silent).disclosed
        assert stores.keys.read().keys_after == 0
    elsewhere.flushall()
    elsewhere.close()


def test_a_primary_that_dies_makes_a_pass_void_until_its_replica_has_taken_over(
    followed: RunningCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never short: the node is named; then all keys are there."""
    client = WholeCluster(followed)
    client.mset({f"{MINE}:frequency:{at}": at for at in range(300)})
    for node in followed.primaries:
        node.client.wait(1, 5000)
    with stores_of(followed.url) as stores:
        assert stores.keys.read().keys_after == 300
        victim = followed.primaries[1]
        known = stores.key_erasing.servers()
        assert (len(known), stores.key_erasing.replicas()) == (3, 3)
        with monkeypatch.context() as patch:
            _kill_at(patch, victim)
            with pytest.raises(StoreUnavailable, match=f"at {LOOPBACK}:{victim.port}"):
                stores.keys.read()
        with pytest.raises(StoreUnavailable):
            stores.keys.read()
        wait_until(lambda: _reads(stores))
        reading = stores.keys.read()
        assert sum(group.amount.count for group in reading.groups) == 300
        assert len(known - stores.key_erasing.servers()) == 1
    client.close()


def _kill_at(patch: pytest.MonkeyPatch, victim: Node) -> None:
    take, seen = Lane.take, list[int]()

    def taking(lane: Lane, number: int) -> Any:
        if lane.address.port == victim.port:
            seen.append(number)
            if len(seen) == 2:
                victim.kill()
        return take(lane, number)

    patch.setattr(Lane, "take", taking)


def _reads(stores: Stores) -> bool:
    with suppress(StoreError):
        return bool(stores.keys.read())
    return False
