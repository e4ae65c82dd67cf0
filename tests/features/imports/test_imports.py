"""Files written for a tenant into a whole deployment: all of a file or none, and nobody else's."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any
from unittest.mock import patch

import pytest
from qdrant_client import models

from services import bootstrap
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.imports import write
from services.imports.folder import KEPT
from services.imports.models import Existing, Form, ImportRefused, Kind, Order, Preview, Run, State
from services.imports.run import STEPS
from services.jobs.models import JobRefused, JobState
from services.settings.environment import Settings, load_settings
from services.stores.clickhouse import imports
from services.stores.clickhouse.query import Asking
from services.stores.redis.imports import KeyImports
from services.tenancy.kb_ids import TenantKey, held_names, kb_id_of
from services.tenancy.layout import Layout
from tests.features.purge.fingerprint import Fingerprint, fingerprint
from tests.servers.deployment import Deployment
from tests.servers.import_process import WRITES, go_on

TENANT, NODE = TenantKey("tenant", "newco"), "tenant:newco:user:ann"
KB = kb_id_of(NODE)
SHARED = "kato_vectors"


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    with closing(bootstrap.build(kato_settings)) as built:
        built.state.record_nodes({NODE: "session"}, built.now())
        yield built


def order(kind: Kind, layout: Layout = Layout.KATO, **more: Any) -> Order:
    node = NODE if layout is Layout.KATO else ""
    return Order(TENANT, kind, layout, Form.JSONL, node_id=node, **more)


def check(services: Services, wanted: Order, *rows: object) -> Preview:
    data = "\n".join(map(json.dumps, rows)).encode()
    return services.imports.check(wanted, BytesIO(data))


def done(services: Services, wanted: Order, *rows: object) -> Run:
    run = check(services, wanted, *rows).run
    services.imports.begin(run, by="ann")
    return services.imports.run_here(run)


def seen(kato: Deployment) -> Fingerprint:
    return fingerprint(kato.targets, session_owner=lambda _: "session")


def rows_of(kind: Kind, count: int = 4, mark: str = "") -> list[dict[str, object]]:
    return {
        Kind.PATTERNS: [{"name": f"p{n}", "length": n + len(mark)} for n in range(count)],
        Kind.KEYS: [{"key": f"metadata:p{n}", "value": {"n": n, "m": mark}} for n in range(count)],
        Kind.VECTORS: [
            {"id": n, "vector": [n + 1, 2.0], "payload": {"m": mark}} for n in range(count)
        ],
    }[kind]  # type: ignore[return-value]


def test_each_kind_is_written_and_nobody_elses_is_touched(
    services: Services, kato: Deployment
) -> None:
    """New, then skipped, then replaced; what is refused of a file keeps all of it out."""
    before = seen(kato)
    services.stores.writers.vector_setup.create(f"vectors_{KB}", size=2, distance="Euclid")
    for kind in WRITES:
        rows = rows_of(kind)
        first = done(services, order(kind), *rows)
        assert (first.state, first.written, first.replaced) == (State.DONE, 4, 0), first.problem
        stop = check(services, order(kind), *rows)
        assert (stop.there, stop.obstacle) == (4, "some names are there already")
        with pytest.raises(ImportRefused):
            services.imports.begin(stop.run, by="ann")
        more = rows_of(kind, 6, "new")
        skip = done(services, order(kind, existing=Existing.SKIP), *more)
        assert (skip.state, skip.written, skip.replaced) == (State.DONE, 2, 0), skip.problem
        again = done(services, order(kind, existing=Existing.REPLACE), *more)
        assert (again.state, again.written, again.replaced) == (State.DONE, 0, 6), again.problem
    assert seen(kato).without(frozenset({KB})) == before
    keys = kato.targets.redis
    assert keys is not None
    assert keys.get(f"{KB}:metadata:p1") == b'{"n": 1, "m": "new"}'
    one, *_ = kato.targets.qdrant.retrieve(f"vectors_{KB}", [1])  # type: ignore[union-attr]
    assert one.payload == {"m": "new"}
    assert len(list(services.imports._folder.path.iterdir())) == 12
    held = b"".join(each.read_bytes() for each in services.imports._folder.path.iterdir()
                    if b'"state":"done"' in each.read_bytes())  # fmt: skip
    assert b"metadata:p1" not in held  # when it has ended, no row stays on this machine


@pytest.mark.parametrize("kind", WRITES)
def test_what_fails_half_way_is_taken_back(
    services: Services, kato: Deployment, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte; and where that fails too, it is said, and can be taken back later."""
    monkeypatch.setattr(write, "BATCH", 2)
    services.stores.writers.vector_setup.create(f"vectors_{KB}", size=2, distance="Euclid")
    done(services, order(kind), *rows_of(kind, 2))
    before = seen(kato)
    adapter, name = WRITES[kind]
    whole, calls = getattr(adapter, name), []

    def broken(self: object, *arguments: Any) -> object:
        calls.append(1)
        found = whole(self, *arguments)
        if kind is Kind.PATTERNS or len(calls) == 2:
            raise StoreUnavailable("store", "writing", "the answer was lost")
        return found

    wanted = order(kind, existing=Existing.REPLACE)
    with patch.object(adapter, name, broken):
        run = done(services, wanted, *rows_of(kind, 6, "new"))
    assert run.state is State.UNDONE, run
    assert seen(kato) == before
    calls.clear()
    lost = StoreUnavailable("store", "taking back", "down")
    with patch.object(adapter, name, broken), patch.object(adapter, "take_back", side_effect=lost):
        half = done(services, wanted, *rows_of(kind, 6, "new"))
    assert half.state is State.HALF
    assert seen(kato) != before
    assert services.imports.take_back(half.id).state is State.WRITING  # it is under way
    assert services.imports.run_here(half.id).state is State.UNDONE
    assert seen(kato) == before


