"""Erasing keys and sessions from a real Valkey: all that are the target's, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import redis

from services.errors import StoreDenied, StoreError, StoreRejected, StoreUnavailable
from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import Look, Reckoning, Surface
from services.settings.environment import Settings
from services.stores.adapters import Stores
from services.stores.redis import look as look_of
from services.stores.redis.erase import KeyErasing
from services.tenancy.layout import text_of
from tests.engines.erasing import HOSTILE, MINE, silent, surface_of
from tests.engines.redis.keys import commands_called, restore_capture
from tests.features.purge.fingerprint import dumped
from tests.servers.faults import Answer, HttpServer, free_port
from tests.servers.proxy import FaultyProxy

INDEX = b"kato:session:_active_index"
NODE = "tenant:acme:user:bob"
Wants = Callable[[str], bool]


def nobody(_: str) -> bool:
    return False


def is_bob(node: str) -> bool:
    return node == NODE


def erasing_of(client: redis.Redis, **options: float) -> KeyErasing:
    defaults = {"scan_count": 10, "pass_seconds": 20.0, **options}
    return KeyErasing(client, service="kato", **defaults)  # type: ignore[arg-type]


def prints(client: redis.Redis) -> dict[bytes, bytes]:
    """Everything, to the byte; the members of the index one by one."""
    found = {key: dump for key, _, dump in dumped(client) if key != INDEX}
    return found | {INDEX + b"/" + member: b"" for member in client.smembers(INDEX)}


def counts(look: Look) -> dict[tuple[str, str], int]:
    return {(item.owner, item.kind): item.count for item in look.items}


def session(client: redis.Redis, name: bytes, node: str, key: bytes = b"kato:session:") -> None:
    client.set(key + name, json.dumps({"session_id": name.decode(), "node_id": node}), ex=500)
    if key == b"kato:session:":
        client.sadd(INDEX, name)


def test_a_kb_id_of_the_capture_goes_and_nothing_else(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind by kind, with its memory; every other key stays to the byte, and again is nothing."""
    monkeypatch.setattr(look_of, "_SAY_SECONDS", 60)  # a busy machine would say it on the way too
    rows = restore_capture(valkey)
    own = [row["key"] for row in rows if row["key"].startswith(MINE + ":")]
    before = prints(valkey)
    look = erasing_of(valkey).look(surface_of(MINE), nobody)
    assert counts(look) == Counter((MINE, key.split(":")[1]) for key in own)
    assert len(own) > 20
    assert sum(item.bytes or 0 for item in look.items) == sum(map(valkey.memory_usage, own))
    assert {item.store for item in look.items} == {Measure.KEYS}
    for item in look.items:
        assert 0 < len(item.samples) <= 3
        assert all(name.startswith(f"{MINE}:{item.kind}:") for name in item.samples)
    assert look.blockers == ()
    assert prints(valkey) == before
    said: list[Progress] = []
    for _ in range(2):
        erasing_of(valkey).erase(surface_of(MINE), nobody, said.append)
        assert prints(valkey) == {k: v for k, v in before.items() if text_of(k) not in own}
        assert erasing_of(valkey).look(surface_of(MINE), nobody).items == ()
    assert said == [Progress("keys erased", len(own)), Progress("keys erased", 0)]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_name_means_itself(valkey: redis.Redis, name: bytes) -> None:
    """Whatever the word after it, and whoever's name it is the beginning of."""
    for kb in HOSTILE:
        for word in (b"frequency", b"own word", b"prediction:a:*"):
            valkey.set(kb + b":" + word + b":p", 1)
    before = prints(valkey)
    assert counts(erasing_of(valkey).look(surface_of(name), nobody)) == {
        (text_of(name), kind): 1 for kind in ("frequency", "other", "prediction")
    }
    erasing_of(valkey).erase(surface_of(name), nobody, silent)
    assert prints(valkey) == {k: v for k, v in before.items() if not k.startswith(name + b":")}
    assert len(before) - len(prints(valkey)) == 3


