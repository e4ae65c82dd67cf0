"""Names of instances and their ports: whoever the tenant is, and whoever else is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from services.instances.models import (
    Instance,
    InstanceRefused,
    Part,
    Resources,
    State,
    Stores,
    Tool,
    Wish,
)
from services.instances.naming import DNS_LABEL, check_service, check_url, clash, name_of
from services.instances.written import bytes_written, cpus_words, cpus_written, size_words
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.unit.instances.sites import ACME, HOOLI, SITE, TENANTS, planned


@given(st.lists(TENANTS, max_size=12))
def test_every_tenant_has_a_name_of_its_own(tenants: list[TenantKey]) -> None:
    """Each fits DNS, and is the same whoever else is there."""
    names = {tenant: name_of(tenant) for tenant in tenants}
    assert len(set(names.values())) == len(names)
    assert all(DNS_LABEL.fullmatch(name) for name in names.values())


@given(TENANTS, st.integers(1, 1000))
def test_a_second_instance_has_another_name(tenant: TenantKey, many: int) -> None:
    first = name_of(tenant)
    taken = {first, *(f"{first}-{number}" for number in range(2, many))}
    name = name_of(tenant, taken)
    assert name not in taken
    assert DNS_LABEL.fullmatch(name)


_STEP = st.tuples(
    st.sampled_from(["plan", "end", "forget"]), st.integers(0, 6), st.sampled_from(Stores)
)


@settings(max_examples=60)
@given(st.lists(_STEP, max_size=30), st.sets(st.integers(8100, 8115), max_size=8))
def test_no_two_share_a_port(steps: list[tuple[str, int, Stores]], busy: set[int]) -> None:
    """Nor has anybody one at which something else listens, or that is kept for who ended."""
    known: list[Instance] = []
    for turn, (step, number, stores) in enumerate(steps):
        if step == "plan":
            tenant = TenantKey("tenant", f"t{turn}")
            plan = planned(Wish(tenant, stores=stores), known, listens=busy.__contains__)
            if not plan.obstacles:
                known.append(plan.instance)
            else:
                kept = {port for each in known for port in each.ports.values()}
                lacking = 4 if stores is Stores.OWN else 1
                assert len({*range(8100, 8116)} - kept - busy) < lacking
        elif known and step == "end":
            known[number % len(known)] = replace(known[number % len(known)], state=State.ENDED)
        elif known:
            known.pop(number % len(known))
        ports = [port for each in known for port in each.ports.values()]
        assert len(ports) == len(set(ports))
        assert not busy.intersection(ports)
        assert all(8100 <= port <= 8115 for port in ports)


def test_a_port_is_never_from_a_hash() -> None:
    """The lowest that is free, the same in each process; on Kubernetes none of this machine."""
    plan = planned(Wish(ACME))
    assert dict(plan.instance.ports) == {Part.KATO: 8100}
    second = planned(Wish(HOOLI), [plan.instance], listens={8101, 8102}.__contains__)
    assert (dict(second.instance.ports), second.busy) == ({Part.KATO: 8103}, (8101, 8102))
    kubernetes = planned(Wish(HOOLI, Tool.KUBERNETES), [plan.instance]).instance
    assert not kubernetes.ports
    assert kubernetes.url == f"http://kato.{kubernetes.name}.svc:8000"


SERVICES = st.from_regex(r"[a-c][a-c_-]{0,6}", fullmatch=True)


@given(st.lists(SERVICES, min_size=2, max_size=2, unique=True), st.text("abc:_", max_size=12),
       st.text("abc:_", max_size=12))  # fmt: skip
def test_what_does_not_clash_shares_no_kb_id(services: list[str], one: str, two: str) -> None:
    """Of two KATOs over the same stores none makes a kb_id of the other's out of any node_id."""
    mine, its = services
    if not clash(mine, [its]) and mine.replace("-", "_") != its.replace("-", "_"):
        assert kb_id_of(one, mine) != kb_id_of(two, its)


def test_service_names_that_clash_are_told() -> None:
    assert clash("acme-kato", ["kato"]) == "kato"
    assert clash("kato", ["acme_kato"]) == "acme_kato"
    assert clash("a-b", ["a_b"]) == "a_b"
    assert not clash("kato", ["kato", "kato-acme"])
    (why,) = planned(Wish(ACME, service="acme-kato")).obstacles
    assert "could be those of another KATO" in why
    other = replace(planned(Wish(HOOLI, service="hooli")).instance, state=State.ENDED)
    (why,) = planned(Wish(ACME, service="hooli"), [other]).obstacles
    assert "another tenant's instance" in why  # also of one that ended: its data is there
    for wrong in ("", "a b", "é", "x" * 29, "-a"):
        with pytest.raises(InstanceRefused):
            check_service(wrong)


def test_what_stands_in_the_way_is_told() -> None:
    bare = replace(SITE, images={}, shared={}, schema="")
    whys = " ".join(planned(Wish(ACME), site=bare).obstacles)
    assert "no image of KATO" in whys
    assert "the address of Redis is not set" in whys
    whys = " ".join(planned(Wish(ACME, stores=Stores.OWN, service="x"), site=bare).obstacles)
    assert "KATO_TENANTS_INSTANCE_SCHEMA" in whys
    assert "takes the SERVICE_NAME kato" in whys
    there = planned(Wish(ACME)).instance
    assert "is planned for it already" in planned(Wish(ACME), [there]).obstacles[0]
    assert planned(Wish(ACME, resources=Resources(cpus=1))).obstacles


def test_what_is_to_be_known_is_noted() -> None:
    assert "begins empty" in planned(Wish(ACME, service="acme")).notes[0]
    assert "move plan tenant/acme --to" in planned(Wish(ACME, stores=Stores.OWN)).notes[0]
    assert "names confirm tenant_acme" in planned(Wish(ACME, kb_id="tenant_acme")).notes[0]
    local = replace(SITE, shared={p: replace(s, host="127.0.0.1") for p, s in SITE.shared.items()})
    assert len(planned(Wish(ACME), site=local).notes) == 3
    assert (
        "writes to the database kato"
        in planned(Wish(ACME), site=replace(SITE, database="other")).notes[0]
    )
    serving = replace(planned(Wish(ACME)).instance, state=State.SERVING)
    assert "is served by" in planned(Wish(ACME), [serving]).notes[0]


def test_an_address_is_an_address() -> None:
    assert check_url("http://kato:8000/") == "http://kato:8000"
    for wrong in ("kato:8000", "http://", "http://u:p@kato", "http://kato/x", "http://kato?x=1",
                  "http://ka to", "ftp://kato", "http://kato:99999", "http://katö"):  # fmt: skip
        with pytest.raises(InstanceRefused):
            check_url(wrong)


@given(st.integers(1, 5000))
def test_sizes_are_read_as_they_are_written(mebibytes: int) -> None:
    assert bytes_written(size_words(mebibytes << 20)) == mebibytes << 20
    assert cpus_written(cpus_words(mebibytes)) == mebibytes


def test_sizes_are_powers_of_two() -> None:
    assert (bytes_written("2Gi"), bytes_written("512m"), bytes_written("1TB")) == (
        2 << 30, 512 << 20, 1 << 40,
    )  # fmt: skip
    assert (cpus_written("0.5"), cpus_written("500m"), cpus_written("2")) == (500, 500, 2000)
    for wrong in ("2", "2G i", "-1Gi", "x"):
        with pytest.raises(InstanceRefused):
            bytes_written(wrong)
    for wrong in ("", "x", "1.2345", "-1"):
        with pytest.raises(InstanceRefused):
            cpus_written(wrong)