def test_a_shared_collection_keeps_what_is_others(services: Services, kato: Deployment) -> None:
    """An id that another tenant has is never written over, whatever is asked for."""
    before = seen(kato)
    qdrant = kato.targets.qdrant
    assert qdrant is not None
    if not qdrant.collection_exists(SHARED):
        services.stores.writers.vector_setup.create(SHARED, size=2, distance="Cosine")
    services.stores.writers.point_imports._upsert("x", SHARED, [_point(1, "zed"), _point(2, "zed")])
    rows = [{"id": n, "vector": [1, 2]} for n in (1, 2, 3)]
    wanted = order(Kind.VECTORS, Layout.GUIDE, collection=SHARED, existing=Existing.REPLACE,
                   leave_out=True)  # fmt: skip
    found = check(services, wanted, *rows)
    assert (found.refused, found.fresh) == (2, 1)
    assert done(services, wanted, *rows).written == 1
    others = qdrant.retrieve(SHARED, [1, 2])
    assert {(each.payload or {})["tenant_id"] for each in others} == {"zed"}
    mine, *_ = qdrant.retrieve(SHARED, [3])
    assert mine.payload == {"tenant_id": "newco"}
    assert seen(kato).keys == before.keys


def _point(point: int, tenant: str) -> Any:
    from qdrant_client import models

    return models.PointStruct(id=point, vector=[1.0, 1.0], payload={"tenant_id": tenant})


def test_sessions_of_others_and_their_times(services: Services, kato: Deployment) -> None:
    """KATO's session of another node is not written over; the guide's end when they were to."""
    keys = kato.targets.redis
    assert keys is not None
    taken = json.dumps({"node_id": "tenant:zed:user:x"})
    keys.set("kato:session:s1", taken)
    ends = "2999-01-01T00:00:00+00:00"
    record = {"node_id": NODE, "expires_at": ends}
    rows = [{"session_id": s, "record": {**record, "session_id": s}, "ttl_seconds": 900}
            for s in ("s1", "s2")]  # fmt: skip
    wanted = order(Kind.SESSIONS, existing=Existing.REPLACE, leave_out=True)
    assert check(services, wanted, *rows).refused == 1
    assert done(services, wanted, *rows).written == 1
    assert keys.get("kato:session:s1") == taken.encode()
    assert keys.sismember("kato:session:_active_index", "s2")
    guides = order(Kind.SESSIONS, Layout.GUIDE, ttl_seconds=60)
    assert done(services, guides, {"session_id": "s", "record": {"a": "ö"}}).written == 1
    assert 0 < keys.ttl("tenant:newco:session:s") <= 60