def test_the_sessions_of_a_node_end_and_no_others(valkey: redis.Redis) -> None:
    """Record, index, pointer and caches; of a node whose name begins alike, none."""
    surface = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
    for name, node in ((b"s-1", NODE), (b"s-2", NODE), (b"s-3", NODE + "by"), (b"s-30", "x")):
        session(valkey, name, node)
    for node in (NODE, NODE + "by"):
        valkey.set(f"kato:session:node:{node}:active", "s-1")
    valkey.set("patterns:top:s-1:10", "[]")
    valkey.set("patterns:name:s-2", "[]")
    valkey.set("patterns:top:s-30:10", "[]")
    valkey.set("kato:metrics:session:s-2:x", "1")
    valkey.set("kato:metrics:s-22", "1")
    valkey.set("symbols:probabilities", "{}")
    before, erasing = prints(valkey), erasing_of(valkey)
    look = erasing.look(surface, is_bob)
    assert counts(look) == {
        (NODE, "session"): 2, (NODE, "session_index"): 2, (NODE, "active_pointer"): 1,
        (NODE, "cache"): 3,
    }  # fmt: skip
    assert {i.store for i in look.items if i.kind == "session"} == {Measure.SESSIONS}
    assert {i.store for i in look.items if i.kind != "session"} == {Measure.KEYS}
    assert erasing.sessions(surface, is_bob) == {"s-1": NODE, "s-2": NODE}
    assert prints(valkey) == before
    gone = {
        b"kato:session:s-1", b"kato:session:s-2", INDEX + b"/s-1", INDEX + b"/s-2",
        f"kato:session:node:{NODE}:active".encode(), b"patterns:top:s-1:10",
        b"patterns:name:s-2", b"kato:metrics:session:s-2:x",
    }  # fmt: skip
    for _ in range(2):
        erasing.erase_sessions(surface, is_bob)
        assert prints(valkey) == {k: v for k, v in before.items() if k not in gone}
        assert erasing.look(surface, is_bob).items == ()


def test_what_is_cached_of_a_session_goes_after_its_record_did(valkey: redis.Redis) -> None:
    """KATO's API ends the session first; the job knows its id from its journal."""
    session(valkey, b"s-1", NODE)
    valkey.set("patterns:top:s-1:10", "[]")
    erasing, surface = erasing_of(valkey), surface_of(MINE)
    surface = replace(surface, sessions=tuple(erasing.sessions(surface, is_bob).items()))
    valkey.delete("kato:session:s-1")
    assert counts(erasing.look(surface, is_bob)) == {(NODE, "cache"): 1, (NODE, "session_index"): 1}
    erasing.erase_sessions(surface, is_bob)
    assert prints(valkey) == {}


def test_a_guides_kb_id_is_no_obstacle_to_its_own_tenant(valkey: redis.Redis) -> None:
    """`tenant:acme:user:bob` may be a kb_id and the beginning of the tenant's keys at once."""
    valkey.set("tenant:acme:user:bob:note", "x")
    both = Surface(kb_ids=frozenset({"tenant:acme:user:bob"}), tenant_ids=frozenset({"acme"}))
    assert erasing_of(valkey).look(both, nobody).blockers == ()
    assert erasing_of(valkey).look(replace(both, tenant_ids=frozenset()), nobody).blockers


def test_keys_alone_leave_the_records(valkey: redis.Redis) -> None:
    """`erase` takes what counts as keys, and the records are for `erase_sessions`."""
    session(valkey, b"s-1", NODE)
    valkey.set(f"kato:session:node:{NODE}:active", "s-1")
    valkey.set("patterns:top:s-1:10", "[]")
    valkey.set(f"{MINE}:frequency:p", 1)
    erasing = erasing_of(valkey)
    erasing.erase(surface_of(MINE), is_bob, silent)
    assert counts(erasing.look(surface_of(MINE), is_bob)) == {(NODE, "session"): 1}
    assert prints(valkey).keys() == {b"kato:session:s-1"}


