"""The ClickHouse adapters on a cluster: two shards, one with two replicas, each a real engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.archive.models import Print
from services.browse.models import PatternQuery, PatternSort
from services.errors import StoreError, StoreMisconfigured, StoreRejected, StoreUnavailable
from services.health.models import ReplicaState
from services.imports.models import ImportRefused
from services.purge.models import Look
from services.restore.models import Misfit, Unfit
from services.stores.adapters import Stores
from services.stores.clickhouse import ddl, pending
from services.stores.clickhouse.apart import RowsApart
from services.stores.clickhouse.archive import PatternArchive
from services.stores.clickhouse.erase import PatternErasing
from services.stores.clickhouse.imports import PatternImports
from services.stores.clickhouse.retention import PatternKeeping
from services.stores.clickhouse.staging import RowWriting
from services.usage.readings import PatternReading
from tests.engines.clickhouse.shards import Shards, shards_over
from tests.engines.erasing import silent, surface_of
from tests.servers.clickhouse_cluster import Node

A, B, C = "tenant_a_kato", "tenant_b_kato", "tenant_c_kato"


def filled(shards: Shards) -> Shards:
    """Put A on both shards, B on the first alone, C on the second."""
    shards.put(1, [A, B], each=2)
    shards.put(2, [A, C], first=5)
    return shards


@pytest.fixture
def full(shards: Shards) -> Shards:
    """Such a cluster, to be changed."""
    return filled(shards)


@pytest.fixture(scope="module")
def _read_only(cluster_nodes: list[Node]) -> Iterator[Shards]:
    with shards_over(cluster_nodes) as shards:
        yield filled(shards)


@pytest.fixture
def there(_read_only: Shards) -> Iterator[Shards]:
    """Such a cluster that nobody writes to; how its servers are is a test's own."""
    yield _read_only
    _read_only.cluster.be_well()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "PATIENCE", 0.3)
    monkeypatch.setattr(ddl, "_FIRST_PAUSE", 0.01)


def counts(reading: PatternReading) -> dict[str | None, int]:
    return {usage.kb_id: usage.amount.count for usage in reading.usages}


def erasing(shards: Shards, seconds: float = 5) -> PatternErasing:
    return PatternErasing(shards.stores.engines.clickhouse, seconds=seconds, patience=0)


def unknown(of: Callable[[], object]) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        of()
    return str(caught.value)


class TestCounts:
    def test_every_shard_counts_and_its_replicas_once(self, there: Shards) -> None:
        reading = there.stores.patterns.read()
        assert counts(reading) == {A: 3, B: 2, C: 1}
        assert reading.total.count == 6
        assert reading.total.bytes == sum(usage.amount.bytes for usage in reading.usages) > 0
        (patterns,) = [table for table in reading.tables if table.name == "patterns_data"]
        assert (patterns.rows, patterns.parts, patterns.partitions) == (6, 4, 3)

    def test_the_catalogue_alone_says_the_same(self, there: Shards) -> None:
        assert counts(there.stores.patterns.quick()) == {A: 3, B: 2, C: 1}

    def test_a_pattern_of_two_shards_counts_once(self, full: Shards) -> None:
        full.put(2, [A], first=0)
        assert counts(full.stores.patterns.read())[A] == 3

    def test_a_replica_that_is_down_has_a_sibling(self, there: Shards) -> None:
        for node in there.cluster.shard(1):
            node.down = True
            there.cluster.nodes[0].down = False  # it is the one that is connected to
            assert counts(there.stores.patterns.read()) == {A: 3, B: 2, C: 1}
            node.down = False

    @pytest.mark.parametrize("of", ["read", "quick", "health"])
    def test_a_shard_that_is_down_is_unknown_by_its_name(self, there: Shards, of: str) -> None:
        there.cluster.nodes[2].down = True
        assert "no answer from ch-2-1:9000" in unknown(getattr(there.stores.patterns, of))

    @pytest.mark.parametrize(("of", "step"), [("quick", 1), ("read", 4)])
    def test_a_shard_that_goes_down_in_the_middle_makes_no_short_figure(
        self, there: Shards, of: str, step: int
    ) -> None:
        """At whatever statement it goes: unknown, or all of it."""
        read, seen = getattr(there.stores.patterns, of), there.cluster.statements
        seen.clear()
        read()
        for at in range(1, len(seen) + 1, step):
            seen.clear()
            there.cluster.before = lambda _, at=at: setattr(
                there.cluster.nodes[2], "down", len(seen) >= at
            )
            with suppress(StoreUnavailable):
                assert counts(read()) == {A: 3, B: 2, C: 1}

    def test_a_replica_that_lags_does_not_speak(self, full: Shards) -> None:
        full.put(1, [B], first=7, on=[2])
        full.cluster.nodes[0].behind = 60
        assert counts(full.stores.patterns.read())[B] == 3
        full.cluster.nodes[1].behind = 60
        said = unknown(full.stores.patterns.read)
        assert "ch-1-1:9000" in said
        assert "ch-1-2:9000 (shard 1, replica 2) is 30 s or more behind" in said

    def test_who_has_a_pattern_is_found_on_every_shard(self, there: Shards) -> None:
        assert there.stores.patterns.holders(["p0", "p5"]) == {A: 2, B: 1, C: 1}