def test_what_was_not_kept_yet_is_not_removed_either(services: Services, kato: Deployment) -> None:
    """Where the rows that are to be replaced cannot be kept, they stay where they are."""
    done(services, order(Kind.PATTERNS), *rows_of(Kind.PATTERNS))
    before, whole = seen(kato), Asking.command

    def broken(self: Asking, operation: str, statement: str, *more: Any, **named: Any) -> None:
        if statement == imports._KEEP:
            raise StoreUnavailable("ClickHouse", operation, "the answer was lost")
        whole(self, operation, statement, *more, **named)

    with patch.object(Asking, "command", broken):
        run = done(services, order(Kind.PATTERNS, existing=Existing.REPLACE),
                   *rows_of(Kind.PATTERNS, 6, "new"))  # fmt: skip
    assert run.state is State.UNDONE
    assert seen(kato) == before


@pytest.mark.parametrize("kind", [Kind.KEYS, Kind.VECTORS])
def test_what_others_write_meanwhile_stays(
    services: Services, kato: Deployment, kind: Kind
) -> None:
    """A batch that is refused for it was not written: nothing of it is taken back."""
    services.stores.writers.vector_setup.create(f"vectors_{KB}", size=2, distance="Euclid")
    done(services, order(kind), *rows_of(kind, 1))
    adapter = WRITES[kind][0]
    whole, wanted = adapter.before, order(kind, existing=Existing.REPLACE)

    def overtaken(self: object, place: str, items: Any) -> Any:
        found = whole(self, place, items)
        theirs = kato.targets
        if kind is Kind.KEYS:
            theirs.redis.set(f"{KB}:metadata:p0", '{"m": "theirs"}')
        else:
            theirs.qdrant.set_payload(f"vectors_{KB}", {"m": "theirs"}, [0])
        return found

    with patch.object(adapter, "before", overtaken):
        run = done(services, wanted, *rows_of(kind, 1, "mine"))
    assert run.state is State.UNDONE
    if kind is Kind.KEYS:
        assert kato.targets.redis is not None
        assert json.loads(kato.targets.redis.get(f"{KB}:metadata:p0"))["m"] == "theirs"
    else:
        assert kato.targets.qdrant is not None
        (point,) = kato.targets.qdrant.retrieve(f"vectors_{KB}", [0])
        assert point.payload == {"m": "theirs"}


def _theirs(kato: Deployment, kind: Kind, number: int) -> None:
    """Write as somebody else does, under one of an import's names."""
    to = kato.targets
    if kind is Kind.KEYS:
        to.redis.set(f"{KB}:metadata:p{number}", "theirs")  # type: ignore[union-attr]
    elif kind is Kind.VECTORS:
        point = models.PointStruct(id=number, vector=[7.0, 7.0], payload={"m": "theirs"})
        to.qdrant.upsert(f"vectors_{KB}", [point])  # type: ignore[union-attr]
    else:
        names = ["kb_id", "name", "length"]
        to.clickhouse.insert("patterns_data", [[KB, f"p{number}", 77]], names)  # type: ignore[union-attr]


