"""A tenant whom a KATO of its own serves: its data is its own under every name, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from services import bootstrap
from services.bootstrap import Services
from services.embedded.kato.server import StandInServer
from services.errors import StoreUnavailable
from services.figures import Measure
from services.instances.models import Instance, State, Stores
from services.isolation.models import RuleState
from services.purge.models import Request, Target
from services.purge.ports import KatoState
from services.sessions.landing import Served
from services.sessions.models import Deed, Result
from services.settings.environment import Settings
from services.tenancy.claims import ClaimState
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.servers.deployment import Deployment

ACME, HOOLI = TenantKey("tenant", "acme"), TenantKey("tenant", "hooli")
BOB = "tenant:acme:user:bob"
OLD, OWN = kb_id_of(BOB), kb_id_of(BOB, "kato-own")


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    with closing(bootstrap.build(kato_settings)) as found:
        found.usage.collect()  # so that its node_ids are known
        yield found


@pytest.fixture
def its_own(kato: Deployment) -> Iterator[StandInServer]:
    """A KATO over the same stores, with a SERVICE_NAME of its own."""
    with closing(StandInServer(kato.targets.redis, service="kato-own")) as server:
        yield server


def learnt(kato: Deployment) -> None:
    """As if bob had learnt under the other SERVICE_NAME what he learnt before."""
    targets = kato.targets
    columns = f"* REPLACE ('{OWN}' AS kb_id)"
    targets.clickhouse.command(
        f"INSERT INTO patterns_data SELECT {columns} FROM patterns_data AS p "
        f"WHERE p.kb_id = '{OLD}'"
    )
    for key in targets.redis.scan_iter(f"{OLD}:*"):
        targets.redis.copy(key, key.replace(OLD.encode(), OWN.encode(), 1))
    targets.redis.set(f"{OWN}:a-new-kind:x", "1")


def adopted(services: Services, url: str, **more: str) -> Instance:
    return services.serving.service.adopt(ACME, url, by="ann", **more)


def test_what_it_learnt_is_its_own_and_goes_with_it(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """Under the SERVICE_NAME of its instance as under the other: counted, known, and purged."""
    learnt(kato)
    guessed = services.usage.ownership().kb(OWN)
    assert (guessed.state, guessed.tenants) == (ClaimState.INFERRED, (ACME,))
    adopted(services, its_own.url, service="kato-own")
    ownership = services.usage.ownership()
    assert ownership.kb(OWN).state is ownership.kb(OLD).state is ClaimState.KNOWN
    assert ownership.kb_ids_of(BOB) == (OWN, OLD)
    snapshot = services.usage.collect()
    (acme,) = (each for each in snapshot.tenants if each.tenant == ACME)
    parts = {part.name: part.usage for part in acme.parts if part.is_kb}
    for measure in (Measure.PATTERNS, Measure.KEYS):
        assert parts[OWN].of(measure) is not None
    assert parts[OWN].patterns.count == parts[OLD].patterns.count > 0
    plan = services.purge.plan(Request(Target(ACME)))
    assert {OWN, OLD} <= plan.surface.kb_ids
    assert not [each for each in plan.left_out if each.kb_id == OWN]
    begun = services.purge.begin(plan.digest, confirm=plan.confirmation, asked_by="ann", reason="x")
    job = services.purge.run_here(begun.id)
    assert not job.problem
    assert not [*kato.targets.redis.scan_iter(f"{OWN}:*")]
    rows = kato.targets.clickhouse.query(
        f"SELECT count() FROM patterns_data WHERE kb_id = '{OWN}'"
    ).result_rows
    assert rows == [(0,)]


def test_what_no_kato_of_its_reads_is_a_finding(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """Of whoever is served under other names than before; and of who went back."""
    first = adopted(services, its_own.url, service="kato-own")
    audit = services.isolation.look(services.usage.collect())
    found = {each.rule.code: each for each in audit.results}["served.left-behind"]
    (finding,) = found.findings
    assert (found.state, finding.tenants) == (RuleState.FOUND, (ACME,))
    assert OLD in finding.kb_ids
    learnt(kato)
    services.serving.service.end(first.name, by="ann")
    audit = services.isolation.look(services.usage.collect())
    (finding,) = {each.rule.code: each for each in audit.results}["served.left-behind"].findings
    assert finding.kb_ids == (OWN,)


def test_sessions_are_made_changed_and_ended_at_the_kato_of_their_tenant(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """While the one that all share is down; and where its own is, others are served."""
    known = adopted(services, its_own.url)
    scheme = next(each for each in services.settings.naming.schemes if each.fields == _FIELDS)
    bob = services.sessions.landing(scheme, {"tenant": "acme", "user": "bob"})
    assert bob.served == Served(known.name, its_own.url)
    assert services.sessions.landing(scheme, {"tenant": "hooli", "user": "bob"}).served is None
    kato.fail("kato", "down")
    made = services.sessions.create(bob.node_id, ttl_seconds=600, metadata={}, word="x")
    snapshot = services.usage.collect()
    records = [each for each in snapshot.sessions or () if each.owner.name == bob.node_id]
    assert made.session_id in {each.session_id for each in records}
    others = [e for e in snapshot.sessions or () if e.owner.name.startswith("tenant:globex")][:1]
    done = services.care.act(Deed.EXTEND, [*others, *records], ttl_seconds=900)
    assert [each.result for each in done] == [Result.FAILED, *[Result.DONE] * len(records)]
    kato.heal()
    its_own.close()
    done = services.care.act(Deed.EXTEND, [*records, *others], ttl_seconds=900)
    results = [each.result for each in done]
    assert results[0] is Result.FAILED
    assert set(results[1 : len(records)]) <= {Result.NOT_TRIED}
    assert results[len(records) :] == [Result.DONE]
    with pytest.raises(StoreUnavailable):
        services.sessions.create(bob.node_id, ttl_seconds=600, metadata={}, word="x")


_FIELDS = ("tenant", "user")


def test_a_purge_asks_every_kato_that_writes_here(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """One that is stopped says nothing of the others: stopped are they where all of them are."""
    adopted(services, its_own.url)
    every = services.serving.every_kato()
    assert every.presence().state is KatoState.RUNNING
    kato.fail("kato", "down")
    assert services.stores.kato.presence().state is not KatoState.RUNNING
    its = {each.state for each in (every.presence(),)}
    assert its <= {KatoState.RUNNING, KatoState.UNSTEADY}
    its_own.close()
    assert every.presence().state is not KatoState.RUNNING


def test_how_each_is_is_asked_at_once_and_one_that_is_down_delays_nobody(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """Unknown with the reason, and never well."""
    services.serving.service.adopt(ACME, its_own.url, by="ann", name="well")
    services.serving.service.adopt(HOOLI, f"http://127.0.0.1:{kato.kato.port}", by="a", name="bad")
    kato.fail("kato", "down")
    found = services.serving.service.vitals(services.serving.service.every())
    assert found["well"].version == "3.10.1 stand-in"
    assert found["bad"].version is None
    assert "did not answer" in str(found["bad"].problem)


def test_where_a_tenant_moved_its_sessions_are_made(
    services: Services, kato: Deployment, its_own: StandInServer
) -> None:
    """At an instance of which that deployment is the stores; nothing of it is noted as ours."""
    service = services.serving.service
    before = adopted(services, f"http://127.0.0.1:{kato.kato.port}")
    service.moved(ACME, "eu-3", url=its_own.url, by="ann")
    assert service.of(ACME) is None  # nobody made an instance of that one
    own = replace(
        before, name="kato-own", state=State.PLANNED, stores=Stores.OWN, elsewhere="eu-2", url=""
    )
    assert services.instance_book.add(own)
    service.moved(ACME, "eu-2", url=its_own.url, by="ann")
    states = {each.name: each for each in service.every()}
    assert not states[before.name].is_serving
    there = service.of(ACME)
    assert there is not None
    assert (there.elsewhere, there.stores, there.url) == ("eu-2", Stores.OWN, its_own.url)
    scheme = next(each for each in services.settings.naming.schemes if each.fields == _FIELDS)
    landing = services.sessions.landing(scheme, {"tenant": "acme", "user": "new"})
    assert landing.served == Served(there.name, its_own.url, "eu-2")
    kato.fail("kato", "down")
    services.sessions.create(landing.node_id, ttl_seconds=600, metadata={})
    assert landing.node_id not in services.usage.ownership().nodes
    service.back(ACME, by="ann")
    assert service.of(ACME) is None