def test_a_record_that_changes_hands_meanwhile_stays(valkey: redis.Redis) -> None:
    """Its node_id is read again at the moment of erasing."""
    for name in (b"s-1", b"s-2"):
        session(valkey, name, NODE)
    asked = []

    def until_asked(node: str) -> bool:
        asked.append(node)
        if len(asked) == 2:  # both were read; before the transaction one is another's
            valkey.set("kato:session:s-2", json.dumps({"node_id": "tenant:other"}))
        return node == NODE

    erasing_of(valkey).erase_sessions(surface_of(MINE), until_asked)
    assert valkey.exists("kato:session:s-1", "kato:session:s-2") == 1
    assert b"tenant:other" in (valkey.get("kato:session:s-2") or b"")


def test_the_guides_keys_go_by_the_exact_tenant(valkey: redis.Redis) -> None:
    """`acme` is neither `acme-corp` nor `acm`."""
    for tenant in ("acme", "acme-corp", "acm", "a*"):
        valkey.set(f"tenant:{tenant}:settings", "{}")
        session(valkey, b"g-1", "any", f"tenant:{tenant}:session:".encode())
    before, surface = prints(valkey), Surface(tenant_ids=frozenset({"acme"}))
    erasing = erasing_of(valkey)
    look = erasing.look(surface, nobody)
    assert counts(look) == {("acme", "namespaced"): 1, ("acme", "session"): 1}
    assert erasing.sessions(surface, nobody) == {}
    erasing.erase(surface, nobody, silent)
    erasing.erase_sessions(surface, nobody)
    own = {b"tenant:acme:settings", b"tenant:acme:session:g-1"}
    assert prints(valkey) == {k: v for k, v in before.items() if k not in own}


@pytest.mark.parametrize("head", ["kato", "stm", "patterns", "symbols", "tenant", "a:b_kato"])
def test_a_kb_id_that_begins_as_katos_own_keys_blocks(valkey: redis.Redis, head: str) -> None:
    valkey.set(f"{head}:frequency:p", 1)
    erasing = erasing_of(valkey)
    assert f"the kb_id {head} " in erasing.look(surface_of(head), nobody).blockers[0]
    erasing.erase(surface_of(head), nobody, silent)
    assert valkey.dbsize() == 1
    valkey.flushall()
    assert erasing.look(surface_of(head), nobody).blockers == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kato:lock:" + MINE, "1"),
        ("kato:queue:" + NODE + ":x", "1"),
        ("kato:lock:s-1", "1"),
        (MINE, "1"),
        ("kato:session:broken", '{"node_id": "' + NODE + '", '),
        ("kato:session:list", json.dumps([NODE])),
        ("kato:session:node:" + NODE, "s-9"),
    ],
)
def test_what_may_be_the_targets_and_is_of_no_known_kind_blocks(
    valkey: redis.Redis, key: str, value: str
) -> None:
    """It is named, and left."""
    session(valkey, b"s-1", NODE)
    valkey.set(key, value)
    surface = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
    (text,) = erasing_of(valkey).look(surface, is_bob).blockers
    assert key in text
    erasing_of(valkey).erase(surface, is_bob, silent)
    erasing_of(valkey).erase_sessions(surface, is_bob)
    assert valkey.get(key) == value.encode()


@pytest.mark.parametrize("key", ["kato:lock:" + MINE + "x", "kato:queue:" + NODE + "by", "kato:x"])
def test_what_only_begins_alike_blocks_nothing(valkey: redis.Redis, key: str) -> None:
    valkey.set(key, "1")
    surface = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
    assert erasing_of(valkey).look(surface, is_bob) == Look(everything=Reckoning(1, 1))
    assert erasing_of(valkey).sweep(surface, is_bob, silent).blockers == ()


def test_records_that_say_nothing_are_disclosed(valkey: redis.Redis) -> None:
    valkey.set("kato:session:a", "not JSON")
    valkey.hset("kato:session:b", "x", "y")
    look = erasing_of(valkey).look(Surface(nodes=frozenset({NODE})), is_bob)
    assert look.blockers == ()
    assert look.disclosed[0].startswith("2 session records cannot be read")


