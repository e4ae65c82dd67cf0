"""What retention bounds in Redis, on Valkey 9, Redis 7 and Redis 8."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import redis

from services.errors import StoreDenied
from services.retention.models import Bounds
from services.stores.redis import retention, uses
from services.stores.redis.retention import KeyKeeping
from services.stores.redis.uses import Uses
from tests.engines.redis.keys import as_user, commands_called
from tests.features.purge.fingerprint import dumped
from tests.servers import redis_server
from tests.waiting import wait_until

MINE, OTHER = "tenant_acme_user_bob_kato", "tenant_acme_corp_user_bob_kato"
DAY = 86_400
NOW = datetime.now(UTC)


@pytest.fixture(scope="module", params=["valkey", *redis_server.PROGRAMS])
def _server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[redis.Redis]:
    if request.param == "valkey":
        port = request.getfixturevalue("valkey_server").port
        with redis.Redis(port=port) as client:
            yield client
        return
    with redis_server.running(tmp_path_factory.mktemp("redis"), request.param) as client:
        yield client


@pytest.fixture
def server(_server: redis.Redis) -> redis.Redis:
    """An empty server of each kind."""
    _server.flushall()
    return _server


def keeping(client: redis.Redis, scan_count: int = 50) -> KeyKeeping:
    return KeyKeeping(client, service="kato", scan_count=scan_count, seconds=60)


def put(client: redis.Redis, key: str, *, idle: int = 0, value: str = "[]", ttl: int = 0) -> None:
    """Write a key that was not used for so many seconds."""
    client.set("tmp", value)
    dump = client.dump("tmp")
    client.delete("tmp")
    client.execute_command("RESTORE", key, ttl * 1000, dump, "REPLACE", "IDLETIME", idle)


def predictions(client: redis.Redis, kb_id: str, *idle: int) -> None:
    for number, seconds in enumerate(idle):
        put(client, f"{kb_id}:prediction:o:{number}", idle=seconds)


def there(client: redis.Redis, kb_id: str) -> list[str]:
    return sorted(key.decode().rpartition(":")[2] for key in client.keys(f"{kb_id}:prediction:*"))


def bound(
    client: redis.Redis, bounds: Bounds, at: datetime | None = None, scan_count: int = 50
) -> Counter[str]:
    counts: Counter[str] = Counter()
    keeping(client, scan_count).bound_predictions(
        lambda kb_id: bounds if kb_id == MINE else None, at=at or datetime.now(UTC),
        done=lambda owner, number: counts.update({owner: number}),
    )  # fmt: skip
    return counts


def look(client: redis.Redis, bounds: Bounds, scan_count: int = 50, **more: Any) -> Any:
    asked = {"at": datetime.now(UTC), "streams": None, "caches": None, "sessions": False, **more}
    return keeping(client, scan_count).look(
        lambda kb_id: bounds if kb_id == MINE else None, **asked
    )


def at_once(client: redis.Redis, number: int) -> list[bytes]:
    """Write predictions of several sizes in the same moment."""
    with client.pipeline(transaction=True) as pipeline:
        for at in range(number):
            pipeline.set(f"{MINE}:prediction:o:{at:03}", "x" * 100 * at)
        pipeline.execute()
    return client.keys()


@contextmanager
def ticking(client: redis.Redis, patch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let the server's clock go on once in each pass, after the first keys were looked at."""
    passes: list[int] = []
    scan = retention.keyspace

    def clock() -> Any:
        return client.info("server")["lru_clock"]

    def late(*given: Any, **more: Any) -> Iterator[list[bytes]]:
        passes.append(0)
        for keys in scan(*given, **more):
            yield keys
            if not passes[-1]:
                wait_until(partial(lambda began: clock() != began, clock()))
                passes[-1] += 1

    with patch.context() as patched:
        patched.setattr(retention, "keyspace", late)
        yield passes


