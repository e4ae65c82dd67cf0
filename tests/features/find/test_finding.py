"""Finding on a whole deployment over real sockets, on good days and bad ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.find.models import KEY, PATTERN, SESSION, Answer, TenantHit
from services.settings.environment import Settings, load_settings
from services.stores.records.nodes import StateStore
from services.tenancy.ownership import ClaimState
from services.usage.snapshot import Snapshot
from tests.conftest import capture_rows
from tests.servers.deployment import FAULTS, SECRET, Deployment
from tests.servers.faults import SOON


@dataclass(frozen=True)
class Asker:
    """The services and the snapshot that is asked about."""

    services: Services
    snapshot: Snapshot

    def __call__(self, typed: str, *, contains: bool = False) -> Answer:
        return self.services.finding.find(typed, self.snapshot, contains=contains)


@pytest.fixture
def find(kato_settings: Settings) -> Iterator[Asker]:
    built = bootstrap.build(kato_settings)
    yield Asker(built, built.usage.collect())
    built.close()


@pytest.fixture(scope="module")
def _reading(reading_settings: Settings) -> Iterator[Asker]:
    built = bootstrap.build(reading_settings)
    yield Asker(built, built.usage.collect())
    built.close()


@pytest.fixture
def look_up(_reading: Asker) -> Asker:
    """The same for every test that only reads."""
    return _reading


@pytest.fixture
def reading_keys(reading_kato: Deployment) -> redis.Redis:
    assert reading_kato.targets.redis
    return reading_kato.targets.redis


def by_tenant(answer: Answer) -> dict[str, TenantHit]:
    return {str(hit.tenant): hit for hit in answer.hits}


def patterns(hit: TenantHit) -> int | None:
    return None if hit.usage.patterns is None else hit.usage.patterns.count


def unknown(answer: Answer) -> set[str]:
    return {look.store for look in answer.unknown}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("bob", {"tenant/acme": 4, "tenant/acme-corp": 16, "tenant/acme_corp": 16}),
        ("alice", {"org/bigco": 9, "tenant/globex": 7, "tenant/acme-corp": 9}),
        ("jürgen", {"tenant/O'Brien & Söhne": 5}),
        ("x", {"tenant/a*b[c]?": 7, "kb/x_kato": 0}),
        ("zed", {"user/zed": 6}),
        ("bo", {}),
        ("BOB", {}),
    ],
)
def test_a_users_patterns_across_tenants(
    look_up: Asker, user: str, expected: dict[str, int]
) -> None:
    """What the guide's query is for, by what the recorded KATO stored."""
    answer = look_up(user)
    assert {name: patterns(hit) for name, hit in by_tenant(answer).items()} == expected
    assert not answer.unknown


def test_of_several_words_each_has_to_fit(look_up: Asker) -> None:
    """At one place: a user with the tenant, a session, a kb_id, a key or a pattern beside it."""
    sessions = look_up.snapshot.sessions or ()
    session = next(s.session_id for s in sessions if s.owner.name == "tenant:acme-corp:user:bob")
    row = capture_rows("clickhouse_patterns_data.jsonl")[0]
    alone = set(by_tenant(look_up(row["kb_id"])))
    cases: dict[str, set[str]] = {
        "bob acme-corp": {"tenant/acme-corp"},
        "the user bob of tenant/acme-corp": {"tenant/acme-corp"},
        " acme-corp  bob\t": {"tenant/acme-corp"},
        "bob globex": set(),
        "bob nowhere": set(),
        f"bob {session}": {"tenant/acme-corp"},
        f"alice {session}": set(),
        "bob tenant_acme_corp_user_bob_kato": {"tenant/acme-corp", "tenant/acme_corp"},
        "acme tenant_acme_user_bob_kato:symbols:freq": {"tenant/acme"},
        f"{row['name']} {row['kb_id']}": alone,
        f"{row['name']} hank": set(),
        "O'Brien & Söhne": {"tenant/O'Brien & Söhne"},
        "jürgen tenant/O'Brien & Söhne": set(),
    }
    for typed, expected in cases.items():
        assert set(by_tenant(look_up(typed))) == expected, typed
    assert not look_up("bob CORP").hits
    assert set(by_tenant(look_up("bob CORP", contains=True))) == {
        "tenant/acme-corp", "tenant/acme_corp"
    }  # fmt: skip


def test_a_shared_memory_says_so(look_up: Asker) -> None:
    """The 16 patterns of bob stand with both tenants; his sessions with the one they name."""
    hits = by_tenant(look_up("bob"))
    shared = hits["tenant/acme-corp"], hits["tenant/acme_corp"]
    assert all(hit.state is ClaimState.SHARED for hit in shared)
    assert [hit.usage.sessions.count for hit in shared if hit.usage.sessions] == [2, 1]
    assert hits["tenant/acme"].state is ClaimState.KNOWN


