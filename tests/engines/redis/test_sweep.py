"""The last pass that erases, over a real Valkey: what goes, what is told, what other eyes see."""

from __future__ import annotations

import json

import pytest
import redis

from services.figures import Measure
from services.jobs.models import Progress
from services.purge.models import Look, Reckoning, Surface
from services.tenancy.layout import text_of
from tests.engines.erasing import HOSTILE, MINE, silent, surface_of
from tests.engines.redis.keys import commands_called, restore_capture
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

BOTH = Surface(frozenset({MINE}), nodes=frozenset({NODE}))


def test_it_erases_what_a_look_would_return_and_tells_it(valkey: redis.Redis) -> None:
    """Keys, sessions, pointers, caches and ids in the index, in one pass; without bytes."""
    restore_capture(valkey)
    for name in (b"s-1", b"s-2"):
        session(valkey, name, NODE)
    valkey.set(f"kato:session:node:{NODE}:active", "s-1")
    valkey.set("patterns:top:s-1:10", "[]")
    before, erasing = prints(valkey), erasing_of(valkey, scan_count=100)
    look, keys = erasing.look(BOTH, is_bob), valkey.dbsize()
    valkey.config_resetstat()
    said: list[Progress] = []
    swept = erasing.sweep(BOTH, is_bob, said.append)
    called = commands_called(valkey)
    assert called["scan"] <= keys / 100 + 5
    assert called["memory|usage"] == 0
    assert counts(swept) == counts(look)
    assert {item.store for item in swept.items} == {Measure.KEYS, Measure.SESSIONS}
    assert {item.bytes for item in swept.items} == {None}
    assert (swept.blockers, swept.disclosed) == (look.blockers, look.disclosed)
    assert said[-1] == Progress("keys looked through", keys, keys)
    left = prints(valkey)
    gone = sum(item.count for item in swept.items)
    assert {key: before[key] for key in left} == left
    assert len(before) - len(left) == gone
    assert swept.everything == Reckoning(valkey.dbsize(), valkey.dbsize())
    again = erasing.sweep(BOTH, is_bob, silent)
    assert again.items == erasing.look(BOTH, is_bob).items == ()
    assert prints(valkey) == left


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_name_means_itself(valkey: redis.Redis, name: bytes) -> None:
    """Whoever's name it is the beginning or the end of; what is another's blocks nothing."""
    for kb in HOSTILE:
        for word in (b"frequency", b"own word", b"prediction:a:*"):
            valkey.set(kb + b":" + word + b":p", 1)
    before = prints(valkey)
    swept = erasing_of(valkey).sweep(surface_of(name), nobody, silent)
    assert counts(swept) == {
        (text_of(name), kind): 1 for kind in ("frequency", "other", "prediction")
    }
    assert swept.blockers == ()
    assert prints(valkey) == {k: v for k, v in before.items() if not k.startswith(name + b":")}


def test_many_tenants_go_at_once(valkey: redis.Redis) -> None:
    """In pieces: more keys than are erased in one command."""
    kb_ids = [f"tenant_t{at}_kato" for at in range(30)]
    valkey.mset({f"{kb}:frequency:{at}": 1 for kb in kb_ids for at in range(50)})
    valkey.mset({f"{MINE}:frequency:{at}": 1 for at in range(700)})
    valkey.set("tenant_t0_katox:frequency:0", 1)
    swept = erasing_of(valkey, scan_count=2_000).sweep(surface_of(MINE, *kb_ids), nobody, silent)
    assert counts(swept) == {**{(kb, "frequency"): 50 for kb in kb_ids}, (MINE, "frequency"): 700}
    assert valkey.keys("*") == [b"tenant_t0_katox:frequency:0"]