class TestPredictions:
    def test_those_unused_for_too_long_go_and_nothing_else(self, server: redis.Redis) -> None:
        """Nor those of a kb_id that begins the same, nor what only looks like one."""
        predictions(server, OTHER, 5 * DAY)
        for name in (f"{MINE}:frequency:prediction:x", f"{MINE}x:prediction:x", "stm:prediction:x"):
            put(server, name, idle=9 * DAY)
        others = dumped(server)
        predictions(server, MINE, 10, DAY, 5 * DAY)
        found = look(server, Bounds(idle=2 * DAY))
        assert found.predictions[MINE].due == 1
        assert found.predictions[MINE].there == 3
        assert found.predictions[MINE].due_bytes > 0
        assert bound(server, Bounds(idle=2 * DAY)) == {MINE: 1}
        assert there(server, MINE) == ["0", "1"]
        after = [each for each in dumped(server) if not each[0].startswith(f"{MINE}:p".encode())]
        assert sorted(after) == sorted(others)

    def test_a_span_is_counted_back_from_when_the_job_began(self, server: redis.Redis) -> None:
        """However late it runs: what is due then was due in its plan."""
        predictions(server, MINE, DAY + 30)
        earlier = datetime.now(UTC) - timedelta(seconds=120)
        assert look(server, Bounds(idle=DAY), at=earlier).predictions[MINE].due == 0
        assert bound(server, Bounds(idle=DAY), at=earlier) == {}
        assert bound(server, Bounds(idle=DAY)) == {MINE: 1}

    def test_a_number_keeps_those_used_last(self, server: redis.Redis) -> None:
        predictions(server, MINE, 50, 40, 30, 20, 10)
        assert look(server, Bounds(count=2)).predictions[MINE].due == 3
        assert bound(server, Bounds(count=2)) == {MINE: 3}
        assert there(server, MINE) == ["3", "4"]

    def test_a_clock_that_goes_on_meanwhile_makes_none_older(
        self, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Keys that were used at once are so, in whatever second each is looked at."""
        names = at_once(server, 100)
        while (least := min(names)) in server.scan(count=10)[1]:
            names.remove(least)
            server.delete(least)
        quiet = look(server, Bounds(count=1), scan_count=10)
        with ticking(server, monkeypatch) as ticks:
            assert look(server, Bounds(count=1), scan_count=10) == quiet
            assert bound(server, Bounds(count=1), scan_count=10) == {MINE: len(names) - 1}
        assert ticks == [1, 1]
        assert server.keys() == [least]

    def test_a_clock_that_goes_on_at_every_look_is_no_reason_to_look_for_ever(
        self, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As that of a server which takes more than a second for each reply."""
        predictions(server, MINE, 50, 40, 30)
        seconds = itertools.count()
        monkeypatch.setattr(Uses, "_clock", lambda *_: next(seconds))
        assert look(server, Bounds(count=1)).predictions[MINE].due == 2

    def test_what_was_used_while_others_were_looked_at_stays(
        self, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even where it is by then unused for longer than it was then."""
        put(server, f"{MINE}:prediction:o:0", idle=1)
        erase = retention._erase

        def late(*given: Any) -> int:
            key = f"{MINE}:prediction:o:0"
            server.get(key)
            wait_until(lambda: server.object("idletime", key) >= 1)
            return erase(*given)

        monkeypatch.setattr(retention, "_erase", late)
        assert bound(server, Bounds(count=0)) == {MINE: 0}
        assert there(server, MINE) == ["0"]

    def test_memory_keeps_those_used_last(self, server: redis.Redis) -> None:
        for number in range(4):
            put(server, f"{MINE}:prediction:o:{number}", idle=number * 10, value="x" * 1000)
        size = server.memory_usage(f"{MINE}:prediction:o:0")
        assert bound(server, Bounds(bytes=2 * size)) == {MINE: 2}
        assert there(server, MINE) == ["0", "1"]
        assert bound(server, Bounds(bytes=0)) == {MINE: 2}

    def test_a_ttl_is_given_from_now_on_and_never_a_longer_one(self, server: redis.Redis) -> None:
        put(server, f"{MINE}:prediction:none")
        put(server, f"{MINE}:prediction:long", ttl=30 * DAY)
        put(server, f"{MINE}:prediction:short", ttl=60)
        found = look(server, Bounds(ttl=DAY)).predictions[MINE]
        assert (found.there, found.due, found.expiring) == (3, 0, 2)
        bound(server, Bounds(ttl=DAY))
        left = {n: server.ttl(f"{MINE}:prediction:{n}") for n in ("none", "long", "short")}
        assert DAY - 60 < left["none"] <= DAY
        assert DAY - 60 < left["long"] <= DAY
        assert left["short"] <= 60
        assert look(server, Bounds(ttl=DAY)).predictions[MINE].expiring == 0

    def test_one_that_is_used_after_the_look_stays(
        self, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is judged once more in the moment before it goes."""
        predictions(server, MINE, 5 * DAY, 5 * DAY)
        erase = retention._erase

        def late(*given: Any) -> int:
            server.get(f"{MINE}:prediction:o:1")  # KATO reads it
            return erase(*given)

        monkeypatch.setattr(retention, "_erase", late)
        assert bound(server, Bounds(idle=DAY)) == {MINE: 1}
        assert there(server, MINE) == ["1"]

    def test_looking_does_not_count_as_use(self, server: redis.Redis) -> None:
        predictions(server, MINE, 5 * DAY)
        look(server, Bounds(idle=DAY, count=0, bytes=0, ttl=60))
        assert server.object("idletime", f"{MINE}:prediction:o:0") >= 5 * DAY

    def test_what_is_left_out_is_counted_and_no_fact_asked_of_it(self, server: redis.Redis) -> None:
        predictions(server, MINE, *range(300))
        server.config_resetstat()
        assert look(server, Bounds()).predictions[MINE].there == 300
        assert not {"object", "object|idletime", "memory|usage"} & set(commands_called(server))

    def test_where_uses_are_counted_idle_time_is_unknown(self, server: redis.Redis) -> None:
        """Under an LFU policy; a number then keeps those used most."""
        with policy(server, "allkeys-lfu"):
            for number, used in enumerate((3, 200, 100)):
                server.set("tmp", "[]")
                dump = server.dump("tmp")
                key = f"{MINE}:prediction:o:{number}"
                server.execute_command("RESTORE", key, 0, dump, "REPLACE", "FREQ", used)
            server.delete("tmp")
            found = look(server, Bounds(idle=DAY)).predictions[MINE]
            assert found.due is None
            assert "LFU" in str(found.problem)
            assert bound(server, Bounds(idle=60)) == {}
            assert bound(server, Bounds(count=2)) == {MINE: 1}
            assert there(server, MINE) == ["1", "2"]

    def test_where_changes_are_told_instead_of_uses_nothing_goes_by_use(
        self, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Under an LRM policy, which no server of the tests has: here another stands for it."""
        predictions(server, MINE, 50, 40)
        monkeypatch.setattr(uses, "_LRM", re.compile(b"maxmemory_policy:allkeys-random"))
        with policy(server, "allkeys-random"):
            for bounds in (Bounds(idle=30), Bounds(count=1), Bounds(bytes=1)):
                found = look(server, bounds).predictions[MINE]
                assert found.due is None
                assert "LRM" in str(found.problem)
                assert bound(server, bounds) == {}
        assert bound(server, Bounds(count=1)) == {MINE: 1}

    def test_who_may_not_ask_for_use_erases_nothing_at_random(self, server: redis.Redis) -> None:
        predictions(server, MINE, 50, 40)
        with as_user(server, "~*", "+@all", "-object") as theirs:
            found = look(theirs, Bounds(count=1)).predictions[MINE]
            assert found.due is None
            assert found.problem is not None
            assert bound(theirs, Bounds(count=1)) == {}
        assert there(server, MINE) == ["0", "1"]


@contextmanager
def policy(client: redis.Redis, name: str) -> Iterator[None]:
    client.config_set("maxmemory-policy", name)
    yield
    client.config_set("maxmemory-policy", "noeviction")


class TestStreams:
    def test_they_are_trimmed_by_time_and_by_length(self, server: redis.Redis) -> None:
        now = int(time.time() * 1000)
        for age in (9, 8, 7, 2, 1):
            server.xadd("stm:global", {"x": age}, id=f"{now - age * DAY * 1000}-0")
        server.xadd("stm:events:x_kato", {"x": 1}, id=f"{now - 9 * DAY * 1000}-0")
        server.set("stm:events:no stream", "x")
        server.xadd("mine", {"x": 1}, id="1-0")
        asked = Bounds(age=5 * DAY, length=1)
        found = {s.name: s for s in look(server, Bounds(), streams=asked).streams}
        assert (found["stm:global"].there, found["stm:global"].due) == (5, 4)
        assert found["stm:events:x_kato"].due == 1
        gone: Counter[str] = Counter()
        keeping(server).trim_streams(
            Bounds(age=5 * DAY), at=datetime.now(UTC), done=lambda k, n: gone.update({k: n})
        )
        assert +gone == {"stm:global": 3, "stm:events:x_kato": 1}
        assert server.xlen("mine") == 1
        keeping(server).trim_streams(asked, at=datetime.now(UTC), done=lambda *_: None)
        assert [fields for _, fields in server.xrange("stm:global")] == [{b"x": b"1"}]


class TestCaches:
    def test_they_get_a_ttl(self, server: redis.Redis) -> None:
        put(server, "patterns:top:10")
        put(server, "patterns:name:x", ttl=9 * DAY)
        put(server, "symbols:probabilities", ttl=60)
        put(server, "patterns:of no known kind")
        found = look(server, Bounds(), caches=Bounds(ttl=DAY)).caches
        assert (found.there, found.due) == (3, 2)
        given: Counter[str] = Counter()
        keeping(server).expire_caches(Bounds(ttl=DAY), done=lambda k, n: given.update({k: n}))
        assert given == {"caches": 2}
        assert server.ttl("patterns:top:10") <= DAY
        assert server.ttl("patterns:of no known kind") == -1


class TestSessions:
    def test_katos_records_are_read_and_not_those_of_the_guide(self, server: redis.Redis) -> None:
        text = json.dumps({"node_id": "tenant:acme:user:bob", "last_accessed": NOW.isoformat()})
        server.set("kato:session:session-1", text, ex=60)
        server.set("tenant:acme:session:1", text)
        (found,) = look(server, Bounds(), sessions=True).sessions
        assert found.session_id == "session-1"
        assert found.last_accessed == NOW
        again = keeping(server).session("kato:session:session-1")
        assert again is not None
        assert (again.owner, again.last_accessed) == (found.owner, found.last_accessed)
        server.delete("kato:session:session-1")
        assert keeping(server).session("kato:session:session-1") is None


class TestPatterns:
    def test_what_redis_has_of_a_pattern_goes_with_it(self, server: redis.Redis) -> None:
        for name in ("p", "q"):
            for kind in ("frequency", "emotives", "metadata", "tf_vector"):
                server.set(f"{MINE}:{kind}:{name}", "1")
            server.sadd(f"{MINE}:symbol_to_patterns:a:*", name)
        server.sadd(f"{MINE}:symbol_to_patterns:b", "p")
        server.hset(f"{MINE}:symbols:freq", mapping={"a:*": 2})
        keeping(server).forget_patterns(MINE, {b"p": [b"a:*", b"b", b"b"]})
        assert sorted(server.keys()) == sorted([
            *(f"{MINE}:{kind}:q".encode() for kind in ("frequency", "emotives", "metadata",
                                                       "tf_vector")),
            f"{MINE}:symbol_to_patterns:a:*".encode(), f"{MINE}:symbols:freq".encode(),
        ])  # fmt: skip
        assert server.smembers(f"{MINE}:symbol_to_patterns:a:*") == {b"q"}


def test_rights_are_told_and_nothing_is_changed(server: redis.Redis) -> None:
    predictions(server, MINE, 10)
    assert keeping(server).rights() == ()
    with as_user(server, "~*", "+@all", "-unlink", "-xtrim") as theirs:
        assert keeping(theirs).rights() == (
            "its user may not use UNLINK", "its user may not use XTRIM",
        )  # fmt: skip
        with pytest.raises(StoreDenied):
            bound(theirs, Bounds(count=0))
    assert there(server, MINE) == ["0"]
