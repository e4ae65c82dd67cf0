"""One session read in Redis without touching it; the index cleaned; metadata re-encrypted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from services.errors import EncryptionError, StoreDenied, StoreUnavailable
from services.sessions.models import IndexCleaning, SealedRecord
from services.sessions.rotate import KeyRotation
from services.settings.encryption import Encryption
from services.stores.redis import session_writes as sessionwrites
from services.stores.redis.session_detail import RAW_LIMIT, SessionRecords
from services.stores.redis.session_writes import SessionWrites
from services.tenancy.layout import Owner, OwnerKind
from tests.engines.redis.keys import restore_capture
from tests.servers.proxy import FaultyProxy

INDEX = "kato:session:_active_index"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
READS = {"CLIENT", "GET", "PTTL", "MEMORY"}


def records_of(client: redis.Redis, *, seconds: float = 20) -> SessionRecords:
    return SessionRecords(client, service="kato", scan_count=100, seconds=seconds)


def writes_of(client: redis.Redis, **options: Any) -> SessionWrites:
    return SessionWrites(
        client, **{"scan_count": 100, "seconds": 20, "grace_seconds": 0, **options}
    )


@pytest.fixture
def other(valkey: redis.Redis, valkey_url: str) -> Iterator[redis.Redis]:
    """A second client, which writes while the product does."""
    client = redis.Redis.from_url(valkey_url)
    yield client
    client.close()


def test_every_session_of_the_capture_is_read_whole(valkey: redis.Redis) -> None:
    """STM, accumulators, config, metadata and all the rest, as the record holds them."""
    rows = [r for r in restore_capture(valkey) if ":session-" in r["key"]]
    assert len(rows) == 28
    for row in rows:
        content = json.loads(row["value"])
        detail = records_of(valkey).detail(row["key"])
        assert detail is not None
        assert detail.record.owner == Owner(OwnerKind.NODE, content["node_id"])
        assert detail.stm == tuple(map(tuple, content["stm"]))
        assert list(detail.emotives) == content["emotives_accumulator"]
        assert list(detail.metadata_seen) == content["metadata_accumulator"]
        assert detail.config == content["session_config"]
        assert detail.metadata == content["metadata"]
        assert detail.rest["time"] == content["time"]
        assert (list(detail.predictions or ()), detail.percept) == (
            content["predictions"], content["percept_data"],
        )  # fmt: skip
        assert not {"predictions", "percept_data"} & detail.rest.keys()
        assert detail.record.bytes == valkey.memory_usage(row["key"])


def test_reading_extends_nothing_and_sends_reads_only(valkey: redis.Redis) -> None:
    """The TTL falls by the time that passed, and MONITOR sees nothing but reads."""
    restore_capture(valkey)
    key = next(k for k in valkey.scan_iter("kato:session:session-*"))
    idle = valkey.dump(key)
    started = time.monotonic()
    before = valkey.pttl(key)
    reader = records_of(valkey)
    with valkey.monitor() as monitor:
        for _ in range(3):
            detail = reader.detail(key.decode())
        valkey.echo("done")
        seen = []
        while (command := monitor.next_command()["command"]) != "ECHO done":
            seen.append(command.split()[0].upper())
    after = valkey.pttl(key)
    passed = (time.monotonic() - started) * 1000
    assert 0 <= before - after <= passed + 50
    assert valkey.dump(key) == idle
    assert set(seen) <= READS | {"HELLO", "AUTH", "SELECT"}
    assert seen.count("GET") == 3
    assert detail is not None
    assert detail.record.expires_in is not None
    assert after <= detail.record.expires_in * 1000 <= before


def test_records_are_looked_for_together(valkey: redis.Redis) -> None:
    """Over several batches, whatever their names."""
    keys = [f"kato:session:{number}" for number in range(450)] + ["kato:session:x\udcff"]
    for key in keys[::2]:
        valkey.set(key.encode("utf-8", "surrogateescape"), "{}")
    assert records_of(valkey).there(keys) == frozenset(keys[::2])
    assert records_of(valkey).there([]) == frozenset()


def test_a_session_of_the_guide_is_read_beside_katos(valkey: redis.Redis) -> None:
    """JSON of any fields, with a TTL."""
    valkey.set("tenant:acme:session:s:1", '{"stm": [["a"]], "cart": {"n": 1}}', ex=90)
    detail = records_of(valkey).detail("tenant:acme:session:s:1")
    assert detail is not None
    assert detail.record.owner == Owner(OwnerKind.TENANT, "acme")
    assert detail.record.session_id == "s:1"
    assert (detail.stm, detail.rest) == ((("a",),), {"cart": {"n": 1}})
    assert detail.record.expires_in == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    "key", ["kato:session:x\udcff\x00", "kato:session:日 *?[a]\n", "kato:session:"]
)
def test_hostile_ids_are_read(valkey: redis.Redis, key: str) -> None:
    raw = key.encode("utf-8", "surrogateescape")
    valkey.set(raw, '{"node_id": "x", "stm": "none", "metadata": 5, "session_config": []}')
    detail = records_of(valkey).detail(key)
    assert detail is not None
    assert (detail.stm, detail.metadata, detail.config) == (None, {}, {})
    assert detail.record.expires_in is None
    assert records_of(valkey).detail(key + "!") is None


def test_a_record_that_cannot_be_read_comes_with_its_text(valkey: redis.Redis) -> None:
    """Cut at the stated size; of another type, with its reason."""
    valkey.set("kato:session:a", b"{\xff" + b"x" * RAW_LIMIT)
    valkey.hset("kato:session:b", "node_id", "x")
    broken, hashed = (records_of(valkey).detail(f"kato:session:{n}") for n in "ab")
    assert broken is not None
    assert hashed is not None
    assert (len(broken.raw), broken.cut, broken.record.readable) == (RAW_LIMIT, True, False)
    assert broken.raw.startswith("{\udcff")
    assert hashed.record.problem == "it is not a string in Redis"
    assert hashed.raw == ""


def test_a_redis_that_fails_is_unavailable_and_no_absence(
    valkey: redis.Redis, valkey_url: str
) -> None:
    """Could not look is not the same as not there."""
    with FaultyProxy("127.0.0.1", int(valkey_url.rpartition(":")[2].partition("/")[0])) as proxy:
        client = redis.Redis(port=proxy.port, socket_timeout=0.5, retry=None)
        for fail in (proxy.refuse, lambda: proxy.slow(30), lambda: proxy.drop_after_bytes(8)):
            fail()
            with pytest.raises(StoreUnavailable):
                records_of(client, seconds=1).detail("kato:session:x")
            with pytest.raises(StoreUnavailable):
                writes_of(client, seconds=1).clean_index()
        client.close()


def index(valkey: redis.Redis) -> set[bytes]:
    return set(valkey.smembers(INDEX))


def test_exactly_the_ids_without_a_session_leave_the_index(valkey: redis.Redis) -> None:
    """Hostile ones too; live ones, and every session, stay."""
    live = {b"session-%d" % n for n in range(700)} | {b"", b"\xff", b"a b\n"}
    stale = {b"gone-%d" % n for n in range(900)} | {b"\xfe", b"*", b"session-"}
    for member in live:
        valkey.set(b"kato:session:" + member, "{}", ex=500)
    valkey.sadd(INDEX, *live, *stale)
    assert writes_of(valkey).clean_index() == IndexCleaning(len(live | stale), len(stale))
    assert index(valkey) == live
    assert valkey.dbsize() == len(live) + 1
    assert valkey.ttl("kato:session:session-1") > 400
    assert writes_of(valkey).clean_index() == IndexCleaning(len(live), 0)


def test_a_session_that_comes_at_the_last_moment_stays(
    valkey: redis.Redis, other: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the removal: the transaction does nothing, and is tried again."""
    valkey.sadd(INDEX, "session-late", "session-gone")
    honest, made = sessionwrites._transaction, []

    def create_first(*args: Any) -> Any:
        if not made:
            made.append(other.set("kato:session:session-late", "{}"))
        return honest(*args)

    monkeypatch.setattr(sessionwrites, "_transaction", create_first)
    assert writes_of(valkey).clean_index().removed == 1
    assert made
    assert index(valkey) == {b"session-late"}


