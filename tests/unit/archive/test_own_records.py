"""What an archive takes of this product's own records."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from services.archive.own_records import OwnRecords
from services.cards.models import Card, Hold
from services.tenancy.kb_ids import TenantKey
from tests.unit.access.desks import ACME, NOW, OWNERSHIP, ZED, plan


def test_a_tenants_card_is_in_its_archive_and_nobody_elses() -> None:
    """With its hold: whoever restores it sees that it had to be kept."""
    said = {
        ACME: Card(ACME, "Acme", "ops@acme", {"plan": "gold"}, "a", Hold("file 12", "ann", NOW)),
        ZED: Card(ZED, "Zed"),
    }

    def card(tenant: TenantKey) -> Card:
        return said.get(tenant) or Card(tenant)

    history: Any = SimpleNamespace(first_of=lambda _: None, series=lambda *_: ())
    own = OwnRecords(tuple, history, lambda: None, lambda: NOW, card)

    def cards(tenant: TenantKey) -> list[dict[str, Any]]:
        planned: Any = SimpleNamespace(plan=plan(tenant), ownership=OWNERSHIP)
        mine = [piece for piece in own.pieces(planned) if piece.part.name == "records/cards"]
        return [json.loads(line) for piece in mine for line in piece.content.splitlines()]

    (found,) = cards(ACME)
    assert (found["name"], found["labels"], found["contact"]) == (
        "Acme", {"plan": "gold"}, "ops@acme"
    )  # fmt: skip
    assert found["hold"]["reason"] == "file 12"
    assert cards(TenantKey("tenant", "nobody")) == []