class TestOtherEyes:
    @pytest.mark.parametrize(
        ("key", "kind"),
        [
            (f"backup:{MINE}:frequency:p", "keys of unknown kind"),
            (f"backup-{MINE}:frequency:p", "keys of kind frequency"),
            (f"loose:frequency:{MINE}", "keys of kind frequency"),
            (f"{{{MINE}}}:lock", "keys of unknown kind"),
            (f"kato:lock/{MINE}", "keys of unknown kind"),
            (f"lock {NODE}", "keys of unknown kind"),
            (f"{NODE}:state", "keys of a tenant"),
            (f"tenant:acme:list:{NODE}", "keys of a tenant"),
            (f"patterns:top:{MINE}-10", "caches of another name"),
            ("patterns:top:s-1/10", "caches of another name"),
            (f"kato:metrics-{MINE}", "metrics of another name"),
            (f"patterns:other:x/{MINE}", "keys of unknown kind"),
            (f"stm:other/{MINE}", "keys of unknown kind"),
            ("kato:lock-s-1-x/s-1", "keys of unknown kind"),
        ],
    )
    def test_what_names_the_target_and_is_nobodys_blocks(
        self, valkey: redis.Redis, key: str, kind: str
    ) -> None:
        """Wherever the name stands: a look goes by what a name begins with, and is silent."""
        session(valkey, b"s-1", NODE)
        valkey.set(key, "x")
        assert erasing_of(valkey).look(BOTH, is_bob).blockers == ()
        (text,) = erasing_of(valkey).sweep(BOTH, is_bob, silent).blockers
        assert text.startswith(f"{kind} ")
        assert text.endswith(f": 1, such as {key}")
        assert valkey.keys("*") == [key.encode()]

    @pytest.mark.parametrize(
        "key",
        [
            f"other_kato:symbol_to_patterns:{MINE}",
            f"my_{MINE}:frequency:p",
            f"kato:lock:my_{MINE}",
            f"kato:lock:{NODE}by",
            f"kato:lock:{NODE}-corp",
            f"tenant:other:seen:{MINE}",
            f"kato:session:node:{NODE}by:active",
            "kato:lock:s-11",
            "unrelated",
            "symbols:probabilities",
        ],
    )
    def test_what_is_surely_somebody_elses_does_not(self, valkey: redis.Redis, key: str) -> None:
        session(valkey, b"s-1", NODE)
        valkey.set(key, "x")
        assert erasing_of(valkey).sweep(BOTH, is_bob, silent).blockers == ()
        assert valkey.keys("*") == [key.encode()]

    def test_kinds_are_counted_and_one_key_is_shown(self, valkey: redis.Redis) -> None:
        for at in range(1_200):
            valkey.set(f"copy:{at:04}:{MINE}", "x")
        valkey.set(f"patterns:top:{MINE}-10", "x")
        caches, unknown = erasing_of(valkey).sweep(BOTH, is_bob, silent).blockers
        assert caches.endswith(f": 1, such as patterns:top:{MINE}-10")
        assert unknown.endswith(f": 1,200, such as copy:0000:{MINE}")

    @pytest.mark.parametrize("key", [MINE, "kato:lock:" + MINE, "kato:lock:s-1"])
    def test_what_a_look_tells_too_is_told_once(self, valkey: redis.Redis, key: str) -> None:
        session(valkey, b"s-1", NODE)
        valkey.set(key, "x")
        look = erasing_of(valkey).look(BOTH, is_bob)
        assert len(look.blockers) == 1
        assert erasing_of(valkey).sweep(BOTH, is_bob, silent).blockers == look.blockers

    def test_records_are_judged_by_what_they_hold(self, valkey: redis.Redis) -> None:
        """One whose id names the target is somebody else's when it says so."""
        valkey.set(f"kato:session:{NODE}", json.dumps({"node_id": "tenant:other"}))
        valkey.set("kato:session:broken", '{"node_id": "' + NODE)
        (text,) = erasing_of(valkey).sweep(BOTH, is_bob, silent).blockers
        assert text.startswith("session records that cannot be read")
        assert valkey.dbsize() == 2

    def test_streams_are_disclosed(self, valkey: redis.Redis) -> None:
        valkey.xadd(f"stm:events:{MINE}", {"o": "x"})
        swept = erasing_of(valkey).sweep(BOTH, is_bob, silent)
        assert swept.blockers == ()
        assert len(swept.disclosed) == 1

    def test_a_stream_that_cannot_be_asked_is_disclosed(self, valkey: redis.Redis) -> None:
        valkey.xadd("stm:global", {"o": "x"})
        valkey.acl_setuser("deaf", enabled=True, nopass=True, keys=["*"],
                           categories=["+@all"], commands=["-xlen"])  # fmt: skip
        port = valkey.get_connection_kwargs()["port"]
        with redis.Redis(port=port, username="deaf", password="x") as client:
            (text,) = erasing_of(client).look(BOTH, is_bob).disclosed
        valkey.acl_deluser("deaf")
        assert text.startswith("the stream stm:global may hold")