def test_a_user_costs_no_call(find: Asker, kato: Deployment, valkey: redis.Redis) -> None:
    """The snapshot and the node_ids seen know: with every store down it is the same."""
    before = find("alice")
    calls = len(kato.clickhouse.calls), len(kato.qdrant.calls), commands(valkey)
    for typed in ("bob", "tenant:acme:user:bob", "tenant_acme_user_bob_kato", "tenant/acme"):
        assert find(typed).hits
    assert (len(kato.clickhouse.calls), len(kato.qdrant.calls)) == calls[:2]
    assert commands(valkey) - calls[2] <= 1  # this test's own question
    for store in ("clickhouse", "redis", "qdrant"):
        kato.fail(store, "down")
    assert find("alice").hits == before.hits


def commands(client: redis.Redis) -> int:
    return int(client.info("stats")["total_commands_processed"])


def test_a_pattern_is_found_wherever_it_was_learnt(find: Asker, kato: Deployment) -> None:
    """By one query, however many kb_ids there are."""
    client = kato.targets.clickhouse
    assert client
    row = capture_rows("clickhouse_patterns_data.jsonl")[0]
    for kb_id in (
        "tenant_globex_user_hank_kato",
        "new_kato",
        "odd \udcff'%".encode("utf-8", "surrogateescape"),
    ):
        raw = kb_id.encode() if isinstance(kb_id, str) else kb_id
        client.command(
            "INSERT INTO patterns_data (kb_id, name) SELECT unhex({kb:String}), {name:String}",
            parameters={"kb": raw.hex(), "name": row["name"]},
        )
    calls = len(kato.clickhouse.calls)
    answer = find(row["name"].upper())
    assert len(kato.clickhouse.calls) == calls + 1
    places = {match.place.name for match in answer.matches if match.what == PATTERN and match.place}
    assert places == {
        row["kb_id"], "tenant_globex_user_hank_kato", "new_kato", "odd \udcff'%"
    }  # fmt: skip
    assert "tenant/globex" in by_tenant(answer)


@pytest.mark.parametrize("typed", ["0" * 40, "nobody", "tenant:nobody:key", "%", "*", "b?b"])
def test_what_is_nowhere_is_not_found(look_up: Asker, typed: str) -> None:
    answer = look_up(typed)
    assert not answer.matches
    assert not answer.unknown


@pytest.mark.parametrize(
    ("key", "tenants", "words"),
    [
        ("tenant_acme_user_bob_kato:symbols:freq", ["tenant/acme"], "symbols, a hash in Redis, n"),
        ("tenant_acme_corp_user_bob_kato:symbols:freq",
         ["tenant/acme-corp", "tenant/acme_corp"], "symbols, a hash"),
        ("kato:session:_active_index", [], "session index, a set in Redis, never expires"),
        ("stm:global", [], "stream, a stream in Redis"),
        ("tenant_acme_user_bob_kato:symbols:fre", [], ""),
        ("tenant_acme_user_bob_kato:symbols:*", [], ""),
    ],
)  # fmt: skip
def test_a_key_is_found_with_its_type_and_owner(
    look_up: Asker, reading_keys: redis.Redis, key: str, tenants: list[str], words: str
) -> None:
    """Its value is not read, and its idle time runs on."""
    before = {name: stats["calls"] for name, stats in reading_keys.info("commandstats").items()}
    answer = look_up(key)
    after = {name: stats["calls"] for name, stats in reading_keys.info("commandstats").items()}
    grown = {name for name in after if after[name] != before.get(name)}
    assert {"cmdstat_type", "cmdstat_pttl"} <= grown
    assert not grown & {"cmdstat_get", "cmdstat_hgetall", "cmdstat_keys", "cmdstat_scan"}
    found = [match for match in answer.matches if match.what == KEY]
    assert [str(match.tenant) for match in found if match.tenant] == tenants
    assert bool(found) == bool(words)
    assert all(match.how.startswith(words) for match in found)


@pytest.mark.parametrize(
    "key",
    [b"myapp:data", b"no colon", b"\xff\xfe", b"quo'te\"s", b"new\nline", b"nul\x00", b"k" * 10_000,
     b"back\\slash", b"star*"],
)  # fmt: skip
def test_a_key_of_any_name_is_found_as_it_is_and_as_it_is_shown(
    look_up: Asker, reading_keys: redis.Redis, key: bytes
) -> None:
    """Typed raw, or with the escapes that the pages write it with."""
    from dashboard.draw.formatting import visible
    from services.tenancy.layout import text_of

    reading_keys.set(key, "v", ex=3600)
    for typed in (text_of(key), visible(text_of(key))):
        (match,) = look_up(typed).nobodys
        assert match.what == KEY
        assert match.found == text_of(key)
        assert "expires in 3,6" in match.how or "expires in 3,5" in match.how
    reading_keys.delete(key)


def test_a_session_is_found_by_its_id_and_by_its_key(look_up: Asker) -> None:
    sessions = look_up.snapshot.sessions or ()
    record = next(s for s in sessions if s.owner.name == "tenant:acme-corp:user:bob")
    for typed in (record.session_id, record.key):
        answer = look_up(typed)
        assert list(by_tenant(answer)) == ["tenant/acme-corp"]
        assert SESSION in {match.what for match in answer.matches}


