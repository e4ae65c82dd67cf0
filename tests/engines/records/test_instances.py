"""The register of instances in this product's own records, of each kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from services.instances.models import Instance, Part, State, Stores, Wish
from services.stores.records.instances import InstanceBook
from services.stores.records.names import NameBook
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records
from tests.unit.instances.sites import ACME, HOOLI, NOW, planned

ODD = TenantKey("tenant", "a\x00\ud800'; DROP TABLE instance")


@pytest.fixture
def book(records: Records) -> InstanceBook:
    return InstanceBook(records.engine())


def of(tenant: TenantKey, port: int = 8100, **more: object) -> Instance:
    found = planned(Wish(tenant)).instance
    return replace(found, ports={Part.KATO: port}, **more)  # type: ignore[arg-type]


def test_what_is_kept_comes_back(book: InstanceBook) -> None:
    first, second = of(ODD, why="é\n"), of(ACME, 8101, since=NOW + timedelta(hours=1))
    assert book.add(first)
    assert book.add(second)
    assert book.all() == (second, first)
    assert book.get(first.name) == first
    assert book.get("kato-none") is None
    ended = replace(first, state=State.ENDED)
    book.put(ended)
    assert book.get(first.name) == ended
    book.forget(first.name)
    assert book.all() == (second,)


def test_a_port_has_one_at_most(book: InstanceBook) -> None:
    """One that has a port or a name that is taken is not kept at all; forgotten, both are free."""
    assert book.add(of(ACME))
    assert not book.add(of(HOOLI))
    assert not book.add(of(ACME, 8101))
    assert [each.tenant for each in book.all()] == [ACME]
    book.put(replace(of(ACME), state=State.ENDED))
    assert not book.add(of(HOOLI))  # kept for the one that ended
    book.forget(of(ACME).name)
    assert book.add(of(HOOLI))


def test_of_several_that_take_a_port_at_once_one_has_it(book: InstanceBook) -> None:
    tenants = [TenantKey("tenant", str(number)) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda tenant: book.add(of(tenant)), tenants))
    assert sum(taken) == 1
    assert len(book.all()) == 1


def test_names_are_known_by_the_register(book: InstanceBook, records: Records) -> None:
    """Each SERVICE_NAME over these stores, that which is written now first; a change is counted."""
    names = NameBook(records.engine())
    before = names.nodes_version()
    book.add(of(ACME, service="kato-acme", state=State.SERVING))
    assert names.nodes_version() != before
    assert names.services() == {ACME: ("kato-acme",)}
    book.put(of(ACME, service="kato-acme", state=State.ENDED))
    assert names.services() == {ACME: ("", "kato-acme")}
    book.add(of(HOOLI, 8101, service="x", state=State.SERVING, stores=Stores.OWN, elsewhere="eu"))
    assert HOOLI not in names.services()
