"""Cards as JSON. `docs/cards.md` describes it; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.cards.models import Card, Doing, states_of
from services.cards.ports import Doings
from services.cards.preview import Change
from services.cards.written import stamp
from services.tenancy.layout import bytes_of

Json = Mapping[str, object]


def card_json(card: Card, doings: tuple[Doing, ...] = ()) -> Json:
    """Return one card; `null` is what is not said of it, or not for who asks."""
    states = states_of(card, doings)
    return {
        "tenant": str(card.tenant), "name": card.name or None, "contact": card.contact or None,
        "labels": dict(sorted(card.labels.items())), "notes": card.notes or None,
        "state": states[0].state.value, "states": list(map(_state, states)),
        "hold": None if card.hold is None else {
            "reason": card.hold.reason or None, "by": card.hold.by or None,
            "since": stamp(card.hold.since),
        },
        "by": card.by or None, "at": stamp(card.at),
    }  # fmt: skip


def cards_json(cards: Iterable[Card], doings: Doings) -> Json:
    """Return every card, by the tenant's name."""
    ordered = sorted(cards, key=lambda card: bytes_of(str(card.tenant)))
    return {"cards": [card_json(card, doings.get(card.tenant, ())) for card in ordered]}


def changes_json(found: Sequence[Change], *, refused: int = 0, done: bool = True) -> Json:
    """Return which cards were changed, or would be, and in what."""
    told = [{"tenant": str(each.after.tenant), "fields": list(each.fields)} for each in found]
    return {"done": done, "changed": told, "refused": refused}


def _state(doing: Doing) -> Json:
    return {
        "state": doing.state.value, "since": stamp(doing.since), "by": doing.by or None,
        "job": doing.job or None,
    }  # fmt: skip
