"""Cards and legal holds in SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.archive.doings import doings_of
from services.archive.models import Archive, State as Taken
from services.cards.models import Card, Doing, Edit, Held, Hold, State
from services.cards.service import CardService
from services.purge.models import Target
from services.stores.records.archives import ArchiveBook
from services.stores.records.cards import CardBook
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME = TenantKey("tenant", "acme")
STRANGE = TenantKey("tenant", "\x00/\udcff'; *")


def dashboard(records: Records) -> CardService:
    """Another process that has the same records."""
    return CardService(CardBook(records.engine()), now=lambda: NOW)


def test_cards_are_kept_whole(records: Records) -> None:
    """Whatever a tenant is called; each change is of what it names, and others see it at once."""
    one, other = dashboard(records), dashboard(records)
    before = one.version()
    assert other.cards() == {}
    edits = [Edit(STRANGE, "S'; --", "c@d", "a\nb \U0001f600", {"plan": "K\u00f6ln"}),
             Edit(ACME, "Acme", labels={"plan": "gold", "eu": "1"})]  # fmt: skip
    one.change(edits, by="a\udcffnn")
    assert one.version() != before
    assert other.card(STRANGE) == Card(
        STRANGE, "S'; --", "c@d", {"plan": "K\u00f6ln"}, "a\nb \U0001f600", None, "a\udcffnn", NOW
    )
    other.change([Edit(ACME, contact="bob", labels={"eu": None})], by="eve")
    acme = one.card(ACME)
    assert (acme.name, acme.contact, acme.labels, acme.by) == (
        "Acme",
        "bob",
        {"plan": "gold"},
        "eve",
    )
    assert one.labels()(ACME) == {"plan": "gold"}
    assert one.labels()(TenantKey("tenant", "none")) == {}
    one.change([Edit(STRANGE, "", "", "", only=True)], by="eve")
    assert set(other.cards()) == {ACME}  # nothing stands on the other any more


def test_a_hold_is_there_for_all_until_it_is_lifted(records: Records) -> None:
    """The first one stays as it was set, a card's changes leave it, and a lifted one is gone."""
    one, book = dashboard(records), CardBook(records.engine())
    one.hold([STRANGE, ACME], reason="a court's order\x00", by="ann")
    one.hold([ACME], reason="another", by="eve")
    one.change([Edit(ACME, name="Acme")], by="eve")
    hold = Hold("a court's order\x00", "ann", NOW)
    assert set(book.holds()) == {Held(STRANGE, hold), Held(ACME, hold)}
    assert one.card(ACME).hold == hold
    version = one.version()
    one.lift([STRANGE], by="eve")
    assert one.version() != version
    assert book.holds() == (Held(ACME, hold),)
    assert set(one.cards()) == {ACME}


def test_who_is_being_archived_is_said_until_it_is_over(records: Records) -> None:
    """By the archive itself: only of whole tenants."""
    book = ArchiveBook(records.engine())
    taking = Archive("a1", Target(ACME), (str(ACME),), "", "x", Taken.TAKING, "ann", NOW, job="j1")
    book.put(taking)
    book.put(replace(taking, id="a2", target=Target(STRANGE, node_id="n")))
    cards = CardService(CardBook(records.engine()), now=lambda: NOW,
                        doings=[lambda: doings_of(book)])  # fmt: skip
    assert cards.doings() == {ACME: (Doing(State.ARCHIVING, NOW, "ann", "j1"),)}
    book.put(replace(taking, state=Taken.PROVEN))
    assert cards.doings() == {}
