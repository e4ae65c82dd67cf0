"""What this product knows of a tenant comes back with it, and never over what is known here."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import TenantPattern
from services.bootstrap import Services
from services.cards.models import Edit
from services.limits.models import Rule
from services.limits.preview import Changes
from services.restore.models import Outcome
from services.tenancy.names import Confirmation
from tests.features.restore.test_restore import (
    ACME,
    GLOBEX,
    archived,
    erased,
    restored,
    services,
)
from tests.servers.deployment import Deployment

__all__ = ["services"]  # a fixture

OLD = "tenant_acme_user_old_kato"
CARD = Edit(ACME, "Acme", "ops@acme", "pays late", {"plan": "gold"})
NOTHING = Edit(ACME, "", "", "", {}, only=True)


def confirmed(services: Services, kato: Deployment) -> None:
    """Have an admin's word that a kb_id of which no node_id was seen is acme's."""
    kato.targets.redis.set(f"{OLD}:frequency:x", "1")
    services.state.confirm([Confirmation(OLD, ACME, "ann", services.now(), "a contract")])


def test_a_card_and_confirmed_owners_come_back_where_there_are_none(
    services: Services, kato: Deployment
) -> None:
    confirmed(services, kato)
    services.cards.change([CARD], by="ann")
    archive = archived(services)
    erased(services)
    services.state.revoke([OLD])
    services.cards.change([NOTHING], by="ann")
    done = restored(services, archive)
    assert (done.outcome, done.kept, done.holds) == (Outcome.RESTORED, {}, ()), done
    card = services.cards.card(ACME)
    assert (card.name, card.contact, card.notes, card.labels) == (
        "Acme", "ops@acme", "pays late", {"plan": "gold"}
    )  # fmt: skip
    word = services.usage.ownership().confirmed[OLD]
    assert (word.tenant, word.who, word.why) == (ACME, "ann", "a contract")


def test_as_another_tenant_all_of_it_has_its_name_and_a_hold_is_kept(
    services: Services, kato: Deployment
) -> None:
    confirmed(services, kato)
    services.cards.change([CARD], by="ann")
    services.cards.hold([ACME], reason="a court's order", by="ann")
    archive = archived(services)
    done = restored(services, archive, GLOBEX)
    card = services.cards.card(GLOBEX)
    assert card.hold is not None
    assert (card.name, card.contact) == ("", "")  # these are acme's, who is another
    assert (card.notes, card.labels) == ("pays late", {"plan": "gold"})
    assert (card.hold.reason, card.hold.by) == ("a court's order", "ann")
    assert services.restore.plan(archive.name, GLOBEX).holds == done.holds == (GLOBEX,)
    new = OLD.replace("acme", "globex")
    assert services.usage.ownership().confirmed[new].tenant == GLOBEX
    assert services.usage.ownership().confirmed[OLD].tenant == ACME
    assert done.kept == {}
    own = Edit(GLOBEX, "Globex", "ops@globex", "", {"plan": "tin"}, only=True)
    services.cards.change([own], by="ann")
    assert restored(services, archive, GLOBEX).kept == {"records/cards": 1}


def test_what_is_known_otherwise_here_stays_and_is_counted(
    services: Services, kato: Deployment
) -> None:
    confirmed(services, kato)
    services.cards.change([CARD], by="ann")
    services.cards.hold([ACME], reason="a court's order", by="ann")
    scope = TenantPattern(ACME.kind, ACME.id)
    services.limits.change(Changes(put=(Rule(scope, "patterns", 9),)), by="ann", why="x")
    archive = archived(services)
    services.cards.lift([ACME], by="ann")
    other = replace(CARD, name="Acme Inc")
    services.cards.change([other], by="bob")
    services.limits.change(Changes(put=(Rule(scope, "patterns", 10),)), by="bob", why="x")
    services.state.revoke([OLD])
    done = restored(services, archive)
    assert (done.kept, done.kept_limits) == ({"records/cards": 1}, 1)
    card = services.cards.card(ACME)
    assert card.name == "Acme Inc"
    assert card.hold is not None  # whatever else: it had to be kept
    assert services.usage.ownership().confirmed[OLD].tenant == ACME
    assert done.holds == (ACME,)
    again = restored(services, archive)
    assert (again.kept, again.kept_limits) == (done.kept, done.kept_limits)