def test_the_guides_session_records_of_a_tenant_end(valkey: redis.Redis) -> None:
    """With everything else of the tenant's, and nothing of another's."""
    for tenant in ("acme", "acme-corp"):
        valkey.set(f"tenant:{tenant}:settings", "{}")
        session(valkey, b"g-1", "any", f"tenant:{tenant}:session:".encode())
    swept = erasing_of(valkey).sweep(Surface(tenant_ids=frozenset({"acme"})), nobody, silent)
    assert counts(swept) == {("acme", "namespaced"): 1, ("acme", "session"): 1}
    assert swept.blockers == ()
    assert sorted(valkey.keys("*")) == [
        b"tenant:acme-corp:session:g-1",
        b"tenant:acme-corp:settings",
    ]


def test_a_record_that_is_written_all_the_time_keeps_no_other_from_its_end(
    valkey: redis.Redis,
) -> None:
    """And itself is left only while that goes on."""
    for at in range(40):
        session(valkey, b"s-%d" % at, NODE)
    busy, over = json.dumps({"node_id": NODE, "n": 0}), False

    def writes_again(node: str) -> bool:
        if not over and valkey.exists("kato:session:s-7"):
            valkey.set("kato:session:s-7", busy)
        return node == NODE

    erasing_of(valkey).sweep(BOTH, writes_again, silent)
    assert valkey.keys("kato:session:s-*") == [b"kato:session:s-7"]
    over = True
    assert counts(erasing_of(valkey).sweep(BOTH, writes_again, silent))[NODE, "session"] == 1


def test_keys_that_others_write_meanwhile_are_told_as_moved(valkey: redis.Redis) -> None:
    """What it erased itself is not."""
    valkey.mset({f"{MINE}:frequency:{at}": 1 for at in range(300)})
    valkey.mset({f"other_kato:frequency:{at}": 1 for at in range(300)})
    added = 0

    def write(_: str) -> bool:
        nonlocal added
        added += 1
        valkey.set(f"other_kato:late:{added}", 1)
        return False

    valkey.set("kato:session:s-1", json.dumps({"node_id": "tenant:other"}))
    everything = erasing_of(valkey).sweep(BOTH, write, silent).everything
    assert added > 0
    assert everything == Reckoning(301 + added, 301, added)


def test_progress_is_told_as_it_goes(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.stores.redis.look._SAY_SECONDS", 0.0)
    valkey.mset({f"{MINE}:frequency:{at}": 1 for at in range(100)})
    said: list[Progress] = []
    erasing_of(valkey).sweep(BOTH, nobody, said.append)
    assert {each.whole for each in said} == {100}
    assert [each.done for each in said] == sorted(each.done or 0 for each in said)
    assert len(said) > 3


def test_an_empty_surface_sweeps_nothing(valkey: redis.Redis) -> None:
    restore_capture(valkey)
    before = prints(valkey)
    swept = erasing_of(valkey).sweep(Surface(), nobody, silent)
    assert (swept.items, swept.blockers) == ((), ())
    assert prints(valkey) == before
    assert isinstance(swept, Look)
    assert INDEX in {key.split(b"/")[0] for key in before}
