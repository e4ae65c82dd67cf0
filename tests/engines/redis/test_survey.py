"""One pass over a real Valkey for everything that a plan asks, and the deeds that need none."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st

from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import KeySurvey, Reckoning, Surface
from services.stores.redis.erase import KeyErasing
from services.stores.redis.survey import Surveying
from services.tenancy.layout import OwnerKind, text_of
from tests.engines.erasing import HOSTILE, MINE, silent, surface_of
from tests.engines.redis.keys import commands_called, naive_counts, restore_capture
from tests.engines.redis.test_erasing import (
    INDEX,
    NODE,
    counts,
    erasing_of,
    is_bob,
    nobody,
    prints,
    session,
)

HEADS = (b"a_kato", b"b_kato", b"kato", b"stm", b"tenant", b"loose", b"", b"\xff_kato", b"symbols")
RESTS = (
    b"frequency:p",
    b"own:x",
    b"frequency",
    b"",
    b"session:s",
    b"acme:frequency:p",
    b"events:x",
)
KEYS = st.one_of(
    st.tuples(st.sampled_from(HEADS), st.sampled_from(RESTS)).map(b":".join),
    st.sampled_from(HEADS),
)


def kb_ids_of(keys: Iterable[bytes]) -> dict[str, int]:
    """The kb_ids that the usage of the same keys would find, each name read in full."""
    found: dict[str, int] = {}
    for (owner, _, _), number in naive_counts(keys).items():
        if owner.kind is OwnerKind.KB:
            found[owner.name] = found.get(owner.name, 0) + number
    return found


def unsure_of(keys: Iterable[bytes]) -> set[str]:
    return {
        owner.name
        for owner, _, sure in naive_counts(keys)
        if owner.kind is OwnerKind.KB and not sure
    }


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(keys=st.sets(KEYS, min_size=1, max_size=12), wanted=st.sets(st.sampled_from(HEADS)))
def test_kb_ids_and_their_keys_are_those_of_the_usage(
    valkey: redis.Redis, keys: set[bytes], wanted: set[bytes]
) -> None:
    """Whoever may be the target."""
    valkey.flushall()
    valkey.mset(dict.fromkeys(keys, "x"))
    found = erasing_of(valkey).survey({text_of(head) for head in wanted}.__contains__)
    assert found.kb_ids == kb_ids_of(keys)
    assert found.unsure == unsure_of(keys)
    assert found.everything == Reckoning(len(keys), len(keys))


def test_the_capture_is_surveyed_as_it_is(valkey: redis.Redis) -> None:
    """In one pass, without MEMORY; node_ids come from records and pointers."""
    rows = restore_capture(valkey)
    valkey.set("kato:session:node:tenant:pointed:active", "s-1")
    valkey.config_resetstat()
    found = erasing_of(valkey, scan_count=100).survey(MINE.__eq__)
    called = commands_called(valkey)
    assert called["scan"] <= len(rows) / 100 + 5
    assert {"memory|usage", "unlink", "srem"}.isdisjoint(called)
    keys = [row["key"].encode() for row in rows]
    assert found.kb_ids == kb_ids_of(keys)
    assert found.nodes == {
        json.loads(row["value"])["node_id"]
        for row in rows
        if row["key"].startswith("kato:session:session-")
    } | {"tenant:pointed"}
    assert len(found.nodes) > 5
    assert found.everything == Reckoning(len(rows) + 1, len(rows) + 1)


def test_what_is_surveyed_is_looked_at_and_erased_without_a_pass(valkey: redis.Redis) -> None:
    """To the same as with one, MEMORY of the target's keys alone, and nothing else goes."""
    restore_capture(valkey)
    session(valkey, b"s-1", NODE)
    valkey.set(f"kato:session:node:{NODE}:active", "s-1")
    valkey.set("patterns:top:s-1:10", "[]")
    surface = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
    before, erasing = prints(valkey), erasing_of(valkey)
    survey = erasing.survey(MINE.__eq__)
    whole = erasing.look(surface, is_bob)
    valkey.config_resetstat()
    look = erasing.look(surface, is_bob, survey)
    called = commands_called(valkey)
    assert (look.items, look.blockers, look.disclosed) == (
        whole.items,
        whole.blockers,
        whole.disclosed,
    )
    assert look.everything is None
    assert called["scan"] == 0
    assert called["memory|usage"] == sum(
        item.count for item in look.items if item.kind != "session_index"
    )
    assert erasing.sessions(surface, is_bob, survey) == erasing.sessions(surface, is_bob)
    said: list[Progress] = []
    valkey.config_resetstat()
    erasing.erase_sessions(surface, is_bob, survey)
    erasing.erase(surface, is_bob, said.append, survey)
    assert commands_called(valkey)["scan"] == 0
    keys = [key for key in before if key.startswith(MINE.encode() + b":")]
    assert said == [Progress("keys erased", len(keys), len(keys) + 1)]  # its pointer went before
    assert erasing.look(surface, is_bob).items == ()
    left = prints(valkey)
    assert {key: before[key] for key in left} == left
    assert sum(item.count for item in whole.items) == len(before) - len(left)


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_name_is_held_by_its_bytes(valkey: redis.Redis, name: bytes) -> None:
    for kb in HOSTILE:
        for word in (b"frequency", b"own word", b"prediction:a:*"):
            valkey.set(kb + b":" + word + b":p", 1)
    before, erasing = prints(valkey), erasing_of(valkey)
    survey = erasing.survey(text_of(name).__eq__)
    valkey.config_resetstat()
    assert counts(erasing.look(surface_of(name), nobody, survey)) == {
        (text_of(name), kind): 1 for kind in ("frequency", "other", "prediction")
    }
    erasing.erase(surface_of(name), nobody, silent, survey)
    assert commands_called(valkey)["scan"] == 0
    assert prints(valkey) == {k: v for k, v in before.items() if not k.startswith(name + b":")}