def test_streams_are_disclosed_and_emptied_only_when_asked(valkey: redis.Redis) -> None:
    """In pieces; what else begins with `stm:` stays."""
    for stream, number in ((b"stm:global", 12_000), (b"stm:events:" + MINE.encode(), 3)):
        pipe = valkey.pipeline(transaction=False)
        for _ in range(number):
            pipe.xadd(stream, {"o": "x"})
        pipe.execute()
    valkey.set("stm:other", "1")
    erasing = erasing_of(valkey)
    look = erasing.look(surface_of(MINE), nobody)
    assert look.items == ()
    ending = "observations of every tenant, which cannot be told apart"
    assert look.disclosed == (
        f"the stream stm:events:{MINE} holds 3 {ending}",
        f"the stream stm:global holds 12,000 {ending}",
    )
    erasing.erase(surface_of(MINE), nobody, silent)
    assert valkey.xlen("stm:global") == 12_000
    assert erasing.trim_streams() == 12_003
    assert valkey.xlen("stm:global") == valkey.xlen("stm:events:" + MINE) == 0
    assert valkey.get("stm:other") == b"1"
    assert erasing.trim_streams() == 0
    assert erasing.look(surface_of(MINE), nobody) == Look(everything=Reckoning(3, 3))


def test_a_look_writes_nothing_and_is_one_pass(valkey: redis.Redis) -> None:
    """Nor does it touch: no command that changes, and no MATCH."""
    restore_capture(valkey)
    valkey.config_resetstat()
    keys = valkey.dbsize()
    erasing_of(valkey, scan_count=100).look(surface_of(MINE), is_bob)
    called = commands_called(valkey)
    assert called["scan"] <= keys / 100 + 5
    allowed = {"scan", "get", "memory|usage", "client|no-touch", "type", "sismember", "xlen",
               "config|resetstat", "dbsize", "info", "hello", "client|setinfo",
               "client|setname"}  # fmt: skip
    assert set(called) <= allowed


class TestBadDays:
    CALLS: tuple[Callable[[KeyErasing], object], ...] = (
        lambda erasing: erasing.look(surface_of(MINE), is_bob),
        lambda erasing: erasing.sessions(surface_of(MINE), is_bob),
        lambda erasing: erasing.erase(surface_of(MINE), is_bob, silent),
        lambda erasing: erasing.erase_sessions(surface_of(MINE), is_bob),
        lambda erasing: erasing.trim_streams(),
    )

    @pytest.fixture
    def proxy(self, valkey: redis.Redis) -> Iterator[FaultyProxy]:
        restore_capture(valkey)
        port = valkey.get_connection_kwargs()["port"]
        with FaultyProxy("127.0.0.1", port) as proxy:
            yield proxy

    def over(self, port: int) -> KeyErasing:
        return Stores(
            Settings(REDIS_URL=f"redis://127.0.0.1:{port}/0", KATO_TENANTS_TIMEOUT_SECONDS=0.5)
        ).key_erasing

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", ["down", "slow", "dropped"])
    def test_a_store_that_fails_is_told(
        self, proxy: FaultyProxy, fault: str, call: Callable[[KeyErasing], object]
    ) -> None:
        """Not as one that has nothing."""
        match fault:
            case "down":
                proxy.refuse()
            case "slow":
                proxy.slow(30)
            case _:
                proxy.drop_after_bytes(2_000)
        with pytest.raises(StoreUnavailable):
            call(self.over(proxy.port))

    @pytest.mark.parametrize("call", CALLS)
    def test_another_server_is_told(self, call: Callable[[KeyErasing], object]) -> None:
        with HttpServer(lambda _: Answer(200, b"hello")) as server, pytest.raises(StoreError):
            call(self.over(server.port))
        with pytest.raises(StoreUnavailable):
            call(self.over(free_port()))

    def test_a_user_who_may_not_erase_is_told(self, valkey: redis.Redis) -> None:
        valkey.set(f"{MINE}:frequency:p", 1)
        valkey.acl_setuser("reader", enabled=True, nopass=True, keys=["*"],
                           categories=["+@all"], commands=["-unlink"])  # fmt: skip
        port = valkey.get_connection_kwargs()["port"]
        client = redis.Redis(port=port, username="reader", password="x")
        try:
            with pytest.raises((StoreDenied, StoreRejected)):
                erasing_of(client).erase(surface_of(MINE), nobody, silent)
        finally:
            client.close()
            valkey.acl_deluser("reader")
        assert valkey.dbsize() == 1