class TestServers:
    def test_each_is_named_with_how_it_is(self, there: Shards) -> None:
        first, second, third = there.cluster.nodes
        first.behind, second.readonly, second.behind = 40, True, 2
        health = there.stores.patterns.health()
        assert [(r.name, r.shard, r.number, r.state, r.behind, r.speaks) for r in
                health.replicas] == [
            ("ch-1-1:9000", 1, 1, ReplicaState.BEHIND, 40, False),
            ("ch-1-2:9000", 1, 2, ReplicaState.READ_ONLY, 2, True),
            ("ch-2-1:9000", 2, 1, ReplicaState.WELL, 0, True),
        ]  # fmt: skip
        assert "ch-1-2:9000 may only read" in " ".join(health.notes)
        second.down, first.behind = True, 0
        assert there.stores.patterns.health().replicas[1].state is ReplicaState.SILENT
        assert third.shard == 2

    def test_replicas_that_the_cluster_does_not_have_are_told_of(self, there: Shards) -> None:
        there.cluster.nodes[2].more = 1
        (note, *_) = there.stores.patterns.health().notes
        assert "has 2 replicas, of which 1 are in the cluster and answer" in note

    def test_one_that_does_not_know_its_place_is_found_by_its_name_or_refused(
        self, there: Shards
    ) -> None:
        there.cluster.nodes[2].misnamed = True
        with pytest.raises(StoreMisconfigured, match="proxy:9000 answers, and is not in its"):
            there.stores.patterns.read()

    def test_a_cluster_that_is_not_there(self, there: Shards) -> None:
        other = there.settings.model_copy(update={"clickhouse_cluster": "other"})
        with pytest.raises(StoreMisconfigured, match="no cluster of the name"):
            Stores(other).patterns.read()

    def test_without_the_setting_it_is_said_what_to_set(self, there: Shards) -> None:
        """Patterns are not counted on one server alone, as if that were all."""
        alone = Stores(there.settings.model_copy(update={"clickhouse_cluster": None}))
        with pytest.raises(StoreMisconfigured, match="set CLICKHOUSE_CLUSTER to c"):
            alone.patterns.health()

    def test_replicas_without_the_setting_are_told_of(self, full: Shards) -> None:
        for node in full.cluster.nodes:
            node.query("DROP VIEW patterns_data", {"database": full.database})
            rename = "RENAME TABLE patterns_data_local TO patterns_data"
            node.query(rename, {"database": full.database})
        full.cluster.faces, full.cluster.replicated = {}, ("patterns_data",)
        alone = Stores(full.settings.model_copy(update={"clickhouse_cluster": None}))
        (note,) = alone.patterns.health().notes
        assert note.startswith("patterns_data has 2 replicas, of which one is asked: set CLICK")
        assert counts(full.stores.patterns.read()) == {A: 3, B: 2, C: 1}