def test_what_went_meanwhile_is_not_counted_and_what_came_is_left(valkey: redis.Redis) -> None:
    """By name: what came is found by the sweep."""
    for at in range(5):
        valkey.set(f"{MINE}:frequency:{at}", 1)
    erasing = erasing_of(valkey)
    survey = erasing.survey(MINE.__eq__)
    valkey.delete(f"{MINE}:frequency:0")
    valkey.set(f"{MINE}:frequency:new", 1)
    assert counts(erasing.look(surface_of(MINE), nobody, survey)) == {(MINE, "frequency"): 4}
    erasing.erase(surface_of(MINE), nobody, silent, survey)
    assert valkey.keys("*") == [f"{MINE}:frequency:new".encode()]
    assert counts(erasing.sweep(surface_of(MINE), nobody, silent)) == {(MINE, "frequency"): 1}


def test_sessions_that_came_to_the_index_since_are_found(valkey: redis.Redis) -> None:
    """Those that went are not, nor those whose record changed hands."""
    for name in (b"s-1", b"s-2", b"s-3"):
        session(valkey, name, NODE)
    valkey.sadd(INDEX, b"stale")
    erasing, surface = erasing_of(valkey), surface_of(MINE)
    survey = erasing.survey(nobody)
    valkey.delete("kato:session:s-1")
    valkey.set("kato:session:s-2", json.dumps({"node_id": "tenant:other"}))
    session(valkey, b"s-4", NODE)
    session(valkey, b"s-5", "tenant:other")
    valkey.config_resetstat()
    wanted = {"s-3": NODE, "s-4": NODE}
    assert erasing.sessions(surface, is_bob, survey) == wanted
    assert counts(erasing.look(surface, is_bob, survey))[NODE, "session"] == 2
    erasing.erase_sessions(surface, is_bob, survey)
    assert commands_called(valkey)["scan"] == 0
    assert erasing.sessions(surface, is_bob) == {}
    assert valkey.exists("kato:session:s-2", "kato:session:s-5") == 2
    assert valkey.smembers(INDEX) == {b"s-1", b"s-2", b"s-5", b"stale"}


