"""The canary test on a whole deployment: what it proves, sees, and leaves as it was."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from qdrant_client import models

from services import bootstrap
from services.bootstrap import Services
from services.browse.holdings import scope_of
from services.browse.models import Holding, Scope
from services.browse.service import InspectionService
from services.canary import throwaways as owning
from services.canary.formats import canary_json
from services.canary.models import CanaryReport, Outcome, Verdict, is_canary, node_ids
from services.errors import StoreUnavailable
from services.figures import Amount
from services.find.search import FindService
from services.sessions.care import SessionCare
from services.sessions.landing import land
from services.settings.environment import Settings, load_settings
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.usage.rollup import RolledUp, roll_up
from services.usage.snapshot import Snapshot
from tests.engines.clickhouse.kato_tables import add_patterns
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import (
    prints,
    services as services,  # noqa: PLC0414  a fixture
)
from tests.servers import canary_process
from tests.servers.deployment import QUICK_FAULTS, STORES, Deployment

__all__ = ["prints", "services"]  # fixtures

WRITING, ASKING, CLEANING = (
    "writing two throwaway tenants", "asking every use case", "cleaning up",
)  # fmt: skip
Prints = Callable[[], Fingerprint]


def run(services: Services) -> CanaryReport:
    """Run it here and now."""
    return services.canary.run(by="ada")


def nodes(services: Services) -> list[str]:
    """The throwaway node_ids that this product remembers."""
    return [each.node_id for each in services.state.nodes() if is_canary(each.node_id)]


def at_step(services: Services, step: str, deed: Callable[[], None]) -> None:
    """Do something, once, as soon as a run comes to a step."""
    says, due = services.canary._says, [deed]

    def said(now: str) -> None:
        if now == step and due:
            due.pop()()
        says(now)

    services.canary._says = said  # type: ignore[method-assign]


def test_neither_reads_what_is_the_others_and_all_is_as_it_was(
    services: Services, prints: Prints
) -> None:
    """Every store to the byte, and no node_id of it is remembered. What KATO does is shown."""
    before, seen = prints(), set(services.state.nodes())
    services.usage.collect()
    known = {each.node_id for each in services.state.nodes()}
    report = run(services)
    assert report.verdict is Verdict.PASSED, canary_json(report)
    assert report.cleaned
    assert {probe.outcome for probe in report.probes} == {Outcome.PASSED}
    assert len(report.probes) > 40
    assert prints() == before
    assert not seen
    assert {each.node_id for each in services.state.nodes()} == known
    snapshot = services.usage.collect()
    assert not [t for t in snapshot.tenants if "canary" in str(t.tenant)]
    assert services.canary.state.report is report
    assert services.canary.state.running_since is None
    shows_what_kato_does(report)


def shows_what_kato_does(report: CanaryReport) -> None:
    """As it was seen: the collision is real; what answered is named, and it is no KATO."""
    seen = {each.about: each for each in report.observations}
    assert all(each.known for each in report.observations)
    assert "stand-in" in report.kato
    dropped = seen["metadata of a new session"].evidence
    assert dropped == {"config.metadata kept": "no", "metadata kept": "yes"}
    assert "extended its TTL" in seen["looking at a session"].seen
    counts = seen["how many sessions there are"].evidence
    assert counts["KATO counts"] == counts["records in Redis"] == "30"
    here = seen["a node_id that falls on another's kb_id, here"]
    assert "refused" in here.seen
    there = seen["a node_id that falls on another's kb_id, in KATO"].evidence
    assert there["first node_id"] != there["second node_id"]
    assert {kb_id_of(there[f"{one} node_id"]) for one in ("first", "second")} == {
        there["kb_id of both"]
    }
    assert there["a session of the second"] == "KATO took it"
    for reads in ("the second reads of the first", "the first reads of the second"):
        assert there[reads].count("pattern ") == 2
        assert there[reads].count("symbol secret-") == 1
    assert json.loads(canary_json(report))["verdict"] == "passed"


# --- a leak is found --------------------------------------------------------------------------


def _anything(scope: Scope, *_: object, **__: object) -> Holding:
    return scope.holdings[0]


def _every_hit(real: Callable[..., object]) -> Callable[..., object]:
    def find(self: FindService, typed: str, snapshot: Snapshot, **options: object) -> object:
        answer = real(self, typed, snapshot, **options)
        others = [real(self, str(each.tenant), snapshot) for each in snapshot.tenants]
        return replace(answer, hits=tuple(h for o in (answer, *others) for h in o.hits))  # type: ignore[type-var, attr-defined]

    return find


def _every_session(real: Callable[..., object]) -> Callable[..., object]:
    def inspect(self: SessionCare, key: str) -> object:
        keys = self._records._client.scan_iter(match="kato:session:session-*")  # type: ignore[attr-defined]
        return tuple(real(self, each.decode()) for each in keys)

    return inspect


def _two_counted(*arguments: object, **options: object) -> RolledUp:
    rolled = roll_up(*arguments, **options)  # type: ignore[arg-type]
    doubled = (
        replace(each, usage=replace(each.usage, patterns=Amount(4, 0))) for each in rolled.tenants
    )
    return replace(rolled, tenants=tuple(doubled))


def _one_scope(self: InspectionService, snapshot: Snapshot, usage: object) -> Scope:
    found = [scope_of(snapshot, each) for each in snapshot.tenants
             if "canary" in str(each.tenant)]  # fmt: skip
    return Scope(found[0].tenant, tuple(h for scope in found for h in scope.holdings))


LEAKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "pattern": lambda m: m.setattr("services.browse.service.holding_of_kb", _anything),
    "key": lambda m: m.setattr("services.browse.service.holding_of_key", _anything),
    "keys": lambda m: m.setattr("services.browse.service.holding_of_owner", _anything),
    "collection": lambda m: m.setattr("services.browse.service.holding_of_space", _anything),
    "other's": lambda m: m.setattr(InspectionService, "scope", _one_scope),
    "session": lambda m: m.setattr(SessionCare, "inspect", _every_session(SessionCare.inspect)),
    "find": lambda m: m.setattr(FindService, "find", _every_hit(FindService.find)),
    "number of patterns": lambda m: m.setattr("services.usage.collect.roll_up", _two_counted),
    "create a session": lambda m: m.setattr(
        "services.sessions.create.land", lambda *args: replace(land(*args), refusal="")
    ),
}


AT_ONCE = (
    ["other's"], ["pattern", "collection", "session"],
    ["key", "find", "number of patterns"], ["keys", "create a session"],
)  # fmt: skip
"""Leaks that one run is to find: none of them is in the way of another."""


def test_every_leak_is_tried() -> None:
    assert sorted(itertools.chain(*AT_ONCE)) == sorted(LEAKS)


@pytest.mark.parametrize("leaks", AT_ONCE, ids=", ".join)
def test_a_leak_is_found(
    services: Services, prints: Prints, monkeypatch: pytest.MonkeyPatch, leaks: list[str]
) -> None:
    """A use case that gives out what is another's fails by name; all is cleaned up as ever."""
    before = prints()
    with monkeypatch.context() as patch:
        for leak in leaks:
            LEAKS[leak](patch)
        report = run(services)
    failed = [probe for probe in report.probes if probe.outcome is Outcome.FAILED]
    assert report.verdict is Verdict.FAILED
    for leak in leaks:
        assert [probe for probe in failed if leak in probe.asked], leak
    assert all(probe.leaked for probe in failed)
    assert report.cleaned, report.left
    assert prints() == before
    assert not nodes(services)