def _marks(kato: Deployment, kind: Kind) -> dict[int, list[object]]:
    """What is there by number: of a pattern its length, of all else its mark."""
    to, found = kato.targets, dict[int, list[object]]()
    for number in range(6):
        if kind is Kind.KEYS:
            kept = to.redis.get(f"{KB}:metadata:p{number}")  # type: ignore[union-attr]
            found[number] = [] if kept is None else [kept.decode()]
        elif kind is Kind.VECTORS:
            points = to.qdrant.retrieve(f"vectors_{KB}", [number])  # type: ignore[union-attr]
            found[number] = [(point.payload or {})["m"] for point in points]
        else:
            asked = f"SELECT length FROM patterns_data WHERE kb_id = '{KB}' AND name = 'p{number}'"
            rows = to.clickhouse.query(asked).result_rows  # type: ignore[union-attr]
            found[number] = sorted(length for (length,) in rows)
    return found


@pytest.mark.parametrize("kind", WRITES)
def test_taking_back_removes_what_was_written_and_nothing_that_others_wrote_since(
    services: Services, kato: Deployment, kind: Kind
) -> None:
    """Over what was replaced, under a new name, and where none of it was written yet."""
    services.stores.writers.vector_setup.create(f"vectors_{KB}", size=2, distance="Euclid")
    done(services, order(kind), *rows_of(kind, 3))
    before, (adapter, name) = _marks(kato, kind), WRITES[kind]
    whole = getattr(adapter, name)

    def broken(self: object, *arguments: Any) -> None:
        if writes:
            whole(self, *arguments)
        for number in (0, 5):
            _theirs(kato, kind, number)
        raise StoreUnavailable("store", "writing", "the answer was lost")

    theirs: object = 77 if kind is Kind.PATTERNS else "theirs"
    for writes in (True, False):
        wanted = order(kind, existing=Existing.REPLACE)
        with patch.object(adapter, name, broken):
            run = done(services, wanted, *rows_of(kind, 6, "new"))
        after = _marks(kato, kind)
        assert run.state is State.UNDONE
        assert {theirs} <= {*after[0]} & {*after[5]}
        assert [after[number] for number in range(1, 5)] == [before[n] for n in range(1, 5)]
        if writes:
            assert "under 2 of its names stays" in run.problem


def test_rows_that_were_put_back_are_there_once(services: Services, kato: Deployment) -> None:
    """However often it is done again, as after a kill before what was staged is dropped."""
    done(services, order(Kind.PATTERNS), *rows_of(Kind.PATTERNS, 3))
    before, lost = seen(kato), StoreUnavailable("store", "writing", "down")
    adapter, name = WRITES[Kind.PATTERNS]
    whole = getattr(adapter, name)

    def broken(*arguments: Any) -> None:
        whole(*arguments)
        raise lost

    with patch.object(adapter, name, broken), patch.object(adapter, "forget", side_effect=lost):
        half = done(services, order(Kind.PATTERNS, existing=Existing.REPLACE),
                    *rows_of(Kind.PATTERNS, 6, "new"))  # fmt: skip
    assert half.state is State.HALF
    services.imports.take_back(half.id)
    assert services.imports.run_here(half.id).state is State.UNDONE
    assert seen(kato) == before


def test_a_hold_that_comes_while_it_waits_stops_what_would_replace(
    services: Services, kato: Deployment
) -> None:
    """What it wrote by then is taken back; new names alone are written all the same."""
    done(services, order(Kind.KEYS), *rows_of(Kind.KEYS))
    before, runs = seen(kato), []
    for existing in (Existing.REPLACE, Existing.SKIP):
        wanted = order(Kind.KEYS, existing=existing)
        runs.append(check(services, wanted, *rows_of(Kind.KEYS, 6, "new")).run)
    services.imports.begin(runs[0], by="ann")
    services.cards.hold([TENANT], reason="case 7", by="ann")
    ended = services.imports.run_here(runs[0])
    assert (ended.state, "legal hold" in ended.problem) == (State.UNDONE, True)
    assert seen(kato) == before
    services.imports.begin(runs[1], by="ann")
    assert services.imports.run_here(runs[1]).written == 2


