"""The sample fleet: always the same, in KATO's layout, with everything odd that a real one has."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from services.embedded.sample.fleet import Fleet, fleet
from services.embedded.write.dataset import Entry, KeyType, Row
from services.embedded.write.rows import TABLES
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import OwnerKind, bytes_of, read_collection, read_key
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from tests.conftest import capture_rows

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COLUMNS = list(TABLES["patterns_data"].columns)


@pytest.fixture(scope="module")
def sample() -> Fleet:
    """The sample as newcomers see it."""
    return fleet(now=NOW)


@pytest.fixture(scope="module")
def rows(sample: Fleet) -> list[Row]:
    """All of its rows."""
    return list(sample.rows())


@pytest.fixture(scope="module")
def entries(sample: Fleet) -> dict[str, Entry]:
    """All of its keys."""
    return {entry.key: entry for entry in sample.entries()}


@pytest.fixture(scope="module")
def records(entries: dict[str, Entry]) -> list[dict[str, Any]]:
    """The records of its live sessions."""
    found = (e for key, e in entries.items() if key.startswith("kato:session:session-"))
    return [json.loads(str(entry.value)) for entry in found]


@pytest.fixture(scope="module")
def ownership(records: list[dict[str, Any]]) -> Ownership:
    """What its sessions tell of whose its data is."""
    return Ownership((r["node_id"] for r in records), schemes=NamingSchemes.of())


def cell(row: Row, column: str) -> Any:
    """One value of a row."""
    return row.values[COLUMNS.index(column)]


def kbs_of_keys(entries: dict[str, Entry]) -> Counter[str]:
    """The kb_ids of the keys, with how many keys each has."""
    owners = (read_key(bytes_of(key)).owner for key in entries)
    return Counter(owner.name for owner in owners if owner.kind is OwnerKind.KB)


def whole(of: Fleet) -> Iterator[object]:
    """Everything in a fleet."""
    yield from of.rows()
    yield from of.entries()
    yield from of.collections()


def test_the_same_seed_gives_the_same_fleet_and_another_one_another() -> None:
    """Down to every value, however often it is asked."""
    made = fleet(3, tenants=30, now=NOW, largest=40)
    assert list(whole(made)) == list(whole(fleet(3, tenants=30, now=NOW, largest=40)))
    assert list(made.rows()) == list(made.rows())
    assert list(whole(made)) != list(whole(fleet(4, tenants=30, now=NOW, largest=40)))


def test_it_is_big_enough_to_look_real_and_small_enough_to_start_at_once(
    sample: Fleet, rows: list[Row], entries: dict[str, Entry]
) -> None:
    """Thousands of patterns, tens of thousands of keys, hundreds of vectors."""
    assert 5_000 < len(rows) < 10_000
    assert 30_000 < len(entries) < 45_000
    assert len(entries) == sum(not entry.more for entry in sample.entries())
    points = sum(len(collection.points) for collection in sample.collections())
    assert 300 < points < 1_000


def test_its_tenants_are_two_dozen_of_every_kind_and_very_unequal(
    sample: Fleet, rows: list[Row]
) -> None:
    """The largest has many times the patterns of the smallest."""
    schemes = NamingSchemes.of()
    patterns: Counter[TenantKey] = Counter()
    for node in sample.nodes():
        reading = schemes.read(node.node_id)
        if reading is not None:
            patterns[reading.tenant] += node.patterns
    assert len(patterns) >= 24
    assert {tenant.kind for tenant in patterns} == {"tenant", "org", "team", "app", "user"}
    sizes = sorted(patterns[t] for t in patterns if patterns[t])
    assert sizes[-1] > 40 * sizes[0]
    used = {scheme.template for n in sample.nodes() if (r := schemes.read(n.node_id))
            for scheme in (r.scheme,)}  # fmt: skip
    assert len(used) == 7
    assert len({cell(row, "kb_id") for row in rows}) > 40


def test_rows_keys_and_counters_agree_where_nothing_is_odd(
    sample: Fleet, rows: list[Row], entries: dict[str, Entry]
) -> None:
    """A pattern has its keys, a symbol its set, a counter its sum."""
    by_kb: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kb[cell(row, "kb_id")].append(row)
    for node in sample.nodes():
        if not (node.rows and node.keys and node.patterns):
            continue
        kb, found = node.kb_id, by_kb[node.kb_id]
        names = {cell(row, "name") for row in found}
        assert len(names) == len(found) == node.patterns
        assert entries[f"{kb}:global:total_unique_patterns"].value == str(len(found))
        for row in found:
            assert f"{kb}:frequency:{cell(row, 'name')}" in entries
        symbols = Counter(token for row in found for token in cell(row, "token_set"))
        assert entries[f"{kb}:symbols:pmf"].value == {t: str(n) for t, n in symbols.items()}
        for token, count in symbols.items():
            members = entries[f"{kb}:symbol_to_patterns:{token}"].value
            assert len(members) == count
            assert set(members) <= names


def test_a_row_is_what_kato_writes(rows: list[Row]) -> None:
    """Lengths, tokens and hashes fit the events, as in the recorded rows."""
    recorded = capture_rows("clickhouse_patterns_data.jsonl")[0]
    for row in rows[::50]:
        tokens = [token for event in cell(row, "pattern_data") for token in event]
        assert cell(row, "length") == len(tokens)
        assert set(cell(row, "token_set")) == set(tokens)
        assert cell(row, "token_count") == len(set(tokens))
        assert (cell(row, "first_token"), cell(row, "last_token")) == (tokens[0], tokens[-1])
        assert len(cell(row, "name")) == len(recorded["name"])
        for column in ("minhash_sig", "lsh_bands"):
            assert len(cell(row, column)) == len(recorded[column])


def test_its_past_is_months_long_and_ends_before_now(rows: list[Row]) -> None:
    """So that there is something to see in first and last writes."""
    times = [cell(row, "created_at") for row in rows]
    assert max(times) <= NOW
    assert min(times) < NOW - timedelta(days=120)
    assert sum(time > NOW - timedelta(days=30) for time in times) > 100


def test_it_has_keys_of_every_kind_with_the_types_that_kato_uses(
    entries: dict[str, Entry],
) -> None:
    """Every kind of the recording is there, with its type, and expires only where it does."""

    def kinds(keys: list[tuple[str, str, bool]]) -> set[tuple[str, str, bool]]:
        return {(read_key(bytes_of(key)).kind, kind, ttl) for key, kind, ttl in keys}

    recorded = [(r["key"], r["type"], r["pttl"] != -1) for r in capture_rows("redis.jsonl")]
    made = [(e.key, str(e.type), e.ttl_ms is not None) for e in entries.values()]
    assert kinds(recorded) <= kinds(made)
    assert not any(kind == "unknown" for kind, _, _ in kinds(made))


def test_two_tenants_are_on_one_kb_id_and_both_were_seen(ownership: Ownership) -> None:
    """Two tenants of one kb_id: acme-corp and acme_corp."""
    claim = ownership.kb("tenant_acme_corp_user_bob_kato")
    assert claim.state is ClaimState.SHARED
    assert {t.id for t in claim.tenants} == {"acme-corp", "acme_corp"}


def test_one_tenants_name_begins_anothers(sample: Fleet) -> None:
    """A prefix match on acme would hit acme-corp."""
    kb_ids = {node.kb_id for node in sample.nodes()}
    assert {"tenant_acme_user_bob_kato", "tenant_acme_corp_user_ines_kato"} <= kb_ids


def test_names_with_quotes_other_letters_and_too_many_letters(sample: Fleet) -> None:
    """As people choose them."""
    kb_ids = [node.kb_id for node in sample.nodes()]
    assert any("'" in kb_id and "ö" in kb_id for kb_id in kb_ids)
    assert any(len(node.node_id) > 60 and len(node.kb_id) == 60 for node in sample.nodes())
    assert all(node.kb_id == kb_id_of(node.node_id) for node in sample.nodes())


def test_some_tenants_are_known_and_some_only_inferred(sample: Fleet, ownership: Ownership) -> None:
    """Those without a live session are read out of the kb_id's text."""
    states = Counter(ownership.kb(node.kb_id).state for node in sample.nodes())
    assert states[ClaimState.KNOWN] > 20
    assert states[ClaimState.INFERRED] > 5