def test_an_answer_that_lacks_its_own_proves_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty list holds nothing of the other's, and that is no pass."""
    from services.browse.models import PatternPage, ReadCost

    empty = PatternPage((), None, ReadCost(0, 0, 0, 0))
    monkeypatch.setattr(InspectionService, "patterns", lambda *_: empty)
    report = run(services)
    assert report.verdict is not Verdict.PASSED
    assert [p for p in report.probes if p.outcome is Outcome.UNKNOWN and "own" in p.reason]


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_a_store_that_fails_before_is_not_written_to(
    services: Services, kato: Deployment, prints: Prints, fault: str
) -> None:
    """Whichever it is: nothing is written that could not be cleaned up, and it is not known."""
    before = prints()
    for store in STORES:
        kato.fail(store, fault)
        report = run(services)
        kato.heal()
        assert report.verdict is Verdict.UNKNOWN, store
        assert report.probes[-1].reason, store
        assert report.cleaned, store
        assert prints() == before, store
        assert not nodes(services), store


STEPS = (WRITING, ASKING, CLEANING)
ON_THE_WAY = {
    fault: [(store, step) for first, store in enumerate(STORES)
            for number, step in enumerate(STEPS)
            if QUICK_FAULTS[(first + number) % len(QUICK_FAULTS)] == fault]
    for fault in QUICK_FAULTS
}  # fmt: skip
"""Every store at every step, and every fault at every step: the adapters' tests have them all."""


