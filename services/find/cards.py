"""Who is called so, or has such a label, by tenants' cards. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.cards.models import Card, each_label
from services.cards.service import Cards
from services.find.index import FleetIndex
from services.find.models import LABEL, NAME, Certainty, Match, Question
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState


def card_matches(index: FleetIndex, cards: Cards, question: Question) -> tuple[Match, ...]:
    """Return the tenants whose display name or label fits, in either case; what fits best first."""
    wanted = {text.casefold() for text in question.texts}
    found = [match for card in cards.values() for match in _of(index, card, question, wanted)]
    return tuple(sorted(found, key=lambda match: match.certainty is not Certainty.EXACT))


def _of(
    index: FleetIndex, card: Card, question: Question, wanted: set[str]
) -> Iterator[Match]:  # fmt: skip
    said = [(NAME, card.name), *((LABEL, str(label)) for label in each_label(card.labels))]
    for what, text in said:
        folded = text.casefold()
        if folded and folded in wanted:
            yield _match(index, card.tenant, what, text, Certainty.EXACT)
        elif question.contains and any(each in folded for each in wanted):
            yield _match(index, card.tenant, what, text, Certainty.CONTAINS)


def _match(
    index: FleetIndex, tenant: TenantKey, what: str, text: str, certainty: Certainty
) -> Match:
    usage = index.tenants.get(tenant)
    state = usage.claim if usage is not None else ClaimState.KNOWN
    return Match(what, text, certainty, tenant, None, state, "it stands on its card")
