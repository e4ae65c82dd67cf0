"""Cards as they are now, read once a version, and their changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from services.cards.models import Card, Doing, Edit, Hold, Label, Labels, LabelsOf, each_label
from services.cards.ports import CardRecords, Doings
from services.tenancy.kb_ids import TenantKey

Cards = Mapping[TenantKey, Card]

_NONE: Labels = {}


class CardService:
    """Every method raises StoreUnavailable where this product's own records do not answer.

    `doings` say what is being done with tenants, each of another kind of job.
    """

    def __init__(
        self, records: CardRecords, *, now: Callable[[], datetime],
        doings: Sequence[Callable[[], Doings]] = (),
    ) -> None:  # fmt: skip
        self._records, self._now, self._doings = records, now, doings
        self._known: tuple[int, Cards] | None = None
        self._lock = threading.Lock()

    def version(self) -> int:
        """Return a number that is another one whenever a card was changed anywhere."""
        return self._records.version()

    def cards(self) -> Cards:
        """Return every card on which anything stands."""
        with self._lock:
            version = self._records.version()
            if self._known is None or self._known[0] != version:
                self._known = version, {card.tenant: card for card in self._records.cards()}
            return self._known[1]

    def card(self, tenant: TenantKey) -> Card:
        """Return one, empty where nothing stands on it."""
        return self.cards().get(tenant) or Card(tenant)

    def labels(self) -> LabelsOf:
        """Return what tells the labels of each tenant, as they are now."""
        return partial(_labels, self.cards())

    def labels_within(self, sees: Callable[[TenantKey], bool]) -> frozenset[Label]:
        """Return the labels that tenants have whom somebody sees."""
        mine = (card.labels for tenant, card in self.cards().items() if sees(tenant))
        return frozenset(label for labels in mine for label in each_label(labels))

    def doings(self) -> Mapping[TenantKey, tuple[Doing, ...]]:
        """Return what is being done with tenants now."""
        found: dict[TenantKey, tuple[Doing, ...]] = {}
        for told in self._doings:
            for tenant, doings in told().items():
                found[tenant] = (*found.get(tenant, ()), *doings)
        return found

    def change(self, edits: Collection[Edit], *, by: str) -> None:
        """Change cards, all or none."""
        self._records.change(edits, by=by, at=self._now())

    def hold(self, tenants: Collection[TenantKey], *, reason: str, by: str) -> None:
        """Put tenants on legal hold."""
        self._records.hold(tenants, Hold(reason, by, self._now()))

    def hold_again(self, tenants: Collection[TenantKey], hold: Hold) -> None:
        """Put tenants on a hold that was set elsewhere, or before; one that is there stays."""
        self._records.hold(tenants, hold)

    def lift(self, tenants: Collection[TenantKey], *, by: str) -> None:
        """Lift their holds."""
        self._records.lift(tenants, by=by, at=self._now())


def _labels(cards: Cards, tenant: TenantKey) -> Labels:
    card = cards.get(tenant)
    return _NONE if card is None else card.labels