def test_a_check_that_was_killed_keeps_nobody_from_importing(services: Services) -> None:
    """Its file says nothing of an import yet: it is none, and is removed after a while."""
    folder = services.imports._folder
    killed = folder.new("killed").path
    assert check(services, order(Kind.KEYS), *rows_of(Kind.KEYS)).fresh == 4
    assert services.imports.runs() == ()
    assert killed.exists()
    long_ago = services.now() - 2 * KEPT
    os.utime(killed, (long_ago.timestamp(),) * 2)
    folder.clean()
    assert not killed.exists()
    assert len(folder.runs()) == 1


@pytest.mark.parametrize("unwanted", [False, True])
@pytest.mark.parametrize("kind", WRITES)
def test_killed_half_way_it_is_written_whole_or_taken_back(
    services: Services, kato: Deployment, kind: Kind, *, unwanted: bool
) -> None:
    """Whoever has its job next begins anew, or takes back what is not wanted any more."""
    services.stores.writers.vector_setup.create(f"vectors_{KB}", size=2, distance="Euclid")
    done(services, order(kind), *rows_of(kind, 3))
    before = seen(kato)
    run = check(services, order(kind, existing=Existing.REPLACE), *rows_of(kind, 6, "new")).run
    services.imports.begin(run, by="ann")
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    for _ in range(2):
        assert go_on(environment, run, dies=kind) == -signal.SIGKILL
    cut_off = services.imports.one(run)
    assert cut_off.state is State.WRITING
    assert seen(kato) != before
    if unwanted:
        services.imports.take_back(run)
    assert go_on(environment, run) == 0
    came = services.imports.one(run)
    if unwanted:
        assert (came.state, seen(kato)) == (State.UNDONE, before)
    else:
        assert (came.state, came.written, came.replaced) == (State.DONE, 3, 3), came.problem
    (job, _) = services.work.all("import")
    assert (job.state, job.outcome) == (JobState.ENDED, came.state)
    assert services.work.holder(held_names([TENANT], [KB])) is None
    assert not _staging(kato)


def _staging(kato: Deployment) -> object:
    assert kato.targets.clickhouse is not None
    return kato.targets.clickhouse.query("SHOW TABLES LIKE 'kato_tenants_%'").result_rows


def test_a_command_does_not_take_back_what_another_process_writes(
    services: Services, kato: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for it, and who writes it does it: never two at once."""
    monkeypatch.setattr(write, "BATCH", 2)
    before, whole, asked = seen(kato), KeyImports.write, list[State]()

    def written(self: KeyImports, *arguments: Any) -> None:
        whole(self, *arguments)
        if not asked:
            asked.append(services.imports.take_back(run).state)
            with closing(bootstrap.build(load_settings())) as command:
                job = command.work.all("import")[0]
                assert not command.work.run(job.id)  # it is leased

    run = check(services, order(Kind.KEYS), *rows_of(Kind.KEYS, 6)).run
    services.imports.begin(run, by="ann")
    with patch.object(KeyImports, "write", written):
        ended = services.imports.run_here(run)
    assert asked == [State.WRITING]
    assert (ended.state, ended.problem) == (State.UNDONE, "it was stopped")
    assert seen(kato) == before


def test_while_one_runs_nothing_else_is_done_with_the_tenant(services: Services) -> None:
    """And it can be begun once that ended."""
    first, second = (
        check(services, order(Kind.KEYS, existing=Existing.SKIP), *rows_of(Kind.KEYS)).run
        for _ in range(2)
    )
    services.imports.begin(first, by="ann")
    with pytest.raises(JobRefused):
        services.imports.begin(second, by="ann")
    assert services.imports.run_here(first).written == 4
    services.imports.begin(second, by="ann")
    assert services.imports.run_here(second).state is State.DONE
    with pytest.raises(ImportRefused):
        services.imports.begin(second, by="ann")


def test_rows_of_another_machine_are_left_to_it(services: Services) -> None:
    job = services.work.begin(
        "import", {"import": "elsewhere"}, asked_by="ann", reason="x", names=["x"], steps=STEPS
    )
    assert not services.work.run(job.id)
    assert services.work.job(job.id).state is JobState.RUNNING