def test_a_session_whose_record_is_a_moment_late_stays(
    valkey: redis.Redis, other: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KATO that writes the index before the record loses nothing."""
    waits: list[float] = []

    def come(seconds: float) -> None:
        waits.append(seconds)
        other.set("kato:session:session-late", "{}")

    valkey.sadd(INDEX, "session-late", "session-gone")
    monkeypatch.setattr(sessionwrites, "time", SimpleNamespace(sleep=come))
    assert writes_of(valkey, grace_seconds=0.8).clean_index().removed == 1
    assert waits == [0.8]
    assert index(valkey) == {b"session-late"}


def test_no_index_or_one_of_another_type_is_left_alone(valkey: redis.Redis) -> None:
    assert writes_of(valkey).clean_index() == IndexCleaning(0, 0)
    valkey.set(INDEX, "what?")
    assert writes_of(valkey).clean_index() == IndexCleaning(0, 0)
    assert valkey.get(INDEX) == b"what?"


def seal(valkey: redis.Redis, name: str, key: str, **fields: Any) -> str:
    """Store a session with metadata encrypted with a key."""
    token = Encryption([key]).encrypt({"pin": name})
    content = {"node_id": "n", "metadata": {"encrypted_data": token, "plan": "prö"}, **fields}
    valkey.set(f"kato:session:{name}", json.dumps(content), ex=500)
    return token


def rotation(valkey: redis.Redis, *keys: str) -> KeyRotation:
    return KeyRotation(
        records=records_of(valkey), writes=writes_of(valkey), encryption=Encryption(keys)
    )


def test_keys_are_rotated_and_the_rest_is_reported(valkey: redis.Redis) -> None:
    """Only the encrypted text changes, with the TTL as it is; what no key opens is named."""
    old = [seal(valkey, f"old-{n}", OLD, odd=1e400) for n in range(300)]
    seal(valkey, "new", NEW)
    lost = seal(valkey, "lost", Fernet.generate_key().decode())
    valkey.set("kato:session:none", '{"node_id": "n", "metadata": {}}')
    valkey.set("kato:session:broken", "{not json")
    valkey.hset("kato:session:hash", "a", "b")
    guides = json.dumps({"config": {"metadata": {"encrypted_data": old[0]}}})
    valkey.set("tenant:acme:session:1", guides)
    valkey.set("tenant:acme:other", json.dumps({"metadata": {"encrypted_data": old[0]}}))
    before = valkey.get("kato:session:old-7")
    assert isinstance(before, bytes)
    report = rotation(valkey, NEW, OLD).run()
    assert (report.renewed, report.current) == (301, 1)
    assert report.failed.keys() == {"kato:session:lost"}
    assert "fits" in report.failed["kato:session:lost"]
    assert lost not in repr(report)
    after = valkey.get("kato:session:old-7")
    assert isinstance(after, bytes)
    token = json.loads(after)["metadata"]["encrypted_data"]
    assert after.replace(token.encode(), old[7].encode()) == before
    assert Encryption([NEW]).decrypt(token) == {"pin": "old-7"}
    assert 490 < valkey.ttl("kato:session:old-7") <= 500
    assert valkey.ttl("tenant:acme:session:1") == -1
    assert valkey.get("tenant:acme:other") is not None
    again = rotation(valkey, NEW).run()
    assert (again.renewed, again.current, len(again.failed)) == (0, 302, 1)


def test_what_kato_writes_meanwhile_is_not_lost(
    valkey: redis.Redis, other: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write between the look and the change makes the change look again."""
    token = seal(valkey, "busy", OLD, stm=[])
    honest, made = sessionwrites._transaction, []

    def write_first(*args: Any) -> Any:
        if not made:
            content = json.loads(other.get("kato:session:busy") or b"")
            content["stm"] = [["observed"]]
            made.append(other.set("kato:session:busy", json.dumps(content), ex=900))
        return honest(*args)

    monkeypatch.setattr(sessionwrites, "_transaction", write_first)
    assert rotation(valkey, NEW, OLD).run().renewed == 1
    content = json.loads(valkey.get("kato:session:busy") or b"")
    assert content["stm"] == [["observed"]]
    assert content["metadata"]["encrypted_data"] != token
    assert valkey.ttl("kato:session:busy") > 800


def test_a_session_that_ends_meanwhile_does_not_come_back(valkey: redis.Redis) -> None:
    token = seal(valkey, "ended", OLD)
    valkey.delete("kato:session:ended")
    assert writes_of(valkey).swap("kato:session:ended", token, "new") is False
    assert not valkey.exists("kato:session:ended")


def test_what_kato_writes_back_from_its_own_copy_is_reported(valkey: redis.Redis) -> None:
    """It is looked at again at the end."""
    seal(valkey, "busy", OLD)
    stale = valkey.get("kato:session:busy")
    assert stale is not None

    class Undone(SessionWrites):
        def swap(self, key: str, old: str, new: str) -> bool:
            done = super().swap(key, old, new)
            valkey.set("kato:session:busy", stale)
            return done

    writes = Undone(valkey, scan_count=100, seconds=20)
    encryption = Encryption([NEW, OLD])
    report = KeyRotation(records=records_of(valkey), writes=writes, encryption=encryption).run()
    assert report.renewed == 0
    assert "wrote it back" in report.failed["kato:session:busy"]


def test_a_text_that_stands_in_another_form_is_reported(valkey: redis.Redis) -> None:
    """JSON may escape what it likes; what cannot be found is not guessed at."""
    token = seal(valkey, "odd", OLD)
    raw = valkey.get("kato:session:odd")
    assert isinstance(raw, bytes)
    valkey.set("kato:session:odd", raw.replace(b"gAAA", b"\\u0067AAA"))
    assert records_of(valkey).sealed() == (SealedRecord("kato:session:odd", token),)
    report = rotation(valkey, NEW, OLD).run()
    assert "in another form" in report.failed["kato:session:odd"]


@pytest.fixture
def confined(valkey: redis.Redis) -> Iterator[Callable[..., SessionRecords]]:
    """Records as a user with some rules reads them."""
    with ExitStack() as closing:

        def reader(*rules: str) -> SessionRecords:
            valkey.execute_command("ACL", "SETUSER", "few", "reset", "on", "nopass", *rules)
            closing.callback(valkey.acl_deluser, "few")
            port = valkey.get_connection_kwargs()["port"]
            client = closing.enter_context(redis.Redis(port=port, username="few", password="x"))
            return records_of(client)

        yield reader


def test_a_record_that_may_not_be_read_may_hold_secrets(
    valkey: redis.Redis, confined: Callable[..., SessionRecords]
) -> None:
    """Else a rotation would say that all is on the first key, and an older one be thrown away."""
    token = seal(valkey, "hidden", OLD)
    assert confined("~*", "+@all").sealed() == (SealedRecord("kato:session:hidden", token),)
    with pytest.raises(StoreDenied):
        confined("~*", "+@all", "-get").sealed()


def test_an_expiry_that_may_not_be_read_is_not_never(
    valkey: redis.Redis, confined: Callable[..., SessionRecords]
) -> None:
    seal(valkey, "mortal", OLD)
    valkey.expire("kato:session:mortal", 60)
    with pytest.raises(StoreDenied):
        confined("~*", "+@all", "-pttl").detail("kato:session:mortal")


def test_without_a_key_nothing_is_looked_at(valkey: redis.Redis) -> None:
    with pytest.raises(EncryptionError, match="KATO_TENANTS_METADATA_KEYS"):
        rotation(valkey).run()