def test_it_has_an_orphan_of_each_sort(
    sample: Fleet, rows: list[Row], entries: dict[str, Entry]
) -> None:
    """Keys without rows, rows without keys, a collection alone, and vectors that are gone."""
    with_rows = {cell(row, "kb_id") for row in rows}
    with_keys = set(kbs_of_keys(entries))
    with_vectors = {
        read_collection(c.name).owner.name
        for c in sample.collections()
        if c.name.startswith("vectors_")
    }
    named = {
        cell(row, "kb_id")
        for row in rows
        if any(token.startswith("VCTR|") for token in cell(row, "token_set"))
    }
    assert with_keys - with_rows == {"tenant_initrode_user_milton_kato"}
    assert with_rows - with_keys == {"tenant_vehement_user_russ_kato"}
    assert with_vectors - with_rows - with_keys == {"tenant_pied_piper_user_richard_kato"}
    assert named - with_vectors == {"tenant_dunder_mifflin_user_dwight_kato"}


def test_vectors_are_those_that_patterns_name(sample: Fleet, rows: list[Row]) -> None:
    """Of every collection but the orphan, and with its size."""
    tokens = {(cell(row, "kb_id"), token) for row in rows for token in cell(row, "token_set")}
    for collection in sample.collections():
        if not collection.name.startswith("vectors_") or "pied_piper" in collection.name:
            continue
        kb_id = collection.name.removeprefix("vectors_")
        assert collection.size == 8
        for point in collection.points:
            assert len(point.vector) == 8
            assert (kb_id, point.payload["vctr_name"]) in tokens