class TestReading:
    def test_pages_go_through_all_shards(self, there: Shards) -> None:
        pages = there.stores.pattern_pages
        query = PatternQuery(kb_ids=(A, C), sort=PatternSort.LONGEST, limit=3)
        first = pages.page(query)
        assert first.next is not None
        rest = pages.page(PatternQuery((A, C), sort=query.sort, limit=3, after=first.next))
        found = [(row.kb_id, row.name) for row in (*first.rows, *rest.rows)]
        assert sorted(found) == [(A, "p0"), (A, "p1"), (A, "p5"), (C, "p5")]
        assert (first.cost.rows, first.cost.parts) == (4, 3)
        assert pages.content(C, "p5") is not None
        assert pages.content(B, "p5") is None

    def test_the_audit_reads_all_shards(self, there: Shards) -> None:
        facts = there.stores.pattern_audit.facts()
        assert dict(facts.vector_tokens) == {A: 3, B: 2, C: 1}
        assert facts.most_parts["patterns_data"] == 1
        assert facts.clustered
        assert set(facts.users) == {"ch-1-1:9000", "ch-1-2:9000", "ch-2-1:9000"}
        assert facts.unasked == {}

    def test_an_archive_has_the_rows_of_all_shards_and_their_table_by_katos_name(
        self, there: Shards
    ) -> None:
        archive = PatternArchive(there.stores.engines.clickhouse)
        pieces = list(archive.read(surface_of(A)))
        (part,) = {piece.part.name for piece in pieces if piece.count}
        assert part == "clickhouse/patterns_data"
        assert sum(piece.count for piece in pieces) == 3
        fingerprint = next(p.fingerprint for p in pieces if p.part.name == part and p.fingerprint)
        assert archive.prints(surface_of(A))[part] == Print(3, fingerprint)
        named = next(piece.part for piece in pieces if piece.part.name == part)
        assert named.description["table"] == "patterns_data"
        misfit = RowWriting(there.stores.engines.clickhouse).misfit(named)
        assert misfit == Misfit(part, Unfit.SHARDS)

    def test_what_writes_to_one_server_alone_is_refused(self, there: Shards) -> None:
        apart = RowsApart(there.stores.engines.clickhouse, seconds=5)
        assert apart.count(A) == 3
        with pytest.raises(StoreRejected, match="is on several servers"):
            apart.cost(A)
        with pytest.raises(ImportRefused, match="on several servers"):
            PatternImports(there.stores.engines.clickhouse).table("patterns_data")


class TestErasing:
    def test_a_look_finds_what_any_replica_has(self, full: Shards) -> None:
        full.put(1, [A], first=9, on=[2])
        look = erasing(full).look(surface_of(A))
        assert [(item.owner, item.count) for item in look.items] == [(A, 4)]
        assert look.servers == {
            "ch-1-1:9000 (shard 1, replica 1)": 2,
            "ch-1-2:9000 (shard 1, replica 2)": 3,
            "ch-2-1:9000 (shard 2, replica 1)": 1,
        }
        assert erasing(full).names() == {A: 4, B: 2, C: 1}

    def test_it_goes_from_every_replica_and_nothing_else_does(self, full: Shards) -> None:
        erasing(full).flush()
        erasing(full).erase(surface_of(A), silent)
        after = erasing(full).look(surface_of(A))
        assert after.items == ()
        assert set(after.servers.values()) == {0}
        assert [full.rows(node) for node in full.cluster.nodes] == [{B: 2}, {B: 2}, {C: 1}]
        assert erasing(full).rights() == ()

    def test_the_rights_that_a_cluster_takes_besides_are_asked_for(self, full: Shards) -> None:
        rights = (
            "CLUSTER", "REMOTE", "CREATE TEMPORARY TABLE", "SYSTEM FLUSH DISTRIBUTED",
            "SYSTEM SYNC REPLICA",
        )  # fmt: skip
        lacking = {f"CHECK GRANT {right} ": "SELECT 0" for right in rights}
        full.cluster.instead = {**lacking, "CHECK GRANT": "SELECT 1"}
        assert erasing(full).rights() == tuple(
            f"this user lacks the grant {right} on *.*" for right in rights
        )

    def test_rows_of_a_table_that_is_not_partitioned_go_too(self, full: Shards) -> None:
        full.cluster.replicated += ("notes",)
        for node in full.cluster.nodes:
            made = "CREATE TABLE notes (kb_id String, x Int8) ENGINE = MergeTree ORDER BY x"
            node.query(made, {"database": full.database})
            node.query(f"INSERT INTO notes VALUES ('{A}', 1), ('{B}', 2)",
                       {"database": full.database})  # fmt: skip
        erasing(full).erase(surface_of(A), silent)
        assert [full.rows(node, "notes") for node in full.cluster.nodes] == 3 * [{B: 1}]

    def test_old_patterns_go_from_every_replica(self, full: Shards) -> None:
        keeping = PatternKeeping(full.stores.engines.clickhouse, seconds=5)
        later = datetime.now(UTC) + timedelta(days=1)
        found = keeping.look(lambda kb_id: later if kb_id == A else None, lambda _: True)
        assert {kb_id: (old.there, old.due) for kb_id, old in found.by_kb.items()} == {
            A: (3, 3), B: (2, 0), C: (1, 0),
        }  # fmt: skip
        keeping.erase([A], later)
        assert [full.rows(node) for node in full.cluster.nodes] == [{B: 2}, {B: 2}, {C: 1}]

    def test_a_server_that_is_not_done_is_named_and_done_later(self, full: Shards) -> None:
        full.cluster.nodes[1].stuck = True
        said = unknown(lambda: erasing(full, seconds=0.3).erase(surface_of(A), silent))
        assert "ch-1-2:9000 did not carry it out within 0.3 s, and may later" in said
        look = erasing(full).look(surface_of(A))
        assert [(item.owner, item.count) for item in look.items] == [(A, 2)]
        full.cluster.nodes[1].stuck = False
        full.cluster.work_off()
        assert erasing(full).look(surface_of(A)).items == ()

    def test_what_times_out_is_followed_until_it_is_done(self, full: Shards) -> None:
        """The statement goes on in the background; the queue tells when it is done."""
        full.cluster.nodes[1].stuck = True

        def done_meanwhile(statement: str) -> None:
            if "distributed_ddl_queue" in statement:
                full.cluster.nodes[1].stuck = False
                full.cluster.work_off()

        full.cluster.before = done_meanwhile
        erasing(full).erase(surface_of(A), silent)
        assert erasing(full).look(surface_of(A)).items == ()

    def test_a_server_that_cannot_is_named_with_the_error(self, full: Shards) -> None:
        full.cluster.nodes[2].query("DROP TABLE lsh_buckets", {"database": full.database})
        with pytest.raises(StoreRejected, match="ch-2-1:9000 could not carry it out"):
            ddl.run(
                full.stores.engines.clickhouse.slow, "trying", "TRUNCATE TABLE "
                "{home:Identifier}.lsh_buckets ON CLUSTER c", {}, seconds=5,
            )  # fmt: skip
        with pytest.raises(StoreMisconfigured, match="lsh_buckets is not on all servers"):
            erasing(full).look(surface_of(A))

    @pytest.mark.parametrize("at", [1, 2])
    def test_a_replica_that_is_down_proves_nothing(self, full: Shards, at: int) -> None:
        full.cluster.nodes[at].down = True
        name = f"no answer from {full.cluster.nodes[at].host}:9000"
        assert name in unknown(lambda: erasing(full).look(surface_of(A)))

    def test_inserts_that_are_not_sent_are_not_settled(self, full: Shards) -> None:
        full.cluster.nodes[2].queued = 2
        (said,) = erasing(full).look(surface_of(A)).unsure
        assert "ch-2-1:9000 (shard 2, replica 1) has inserts of a Distributed table" in said

        def sent(statement: str) -> None:
            if "distribution_queue" in statement:
                full.cluster.nodes[2].queued = 0

        full.cluster.before = sent
        assert erasing(full).look(surface_of(A)).unsure == ()

    def test_without_the_setting_nothing_is_erased(self, full: Shards) -> None:
        alone = Stores(full.settings.model_copy(update={"clickhouse_cluster": None}))
        with pytest.raises(StoreMisconfigured):
            alone.pattern_erasing.erase(surface_of(A), silent)
        assert A in full.rows(full.cluster.nodes[0])