def test_every_store_fails_at_every_step() -> None:
    every = sorted(itertools.product(STORES, STEPS))
    assert sorted(itertools.chain(*ON_THE_WAY.values())) == every


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_a_store_that_fails_on_the_way_is_never_passed(
    services: Services, kato: Deployment, prints: Prints, fault: str
) -> None:
    """One store after the other. What can be is cleaned up, and the rest is named.

    The next run takes that away, even one that fails itself.
    """
    before = prints()
    earlier = set[str]()
    for store, step in ON_THE_WAY[fault]:
        at_step(services, step, lambda store=store: kato.fail(store, fault))  # type: ignore[misc]
        report = run(services)
        kato.heal()
        assert report.verdict is Verdict.UNKNOWN, (store, step, canary_json(report))
        assert report.left or (store, step) == ("kato", WRITING) or fault == "dropped", store
        now = set(nodes(services))
        assert now or not report.left, (store, step)
        assert not now & earlier, (store, step)
        earlier = now
    again = run(services)
    assert again.verdict is Verdict.PASSED, canary_json(again)
    assert prints() == before
    assert not nodes(services)


def test_records_that_fail_leave_nothing_behind(
    services: Services, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a record of what is written, nothing is."""
    before = prints()
    down = StoreUnavailable("state", "recording node_ids", "it is down")

    def fail(*_: object) -> None:
        raise down

    tools = services.canary._tools
    registry = type("Registry", (), {"nodes": lambda _: (), "record_nodes": fail,
                                     "forget_nodes": fail})()  # fmt: skip
    services.canary._tools = replace(tools, registry=registry)
    report = run(services)
    assert report.verdict is Verdict.UNKNOWN
    assert "it is down" in report.probes[0].reason
    assert prints() == before


def test_a_fault_of_ours_is_not_known_and_cleaned_up(
    services: Services, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody expects is no proof, and leaves nothing behind."""
    before = prints()

    def explode(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("services.canary.run.probes", explode)
    report = run(services)
    assert report.verdict is Verdict.UNKNOWN
    assert "ZeroDivisionError" in report.probes[0].reason
    assert report.cleaned
    assert prints() == before


def test_a_run_that_is_interrupted_cleans_up(services: Services, prints: Prints) -> None:
    """Somebody pressed Ctrl-C."""
    before = prints()

    def interrupt() -> None:
        raise KeyboardInterrupt

    at_step(services, ASKING, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(services)
    assert prints() == before
    assert not nodes(services)
    state = services.canary.state
    assert (state.running_since, state.problem) == (None, "it was interrupted")


def test_tables_that_are_not_there_are_not_created(
    services: Services, kato: Deployment, prints: Prints
) -> None:
    """KATO's tables are KATO's to make."""
    client = kato.targets.clickhouse
    assert client is not None
    client.command(f"RENAME TABLE {client.database}.patterns_data TO {client.database}.elsewhere")
    report = run(services)
    assert report.verdict is Verdict.UNKNOWN
    tables = {row[0] for row in client.query(f"SHOW TABLES FROM {client.database}").result_rows}
    assert "patterns_data" not in tables


def test_stores_that_are_not_configured_are_not_asked(
    kato_settings: Settings, monkeypatch: pytest.MonkeyPatch, prints: Prints
) -> None:
    """What there is passes; the rest says that it is not configured."""
    before = prints()
    for variable in ("KATO_API_URL", "QDRANT_URL"):
        monkeypatch.delenv(variable)
    built = bootstrap.build(load_settings())
    report = run(built)
    built.close()
    assert report.verdict is Verdict.PASSED, canary_json(report)
    outcomes = {probe.asked: probe.outcome for probe in report.probes}
    assert outcomes["list the patterns"] is Outcome.PASSED
    assert outcomes["browse the vectors"] is Outcome.NOT_CONFIGURED
    assert outcomes["list the sessions"] is Outcome.NOT_CONFIGURED
    assert prints() == before


# --- killed, at once, and beside others -------------------------------------------------------


def test_the_next_run_cleans_up_after_one_that_was_killed(
    services: Services, kato: Deployment, prints: Prints
) -> None:
    """One death after the other, each at a later step.

    Whatever it had written by then goes, by the names that it had recorded before.
    """
    before = prints()
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    earlier = set[str]()
    for step in ("clickhouse", "qdrant", ASKING, "showing a collision", CLEANING):
        assert canary_process.run(environment, step) == -signal.SIGKILL, step
        now, after = set(nodes(services)), prints()
        assert after != before, step
        assert now, step
        kb_ids = frozenset(kb_id_of(node) for node in now)
        assert after.without(kb_ids | {""}) == before.without(frozenset({""})), step
        assert not now & earlier, step
        earlier = now
    report = run(services)
    assert report.verdict is Verdict.PASSED, canary_json(report)
    assert prints() == before
    assert not nodes(services)


def test_another_process_is_left_to_its_own_run(
    services: Services, kato: Deployment, prints: Prints
) -> None:
    """While one asks, a whole run of another process passes, and takes nothing away from it."""
    before = prints()
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    ends: list[int] = []
    at_step(services, ASKING, lambda: ends.append(canary_process.run(environment)))
    report = run(services)
    assert ends == [0]
    assert report.verdict is Verdict.PASSED, canary_json(report)
    assert prints() == before
    assert not nodes(services)


def test_two_runs_at_once_take_turns(
    services: Services, prints: Prints, valkey: redis.Redis
) -> None:
    """And a second start is refused while one runs.

    Both see an index that over-reports: KATO counts ids whose session is gone.
    """
    valkey.sadd("kato:session:_active_index", "session-long-gone")
    before = prints()
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(run, [services, services]))
    assert [report.verdict for report in reports] == [Verdict.PASSED] * 2
    for report in reports:
        (seen,) = [o for o in report.observations if o.about == "how many sessions there are"]
        assert "more" in seen.seen
        assert seen.evidence["ids in KATO's index without a session"] == "1"
    assert services.canary.start(by="ada")
    assert not services.canary.start(by="bob")
    services.canary.stop(timeout=240)
    state = services.canary.state
    assert state.report is not None
    assert state.report.by == "ada"
    assert state.report.verdict is Verdict.PASSED
    assert prints() == before


def _a_customers(kato: Deployment, node: str, *, session: bool = True) -> None:
    """Give a node_id data in every store."""
    rows, keys, vectors = kato.targets.clickhouse, kato.targets.redis, kato.targets.qdrant
    assert rows is not None
    assert keys is not None
    assert vectors is not None
    kb_id = kb_id_of(node)
    add_patterns(rows, [kb_id])
    keys.set(f"{kb_id}:frequency:mine", "1")
    if session:
        record = {"session_id": f"session-{kb_id}", "node_id": node}
        keys.set(f"kato:session:session-{kb_id}", json.dumps(record), ex=900)
    size = models.VectorParams(size=2, distance=models.Distance.EUCLID)
    vectors.create_collection(f"vectors_{kb_id}", vectors_config=size)
    point = models.PointStruct(id=1, vector=[1.0, 2.0], payload={})
    vectors.upsert(f"vectors_{kb_id}", [point])


def test_nobody_is_touched_whose_name_only_looks_like_it(
    services: Services, kato: Deployment, prints: Prints
) -> None:
    """Names of a real customer, even of exactly the same form, and those without a session.

    Whether a run of another machine still lives cannot be asked: it is left alone for its time.
    """
    first, *_ = node_ids("0badcafe")
    services.state.record_nodes({first: "canary 00000000/1"}, datetime.now(UTC))
    for name in ("canary-islands", "canary-1234abcd-a", "canary_89abcdef_a", "canary-1234abcd-c"):
        _a_customers(kato, f"tenant:{name}:user:probe")
    _a_customers(kato, "tenant:canary-00000000-b:user:probe", session=False)
    services.usage.collect()
    before, known = prints(), set(nodes(services))
    assert first in known
    report = run(services)
    assert report.verdict is Verdict.PASSED, canary_json(report)
    assert prints() == before
    assert set(nodes(services)) == known
    assert services.usage.ownership().tenant_of(first) == TenantKey("tenant", "canary-0badcafe-a")


def test_what_a_killed_run_shares_with_somebody_stays(
    services: Services, kato: Deployment, prints: Prints
) -> None:
    """A stranger whose node_id falls on the same kb_id keeps it, and the report says so once."""
    first, second, _ = node_ids("0badcafe")
    long_ago = datetime.now(UTC) - owning.LEASE - timedelta(minutes=1)
    services.state.record_nodes(dict.fromkeys([first, second], "canary 00000000/1"), long_ago)
    before = prints()
    stranger = "tenant:canary.0badcafe.a:user:probe"
    _a_customers(kato, stranger)
    _a_customers(kato, second, session=False)
    report = run(services)
    assert report.verdict is Verdict.UNKNOWN
    (left,) = report.left
    assert stranger in left
    after = prints()
    assert after.rows[kb_id_of(stranger)]
    assert kb_id_of(second) not in {*after.rows, *after.keys, *after.points}
    assert after.without(frozenset({kb_id_of(stranger), ""})) == before.without(frozenset({""}))
    assert not nodes(services)
    assert run(services).verdict is Verdict.PASSED