def test_a_few_frequency_keys_have_lost_their_pattern(
    rows: list[Row], entries: dict[str, Entry]
) -> None:
    """As a clear-all that was cut short leaves them, in the midst of a sound knowledge base."""
    kb = "tenant_acme_user_dana_kato"
    names = {cell(row, "name") for row in rows if cell(row, "kb_id") == kb}
    counted = {k.rpartition(":")[2] for k in entries if k.startswith(f"{kb}:frequency:")}
    assert len(counted - names) == 3
    assert names < counted


def test_a_kb_id_that_no_scheme_reads_stands_for_itself(
    sample: Fleet, ownership: Ownership
) -> None:
    """One whose node was seen, and one whose node was not."""
    unread = {n.kb_id for n in sample.nodes() if ownership.kb(n.kb_id).tenants
              and ownership.kb(n.kb_id).tenants[0].kind == "kb"}  # fmt: skip
    assert unread == {"smoke_test_3_kato", "kiosk_lobby_2_kato"}


def test_sessions_are_live_and_of_differing_ages(
    entries: dict[str, Entry], records: list[dict[str, Any]]
) -> None:
    """Each record says the same as its TTL, and was created before it was used."""
    assert len(records) > 60
    for record in records:
        created, accessed, expires = (
            datetime.fromisoformat(record[name])
            for name in ("created_at", "last_accessed", "expires_at")
        )
        ttl_ms = entries[f"kato:session:{record['session_id']}"].ttl_ms
        assert created <= accessed <= NOW < expires
        assert ttl_ms is not None
        assert abs((expires - NOW).total_seconds() * 1000 - ttl_ms) < 2
    ages = sorted((NOW - datetime.fromisoformat(r["created_at"])).total_seconds() for r in records)
    assert ages[0] < 6 * 3600
    assert ages[-1] > 3 * 86_400