def faults(seed: int) -> Iterator[Callable[[Shards], None]]:
    """Yield what befalls a cluster, one thing after the other."""
    chance = random.Random(seed)
    while True:
        at, kind = chance.randrange(1, 3), chance.choice(["down", "stuck", "lag", "well"])

        def strike(shards: Shards, at: int = at, kind: str = kind) -> None:
            node = shards.cluster.nodes[at]
            node.down, node.stuck = kind == "down", kind == "stuck"
            node.behind = 60 if kind == "lag" else 0

        yield strike


@pytest.mark.parametrize("seed", range(2))
def test_whatever_befalls_it_nothing_is_said_that_is_not_so(full: Shards, seed: int) -> None:
    """A purge is tried while servers go and come: bystanders stay, and what is said gone is."""
    befalls, chance = faults(seed), random.Random(seed)
    full.cluster.before = lambda _: next(befalls)(full) if chance.random() < 0.12 else None
    for _ in range(2):
        erase = erasing(full, seconds=0.2)
        with suppress(StoreError):
            erase.erase(surface_of(A), silent)
            look: Look = erase.look(surface_of(A))
            there = [full.rows(node).get(A, 0) for node in full.cluster.nodes]
            assert sum(item.count for item in look.items) == max(there[:2]) + there[2]
        with suppress(StoreError):
            assert {B: 2, C: 1}.items() <= counts(full.stores.patterns.read()).items()
    full.cluster.be_well()
    erasing(full).erase(surface_of(A), silent)
    assert [full.rows(node) for node in full.cluster.nodes] == [{B: 2}, {B: 2}, {C: 1}]
