"""Session records as Redis holds them: both layouts, broken ones, and the index of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import redis

from services.stores.redis.sessions import Index
from services.tenancy.layout import NOBODY, Owner, OwnerKind, text_of
from services.usage.readings import SessionRecord
from tests.engines.redis.keys import restore_capture, store_of

INDEX = "kato:session:_active_index"


def sessions_in(valkey: redis.Redis) -> dict[str, SessionRecord]:
    return {session.session_id: session for session in store_of(valkey).read().sessions}


def test_sessions_of_the_capture(valkey: redis.Redis) -> None:
    """Every session of a real KATO names its raw node_id, its times and its TTL."""
    rows = {r["key"]: r for r in restore_capture(valkey) if ":session-" in r["key"]}
    sessions = sessions_in(valkey)
    assert {session.key for session in sessions.values()} == set(rows)
    for name, session in sessions.items():
        row = rows[f"kato:session:{name}"]
        content = json.loads(row["value"])
        assert session.owner == Owner(OwnerKind.NODE, content["node_id"])
        assert session.created_at == datetime.fromisoformat(content["created_at"])
        assert session.last_accessed == datetime.fromisoformat(content["last_accessed"])
        assert session.stm_length == len(content["stm"])
        assert session.expires_in == pytest.approx(row["pttl"] / 1000, abs=20)
        assert session.bytes == valkey.memory_usage(session.key)
        assert (session.readable, session.problem) == (True, "")


def test_session_without_ttl_never_expires(valkey: redis.Redis) -> None:
    """No TTL is None, which is not the same as 0 seconds."""
    valkey.set("kato:session:session-1", '{"node_id": "x", "created_at": "2026-01-02T03:04:05"}')
    (session,) = sessions_in(valkey).values()
    assert session.expires_in is None
    assert session.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (session.last_accessed, session.stm_length) == (None, None)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("not json", "it is not JSON"),
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[1, 2]", "its JSON is not an object"),
        ("null", "its JSON is not an object"),
        ("{}", "it has no node_id"),
        ('{"node_id": 7}', "its node_id is not text"),
        ('{"node_id": null}', "its node_id is not text"),
        (b'{"node_id": "\xff"}', "it is not text in UTF-8"),
    ],
)
def test_a_broken_session_says_why(valkey: redis.Redis, value: str | bytes, problem: str) -> None:
    """A record that does not parse is shown with its problem, and is nobody's."""
    valkey.set("kato:session:session-1", value, px=60_000)
    (session,) = sessions_in(valkey).values()
    assert (session.readable, session.problem) == (False, problem)
    assert session.owner == NOBODY
    assert session.bytes
    assert session.expires_in is not None


def test_a_session_of_another_type_says_so(valkey: redis.Redis) -> None:
    """A hash where a string should be is no failure of the pass."""
    valkey.hset("kato:session:session-1", "node_id", "x")
    valkey.hset("tenant:acme:session:s:1", "node_id", "x")
    sessions = sessions_in(valkey)
    assert {session.problem for session in sessions.values()} == {"it is not a string in Redis"}
    assert sessions["session-1"].owner == NOBODY
    assert sessions["s:1"].owner == Owner(OwnerKind.TENANT, "acme")


def test_odd_times_are_not_known(valkey: redis.Redis) -> None:
    """Times that cannot be read are None; the session is readable all the same."""
    content = {"node_id": "x", "created_at": "soon", "last_accessed": 17, "stm": "no list"}
    valkey.set("kato:session:session-1", json.dumps(content))
    content |= {"created_at": "0001-01-01T00:00:00+14:00"}
    valkey.set("kato:session:session-2", json.dumps(content))
    for session in sessions_in(valkey).values():
        assert session.readable
        assert (session.created_at, session.last_accessed, session.stm_length) == (None,) * 3


def test_sessions_of_the_guide_carry_their_tenant(valkey: redis.Redis) -> None:
    """`tenant:{t}:session:{id}` is the tenant's, whatever its content."""
    valkey.set("tenant:acme-corp:session:abc:def", '{"stm": [["a"], ["b"]]}', ex=50)
    valkey.set(b"tenant:\xff:session:", "broken")
    sessions = sessions_in(valkey)
    good, bad = sessions["abc:def"], sessions[""]
    assert good.owner == Owner(OwnerKind.TENANT, "acme-corp")
    assert (good.readable, good.stm_length) == (True, 2)
    assert bad.owner == Owner(OwnerKind.TENANT, text_of(b"\xff"))
    assert not bad.readable


def test_index_counts_members_whose_session_is_gone(valkey: redis.Redis) -> None:
    """The active index over-reports: its stale members are told apart."""
    for number in range(350):
        valkey.set(f"kato:session:session-{number}", '{"node_id": "x"}')
    valkey.sadd(INDEX, *(f"session-{number}" for number in range(1000)))
    reading = store_of(valkey).read()
    assert (len(reading.sessions), reading.index_members, reading.stale_members) == (350, 1000, 650)
    assert reading.unindexed == 0


def test_sessions_that_no_index_holds_are_told(valkey: redis.Redis) -> None:
    """KATO does not count them; the guide's are in none of KATO's."""
    for name in ("a", "b", "back"):
        valkey.set(f"kato:session:{name}", '{"node_id": "x"}')
    valkey.set("tenant:acme:session:s", "{}")
    assert store_of(valkey).read().unindexed == 3
    valkey.sadd(INDEX, "a", "b", "stale")
    reading = store_of(valkey).read()
    assert (reading.index_members, reading.stale_members, reading.unindexed) == (3, 1, 1)


def test_a_session_younger_than_the_pass_is_not_stale(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member whose record came after SCAN had gone by is looked for before it counts as gone."""
    from services.stores.redis import usage as keyspace

    valkey.sadd(INDEX, "session-young", "session-gone")
    honest = keyspace.read_index

    def create_first(*args: object, **options: object) -> Index:
        valkey.set("kato:session:session-young", '{"node_id": "x"}')
        return honest(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(keyspace, "read_index", create_first)
    reading = store_of(valkey).read()
    assert (reading.index_members, reading.stale_members) == (2, 1)


def test_an_index_of_another_type_holds_no_ids(valkey: redis.Redis) -> None:
    """A string in the index's place is counted as a key, and fails nothing."""
    valkey.set(INDEX, "what?")
    reading = store_of(valkey).read()
    assert (reading.index_members, reading.stale_members) == (0, 0)
    assert [group.kind for group in reading.groups] == ["session_index"]


def test_a_session_that_vanishes_is_not_reported(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that expired between SCAN and GET is not there."""
    from services.stores.redis import usage as keyspace

    for number in range(5):
        valkey.set(f"kato:session:session-{number}", '{"node_id": "x"}')
    honest = keyspace.read_sessions

    def delete_first(*args: object) -> object:
        valkey.delete("kato:session:session-3")
        return honest(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(keyspace, "read_sessions", delete_first)
    assert sorted(sessions_in(valkey)) == [f"session-{n}" for n in (0, 1, 2, 4)]