def test_a_session_has_the_fields_that_kato_writes(records: list[dict[str, Any]]) -> None:
    """In KATO's order."""
    recorded = next(
        json.loads(r["value"])
        for r in capture_rows("redis.jsonl")
        if r["key"].startswith("kato:session:session-")
    )
    assert {tuple(record) for record in records} == {tuple(recorded)}
    assert {tuple(r["session_config"]) for r in records} == {tuple(recorded["session_config"])}


def test_the_index_remembers_sessions_that_are_gone(
    entries: dict[str, Entry], records: list[dict[str, Any]]
) -> None:
    """So its size over-reports, as KATO's does."""
    index = entries["kato:session:_active_index"]
    assert index.type is KeyType.SET
    assert index.ttl_ms is None
    live = {record["session_id"] for record in records}
    assert live < set(index.value)
    assert len(set(index.value) - live) > 30


def test_all_observations_are_in_one_stream_under_one_name(entries: dict[str, Entry]) -> None:
    """Nobody's purge can take it apart."""
    stream = entries["stm:global"]
    assert stream.type is KeyType.STREAM
    assert stream.ttl_ms is None
    labels = {dict(item[1])["processor_id"] for item in stream.value if isinstance(item[1], dict)}
    assert len(labels) == 1
    assert f"stm:events:{labels.pop()}" in entries
    ids = [tuple(map(int, str(item[0]).split("-"))) for item in stream.value]
    assert ids == sorted(set(ids))


def test_a_bit_of_it_is_in_the_guides_layout(sample: Fleet, entries: dict[str, Entry]) -> None:
    """Keys and collections that carry a tenant's raw id, and one collection for several."""
    kinds = Counter(read_key(bytes_of(k)).kind for k in entries if k.startswith("tenant:"))
    assert kinds["session"] > 2
    assert kinds["namespaced"] > 2
    collections = {c.name: c for c in sample.collections()}
    assert collections["kato_tenant_soylent"].points
    owners = Counter(p.payload.get("tenant_id") for p in collections["kato_vectors"].points)
    assert len(owners) == 4
    assert owners[None] > 0


def test_the_service_name_is_in_every_kb_id() -> None:
    """As SERVICE_NAME makes them."""
    made = fleet(tenants=5, now=NOW, largest=20, service="kato-eu")
    assert {row.values[0][-8:] for row in made.rows()} == {"_kato_eu"}


def test_ten_thousand_tenants_have_as_many_names() -> None:
    """For benchmarks: any number, each with kb_ids of its own."""
    schemes = NamingSchemes.of()
    kb_ids: list[str] = []
    tenants = set()
    for node in fleet(tenants=10_000, now=NOW).nodes():
        reading = schemes.read(node.node_id)
        if not node.twin:
            kb_ids.append(node.kb_id)
        if reading is not None:
            tenants.add(reading.tenant)
    assert len(tenants) >= 10_000
    assert len(set(kb_ids)) == len(kb_ids) > 15_000


def peak_of(items: Iterator[object], count: int) -> int:
    """The most bytes that are held while so many items are taken and let go."""
    tracemalloc.start()
    try:
        for _ in islice(items, count):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_fleet_streams_in_bounded_memory() -> None:
    """What is held at a time grows neither with what was given out nor with what is to come."""
    many, few = (fleet(tenants=tenants, now=NOW, largest=5) for tenants in (10_000, 300))
    for each in (many, few):
        peak_of(each.entries(), 100)  # what is loaded once
    for name in ("entries", "rows"):
        begun = peak_of(getattr(few, name)(), 300)
        assert peak_of(getattr(many, name)(), 300) < 1.5 * begun + 20_000
        assert peak_of(getattr(many, name)(), 3_000) < 1.5 * begun + 20_000