def test_a_session_younger_than_the_figures_is_seen_to_be_there(
    find: Asker, valkey: redis.Redis
) -> None:
    """Whose it is needs its record, which the next pass reads."""
    valkey.set("kato:session:session-new-1", '{"node_id": "tenant:acme:user:bob"}', ex=60)
    (match,) = find("session-new-1").nobodys
    assert match.what == SESSION
    assert match.found == "session-new-1"
    assert "the next will tell" in match.how
    assert 0 < valkey.ttl("kato:session:session-new-1") <= 60


CLICKHOUSE, REDIS = ("clickhouse", "ClickHouse"), ("redis", "Redis")


@pytest.mark.parametrize(
    ("store", "fault", "typed"),
    [
        *((CLICKHOUSE, fault, "0" * 40) for fault in FAULTS),
        (CLICKHOUSE, "denied", "0" * 40),
        (REDIS, "down", "myapp:key"),
        (REDIS, "slow", "myapp:key"),
        (REDIS, "down", "session-nobody"),
    ],
)
def test_a_store_that_cannot_be_asked_is_unknown(
    find: Asker, kato: Deployment, store: tuple[str, str], fault: str, typed: str
) -> None:
    """It is never said that nothing is there, and nobody waits for long."""
    kato.fail(store[0], fault)
    began = time.monotonic()
    answer = find(typed)
    assert time.monotonic() - began < SOON
    assert not answer.matches
    assert unknown(answer) == {store[1]}
    assert SECRET not in repr(answer)


def test_a_reply_that_breaks_off_anywhere_is_no_answer(find: Asker, kato: Deployment) -> None:
    """After whichever byte Redis hangs up: the key is found, or Redis is unknown."""
    outcomes = set()
    for size in range(1, 60, 2):
        kato.redis.drop_after_bytes(size)
        answer = find("tenant_acme_user_bob_kato:symbols:freq")
        outcomes.add((bool(answer.hits), tuple(unknown(answer))))
    assert outcomes == {(True, ()), (False, ("Redis",))}


@pytest.mark.parametrize(
    ("store", "name"), [("clickhouse", "ClickHouse"), ("redis", "Redis"), ("qdrant", "Qdrant")]
)
def test_what_the_last_pass_could_not_read_is_unknown(
    find: Asker, kato: Deployment, store: str, name: str
) -> None:
    """There may be tenants that only that store knows, and its figures are not 0."""
    kato.fail(store, "down")
    answer = find.services.finding.find("bob", find.services.usage.collect())
    assert set(by_tenant(answer)) == {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp"}
    assert unknown(answer) == {name}
    for hit in answer.hits:
        assert (hit.usage.patterns is None) == (store == "clickhouse")
        assert (hit.usage.keys is None) == (hit.usage.sessions is None) == (store == "redis")
        assert (hit.usage.vectors is None) == (store == "qdrant")


def test_without_our_own_records_the_snapshot_must_do(
    find: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node_ids that it brought are known still; that others may be missing is said."""

    def fail(_: StateStore) -> None:
        raise StoreUnavailable("state store", "reading node_ids", "its database gave an error")

    for name in ("nodes", "nodes_version"):
        monkeypatch.setattr(StateStore, name, fail)
    answer = find("bob")
    assert set(by_tenant(answer)) == {"tenant/acme", "tenant/acme-corp", "tenant/acme_corp"}
    assert unknown(answer) == {"Own records"}
    monkeypatch.undo()
    assert not find("bob").unknown


def test_a_store_without_an_address_is_called_so(
    kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", kato.environment["REDIS_URL"])
    services = bootstrap.build(load_settings())
    answer = services.finding.find("0" * 40, services.usage.collect())
    services.close()
    assert {look.store for look in answer.unknown if look.absent} == {
        "ClickHouse", "Qdrant", "KATO"
    }  # fmt: skip
    assert all(look.absent for look in answer.unknown)


def test_the_number_of_calls_does_not_grow_with_the_tenants(
    find: Asker, kato: Deployment, valkey: redis.Redis
) -> None:
    """One query and one round trip, for 14 tenants or for 500 more."""
    typed = ("0" * 40, "nobody", "myapp:key", "bob")

    def cost() -> tuple[int, int]:
        queries, sent = len(kato.clickhouse.calls), commands(valkey)
        for each in typed:
            find(each)
        return len(kato.clickhouse.calls) - queries, commands(valkey) - sent

    few = cost()
    for at in range(500):
        valkey.set(f"tenant_t{at}_user_u_kato:symbols:freq", "1")
    grown = Asker(find.services, find.services.usage.collect())
    assert len(grown.snapshot.tenants) == len(find.snapshot.tenants) + 500
    find = grown
    assert cost() == few
    assert few[0] == 1