def test_new_sessions_are_told_without_a_pass(valkey: redis.Redis) -> None:
    """One that is gone has no node_id, nor one that cannot be read."""
    assert erasing_of(valkey).nodes(()) == {}
    session(valkey, b"s-1", NODE)
    session(valkey, b"s-2", text_of(b"node \xff"))
    valkey.sadd(INDEX, b"stale", b"broken")
    valkey.set("kato:session:broken", "{")
    valkey.config_resetstat()
    known = {"s-1"}
    assert erasing_of(valkey).nodes(known) == {"s-2": text_of(b"node \xff")}
    called = commands_called(valkey)
    assert (called["scan"], called["get"]) == (0, 3)
    valkey.delete(INDEX)
    valkey.set(INDEX, "no set")
    assert erasing_of(valkey).nodes(()) == {}


class TestWhatIsNotHeld:
    def passes(self, valkey: redis.Redis, surface: Surface, survey: KeySurvey) -> int:
        valkey.config_resetstat()
        erasing_of(valkey, scan_count=1_000).look(surface, nobody, survey)
        return commands_called(valkey)["scan"]

    def test_a_survey_that_lacks_a_kb_id_is_not_used(self, valkey: redis.Redis) -> None:
        """One that had no key at all lacks nothing."""
        for kb in (MINE, "other_kato", "loose"):
            valkey.set(f"{kb}:frequency:p", 1)
        survey = erasing_of(valkey).survey(MINE.__eq__)
        assert self.passes(valkey, surface_of(MINE), survey) == 0
        assert self.passes(valkey, surface_of(MINE, "absent_kato", "absent"), survey) == 0
        assert self.passes(valkey, surface_of(MINE, "other_kato"), survey) == 1
        assert self.passes(valkey, surface_of("loose"), survey) == 1
        look = erasing_of(valkey).look(surface_of("other_kato"), nobody, survey)
        assert counts(look) == {("other_kato", "frequency"): 1}

    def test_nor_one_that_this_did_not_make(self, valkey: redis.Redis) -> None:
        valkey.set(f"{MINE}:frequency:p", 1)
        found = erasing_of(valkey).survey(MINE.__eq__)
        bare = KeySurvey(found.kb_ids, found.nodes, found.everything)
        assert self.passes(valkey, surface_of(MINE), bare) == 1

    def test_nor_one_that_had_to_forget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There may be as many heads of no kb_id as keys."""
        monkeypatch.setattr("services.stores.redis.survey._MOST_STRANGERS", 10)
        surveying = Surveying("mine".__eq__, service="kato")
        for at in range(25):
            surveying.take([b"%d:x" % at, b"mine:frequency:%d" % at])
        assert not surveying.held.covers(surface_of("0"))
        assert not surveying.held.covers(surface_of("mine"))  # as far as it remembers
        assert surveying.held.covers(surface_of("a_kato"))
        assert len(surveying.held.by_head[b"mine"]) == 25


def test_the_guides_keys_and_kb_ids_are_held(valkey: redis.Redis) -> None:
    """A node_id that is its own kb_id is no obstacle to its tenant, and blocks anybody else."""
    valkey.set("tenant:acme:user:bob:note", "x")
    valkey.set("tenant:acme", "x")
    valkey.set("tenant:other:note", "x")
    session(valkey, b"g-1", "any", b"tenant:acme:session:")
    erasing = erasing_of(valkey)
    both = Surface(kb_ids=frozenset({"tenant:acme:user:bob"}), tenant_ids=frozenset({"acme"}))
    survey = erasing.survey(nobody)
    for surface in (both, Surface(kb_ids=both.kb_ids), Surface(tenant_ids=both.tenant_ids)):
        look, whole = erasing.look(surface, nobody, survey), erasing.look(surface, nobody)
        assert (look.items, look.blockers) == (whole.items, whole.blockers)
    assert erasing.look(Surface(kb_ids=both.kb_ids), nobody, survey).blockers
    assert erasing.look(both, nobody, survey).blockers == (
        "keys that are a name of the target and of unknown kind: 1, such as tenant:acme",
    )
    assert {item.store for item in erasing.look(both, nobody, survey).items} == {
        Measure.KEYS,
        Measure.SESSIONS,
    }


def test_a_kb_id_that_is_a_key_blocks_with_a_survey_too(valkey: redis.Redis) -> None:
    valkey.set(MINE, "1")
    erasing = erasing_of(valkey)
    survey = erasing.survey(nobody)
    (text,) = erasing.look(surface_of(MINE), nobody, survey).blockers
    assert text.endswith(f"1, such as {MINE}")
    erasing.erase(surface_of(MINE), nobody, silent, survey)
    assert valkey.exists(MINE)


class TestWithoutMemory:
    """MEMORY is a right that a user of few rights may lack."""

    @pytest.fixture
    def blind(self, valkey: redis.Redis) -> Iterable[KeyErasing]:
        valkey.acl_setuser("blind", enabled=True, nopass=True, keys=["*"],
                           categories=["+@all"], commands=["-memory"])  # fmt: skip
        client = redis.Redis(
            port=valkey.get_connection_kwargs()["port"], username="blind", password="x"
        )
        yield erasing_of(client)
        client.close()
        valkey.acl_deluser("blind")

    def test_a_look_counts_and_does_not_know_bytes(
        self, valkey: redis.Redis, blind: KeyErasing
    ) -> None:
        for at in range(25):
            valkey.set(f"{MINE}:frequency:{at}", 1)
        session(valkey, b"s-1", NODE)
        valkey.set("patterns:top:s-1:10", "[]")
        surface = Surface(frozenset({MINE}), nodes=frozenset({NODE}))
        survey = blind.survey(MINE.__eq__)
        valkey.delete(f"{MINE}:frequency:0")
        wanted = {
            (MINE, "frequency"): 24, (NODE, "session"): 1, (NODE, "session_index"): 1,
            (NODE, "cache"): 1,
        }  # fmt: skip
        for look in (blind.look(surface, is_bob), blind.look(surface, is_bob, survey)):
            assert counts(look) == wanted
            assert {item.bytes for item in look.items} == {None}

    def test_it_is_not_asked_again_and_again(self, valkey: redis.Redis, blind: KeyErasing) -> None:
        for at in range(500):
            valkey.set(f"{MINE}:frequency:{at}", 1)
        valkey.config_resetstat()
        blind.look(surface_of(MINE), nobody)
        refused = valkey.info("commandstats")["cmdstat_memory|usage"]["rejected_calls"]
        assert 0 < refused < 100


def test_of_too_many_keys_none_is_held_and_all_are_found_and_erased(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory stays flat: what comes after the survey goes through everything for itself."""
    valkey.mset({f"{MINE}:frequency:{at}": "1" for at in range(20)})
    valkey.mset({f"other_kato:frequency:{at}": "1" for at in range(20)})
    monkeypatch.setattr("services.stores.redis.survey._MOST_HELD", 7)
    erasing, surface = erasing_of(valkey), surface_of(MINE)
    survey = erasing.survey(MINE.__eq__)
    assert (survey.kb_ids, survey.everything.seen) == ({MINE: 20, "other_kato": 20}, 40)
    assert not list(survey.held.replies(surface))
    (item,) = erasing.look(surface, nobody, survey).items
    assert item.count == 20
    erasing.erase(surface, nobody, silent, survey)
    assert valkey.dbsize() == 20
