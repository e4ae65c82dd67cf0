"""Cards and legal holds in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from services.cards.models import Card, Edit, Held, Hold
from services.cards.service import CardService
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
