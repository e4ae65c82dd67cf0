"""Cards as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.printed import aligned
from services.cards.labels import words_of
from services.cards.models import Card, Doing, states_of
from services.cards.ports import Doings
from services.cards.preview import Change
from services.cards.written import stamp
from services.tenancy.layout import bytes_of
from services.visible import visible


def card_text(card: Card, doings: tuple[Doing, ...] = ()) -> str:
    """Say what stands on one card, a line each; notes are last, with lines of their own."""
    facts = [("tenant", visible(str(card.tenant)))]
    facts += [("state", _state(each)) for each in states_of(card, doings)]
    if card.hold is not None and card.hold.reason:
        facts.append(("held for", visible(card.hold.reason)))
    facts += [("name", visible(card.name)), ("contact", visible(card.contact)),
              ("labels", words_of(card.labels))]  # fmt: skip
    if card.at is not None:
        by = f" by {visible(card.by)}" if card.by else ""
        facts.append(("changed", f"{stamp(card.at)}{by}"))
    facts += [("notes", visible(line)) for line in card.notes.split("\n")]
    return aligned([(name, text) for name, text in facts if text]) if facts else ""


def cards_text(cards: Iterable[Card], doings: Doings) -> str:
    """Return one line a card, or that there is none."""
    ordered = sorted(cards, key=lambda card: bytes_of(str(card.tenant)))
    rows = [
        (visible(str(card.tenant)), visible(card.name), words_of(card.labels),
         ", ".join(each.state.value for each in states_of(card, doings.get(card.tenant, ()))),
         visible(card.contact))
        for card in ordered
    ]  # fmt: skip
    if not rows:
        return "no card"
    return aligned([("TENANT", "NAME", "LABELS", "STATE", "CONTACT"), *rows])


def changes_text(found: Sequence[Change], *, done: bool) -> str:
    """Say how many cards were changed, or would be, and each in what."""
    word = "changed" if done else "would be changed"
    lines = [f"{visible(str(each.after.tenant))}: {', '.join(each.fields)}" for each in found]
    return "\n".join([f"{word}: {len(found):,}", *(f"  {line}" for line in lines)])


def _state(doing: Doing) -> str:
    since = f" since {stamp(doing.since)}" if doing.since else ""
    by = f" by {visible(doing.by)}" if doing.by else ""
    job = f" (job {visible(doing.job)})" if doing.job else ""
    return f"{doing.state.value}{since}{by}{job}"
