"""Keys and sessions of a shared kb_id, told apart on Valkey 9, Redis 7 and Redis 8."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from services.apart.counts import Counts
from services.apart.evidence import Pattern
from services.apart.models import session_id_for
from services.apart.ports import Learnt
from services.stores.redis import apart
from services.stores.redis.apart import KeysApart
from services.stores.redis.cluster.link import ClusterLink
from services.stores.redis.link import SocketLink
from services.stores.redis.typed_write import KeyWriting
from services.tenancy.layout import INDEX_KEY
from tests.servers import redis_server

SHARED, NEW, OTHER = "ö '\\_kato", "new_kato", "tenant_acme_user_bob_kato"
HEAD, OWN = SHARED.encode(), NEW.encode()
A, B, C = b"a" * 40, b"b" * 40, b"c" * 40
PATTERNS = [Pattern(A, 1, 0, (b"x", b"x", b"y:*")), Pattern(B, 1, 0, (b"x", b"\xff"))]
OLD, WANTED = "tenant:ö'\\:user:b", "tenant:ö'\\:user:b-2"


@pytest.fixture(scope="module", params=["valkey", *redis_server.PROGRAMS])
def _server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[redis.Redis]:
    if request.param == "valkey":
        with redis.Redis(port=request.getfixturevalue("valkey_server").port) as client:
            yield client
        return
    with redis_server.running(tmp_path_factory.mktemp("redis"), request.param) as client:
        yield client


@pytest.fixture
def server(_server: redis.Redis) -> redis.Redis:
    """A server of each kind, with a shared kb_id that learnt A and B once and C twice."""
    _server.flushall()
    learn(_server, HEAD, [*PATTERNS, Pattern(C, 1, 0, (b"x",))])
    _server.incr(HEAD + b":frequency:" + C)
    _server.set(HEAD + b":emotives:" + A, "[]")
    _server.set(HEAD + b":prediction:a:b", "{}")
    _server.set(OTHER.encode() + b":frequency:" + A, 1)
    return _server


def learn(client: redis.Redis, head: bytes, patterns: list[Pattern]) -> None:
    """As KATO counts."""
    for each in patterns:
        client.set(head + b":frequency:" + each.name, 1)
        client.incr(head + b":global:total_unique_patterns")
        client.incr(head + b":global:total_pattern_frequencies")
        client.incrby(head + b":global:total_symbols_in_patterns_frequencies", len(each.tokens))
        for symbol in each.tokens:
            client.hincrby(head + b":symbols:freq", symbol, 1)
        for symbol in set(each.tokens):
            client.hincrby(head + b":symbols:pmf", symbol, 1)
            client.sadd(head + b":symbol_to_patterns:" + symbol, each.name)


def everything(client: redis.Redis) -> dict[bytes, Any]:
    """Every key with its value."""
    reads = {b"string": client.get, b"hash": client.hgetall, b"set": client.smembers}
    return {key: reads[client.type(key)](key) for key in client.scan_iter(count=1000)}


def keys_of(client: redis.Redis) -> KeysApart:
    return KeysApart(client, service="kato", scan_count=50, seconds=60)


def copied(client: redis.Redis) -> KeysApart:
    """Copy A and B to the new name, as the job does."""
    adapter, writing, counts = keys_of(client), KeyWriting(client, seconds=60), Counts()
    counts.add(PATTERNS)
    keys = [*adapter.of_patterns(SHARED, NEW, [A, B, C]), *counts.keys(NEW)]
    writing.write(keys)
    adapter.add_members(NEW, PATTERNS)
    assert not list(writing.differing(keys))
    assert adapter.lacking_members(NEW, PATTERNS) == 0
    return adapter


def test_what_was_learnt_once_is_copied_with_kato_s_own_counts(server: redis.Redis) -> None:
    before = everything(server)
    adapter = copied(server)
    assert adapter.learnt(SHARED, [A, B, C, b"d"]) == [
        Learnt(1, 2), Learnt(1, 1), Learnt(2, 1), Learnt(None, 0),
    ]  # fmt: skip
    after = everything(server)
    assert {k: v for k, v in after.items() if not k.startswith(OWN)} == before
    server.flushall()
    learn(server, OWN, PATTERNS)
    server.set(OWN + b":emotives:" + A, "[]")
    assert everything(server) == {k: v for k, v in after.items() if k.startswith(OWN)}
    assert adapter.lacking_members(NEW, [Pattern(C, 1, 0, (b"x", b"z"))]) == 2


def test_cut_the_shared_one_is_as_if_they_had_never_been_learnt(server: redis.Redis) -> None:
    adapter = copied(server)
    before = everything(server)
    for _ in range(2):  # what is gone is not counted twice
        assert adapter.cut(SHARED, NEW, [*PATTERNS, Pattern(C, 1, 0, (b"x",))]) == {A, B}
        after = everything(server)
        rest = {k: v for k, v in before.items() if not k.startswith(HEAD)}
        assert {k: v for k, v in after.items() if not k.startswith(HEAD)} == rest
        mine = {k: v for k, v in after.items() if k.startswith(HEAD)}
        assert mine == {
            HEAD + b":frequency:" + C: b"2", HEAD + b":prediction:a:b": b"{}",
            HEAD + b":symbols:freq": {b"x": b"1"}, HEAD + b":symbols:pmf": {b"x": b"1"},
            HEAD + b":symbol_to_patterns:x": {C},
            HEAD + b":global:total_unique_patterns": b"1",
            HEAD + b":global:total_pattern_frequencies": b"1",
            HEAD + b":global:total_symbols_in_patterns_frequencies": b"1",
        }  # fmt: skip


def test_what_is_not_the_same_at_both_or_learnt_again_stays(server: redis.Redis) -> None:
    adapter = copied(server)
    server.set(HEAD + b":emotives:" + A, '[{"joy": 1}]')
    server.incr(HEAD + b":frequency:" + B)
    before = everything(server)
    assert adapter.cut(SHARED, NEW, PATTERNS) == frozenset()
    assert everything(server) == before
    adapter.put(adapter.of_patterns(SHARED, NEW, [A, B]))  # the rest is copied: of A alone
    assert adapter.cut(SHARED, NEW, PATTERNS) == {A}
    assert server.get(OWN + b":emotives:" + A) == b'[{"joy": 1}]'
    assert server.get(OWN + b":frequency:" + B) == b"1"


def test_one_that_is_learnt_again_in_the_moment_of_the_cut_stays(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter, kind = copied(server), SocketLink if isinstance(server, redis.Redis) else ClusterLink
    real = kind.transaction

    def late(link: Any, commands: Any) -> Any:
        if server.get(HEAD + b":frequency:" + A) == b"1":
            server.incr(HEAD + b":frequency:" + A)
        return real(link, commands)

    monkeypatch.setattr(kind, "transaction", late)
    monkeypatch.setattr(apart, "_CUT", 1)
    assert adapter.cut(SHARED, NEW, PATTERNS) == {B}
    assert server.get(HEAD + b":frequency:" + A) == b"2"


def test_counts_that_are_lower_than_they_should_be_stay(server: redis.Redis) -> None:
    adapter = copied(server)
    server.hset(HEAD + b":symbols:freq", b"x", 1)
    server.delete(HEAD + b":global:total_unique_patterns")
    assert adapter.cut(SHARED, NEW, PATTERNS) == {A, B}
    assert server.hgetall(HEAD + b":symbols:freq") == {b"x": b"1"}
    assert not server.exists(HEAD + b":global:total_unique_patterns")


def record(session: str, node: str, **more: object) -> str:
    return json.dumps({"session_id": session, "node_id": node, "stm": [["a"]], **more})


def test_a_session_ends_as_it_is_then_under_another_id_and_node(server: redis.Redis) -> None:
    prefix, one, two = "kato:session:", "session-1-77", "session-2-88"
    server.set(prefix + one, record(one, OLD, metadata={"node_id": OLD}), px=90_000)
    server.set(prefix + two, record(two, "tenant:other"), px=90_000)
    server.sadd(INDEX_KEY, one, two)
    server.set(f"{prefix}node:{OLD}:active", one)
    before = everything(server)
    adapter = keys_of(server)
    found = adapter.survey([SHARED, NEW], {OLD, WANTED}.__contains__)
    assert found.sessions == {OLD: 1}
    assert found.kinds[SHARED]["frequency"] == 3
    assert NEW not in found.kinds
    assert adapter.sessions([OLD]) == {one: OLD}
    new = session_id_for(one, WANTED)
    assert adapter.move_sessions({OLD: WANTED}) == {one: OLD}
    after = everything(server)
    moved = json.loads(after.pop((prefix + new).encode()))
    assert moved == json.loads(record(new, WANTED, metadata={"node_id": WANTED}))
    assert 0 < server.pttl(prefix + new) <= 90_000
    assert after.pop(INDEX_KEY) == {new.encode(), two.encode()}
    gone = {(prefix + one).encode(), INDEX_KEY}
    assert after == {key: value for key, value in before.items() if key not in gone}
    assert new.endswith("-77")
    assert adapter.move_sessions({OLD: WANTED}) == {}
    server.set(prefix + one, record(one, OLD, stm=[["late"]]), px=90_000)  # a call under way
    assert adapter.move_sessions({OLD: WANTED}) == {one: OLD}
    assert json.loads(server.get(prefix + new) or b"")["stm"] == [["late"]]


@pytest.mark.parametrize("old", ["", "a", "session-1-7"])
def test_whatever_its_id_only_what_names_it_is_written_anew(server: redis.Redis, old: str) -> None:
    value = record(old, OLD, stm=[["a", "session-1-77"]], config={"session_id": old})
    server.set(f"kato:session:{old}", value)
    server.set(INDEX_KEY, "no set")  # which no id is in
    assert keys_of(server).move_sessions({OLD: WANTED}) == {old: OLD}
    new = session_id_for(old, WANTED)
    wanted = record(new, WANTED, stm=[["a", "session-1-77"]], config={"session_id": new})
    assert server.get(f"kato:session:{new}") == wanted.encode()
    assert server.pttl(f"kato:session:{new}") == -1
    assert not server.exists(f"kato:session:{old}")
    assert server.get(INDEX_KEY) == b"no set"


def test_what_was_cut_stays_cut_though_it_was_learnt_again_at_its_new_name(
    server: redis.Redis,
) -> None:
    """A process dies after the cut of keys, and clients go on under the new name meanwhile."""
    adapter = copied(server)
    assert adapter.cut(SHARED, NEW, PATTERNS) == {A, B}
    server.incr(OWN + b":frequency:" + A)
    before = everything(server)
    assert adapter.cut(SHARED, NEW, PATTERNS) == {A, B}
    assert everything(server) == before
