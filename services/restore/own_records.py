"""What a restore brings back into this product's own records, and never over what is there.

Findings are for reading: the next audit finds anew, and whoever is there accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.cards.labels import contact_of, name_of, notes_of
from services.cards.models import Card, Edit, Hold
from services.cards.service import CardService
from services.history.bring_back import bring_back, days_of
from services.history.formats import holder_named
from services.history.ports import HistoryStore
from services.history.read import HistoryService
from services.limits.models import Rule
from services.limits.preview import Changes
from services.limits.service import LimitsService
from services.limits.written import quantity_of, scope_of
from services.names.confirming import why_not
from services.names.ports import NameRecords
from services.restore.models import Brought
from services.restore.renaming import Renaming
from services.restore.source import OpenArchive
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Source
from services.tenancy.ownership import Ownership

_BY = "restore"
_WHY = "restored with its archive"
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Writes them. `saw` records node_ids with where each was seen."""

    saw: Callable[[Mapping[str, str]], None]
    names: NameRecords
    ownership: Callable[[], Ownership]
    limits: LimitsService
    cards: CardService
    past: HistoryStore
    history: HistoryService
    now: Callable[[], datetime]

    def bring_back(
        self, archive: OpenArchive, renaming: Renaming, named: TenantKey | None
    ) -> Brought:
        """Bring them back, where nothing here is otherwise.

        Doing it again comes to the same. Raises KatoTenantsError.
        """
        return _Work(self, archive, renaming, named).all()


@dataclass(frozen=True, slots=True)
class _Work:
    own: OwnRecords
    archive: OpenArchive
    renaming: Renaming
    named: TenantKey | None

    def all(self) -> Brought:
        does: Mapping[str, Callable[[], int]] = {
            "records/nodes": self._nodes, "records/owners": self._owners,
            "records/cards": self._cards, "records/limits": self._limits,
            "records/history": self._history,
        }  # fmt: skip
        return Brought({part: do() for part, do in does.items()}, self.archive.holds(self.named))

    def _nodes(self) -> int:
        new = self.renaming.nodes
        nodes = {
            new.get(line["node_id"], line["node_id"]): line["source"] or Source.OTHER
            for line in self._lines("records/nodes")
        }
        self.own.saw({node: str(source) for node, source in nodes.items()})
        return 0

    def _owners(self) -> int:
        """Have what admins confirmed be so again, where nothing here speaks against it."""
        words = [self._word(line) for line in self._lines("records/owners")]
        ownership = self.own.ownership()
        new = [word for word in words if not why_not(word.kb_id, word.tenant, ownership)]
        self.own.names.confirm(new)
        return sum(
            word not in new and ownership.kb(word.kb_id).tenants != (word.tenant,)
            for word in words
        )  # fmt: skip

    def _word(self, line: Line) -> Confirmation:
        kb_id = line["kb_id"]
        at = datetime.fromisoformat(line["at"])
        return Confirmation(self.renaming.kb_ids.get(kb_id, kb_id), self._tenant(line["tenant"]),
                            line["by"], at, line["why"])  # fmt: skip

    def _cards(self) -> int:
        """Bring back what stood on a card where nothing does; a legal hold in any case.

        What another tenant is called, and whom to write to for it, is no other's.
        """
        kept = 0
        for line in self._lines("records/cards"):
            tenant = self._tenant(line["tenant"])
            old, card, empty = _card(line, tenant), self.own.cards.card(tenant), Card(tenant)
            if str(tenant) != line["tenant"]:
                old, empty = (_called_as(card, each) for each in (old, empty))
            if _texts(card) == _texts(empty):
                edit = Edit(tenant, old.name, old.contact, old.notes, dict(old.labels))
                self.own.cards.change([edit], by=_BY)
            elif _texts(card) != _texts(old):
                kept += 1
            if old.hold is not None:
                self.own.cards.hold_again([tenant], old.hold)
        return kept

    def _limits(self) -> int:
        limits = self.own.limits
        known = {kept.rule.key: kept.rule for kept in limits.rules()}
        old = [self._rule(line) for line in self._lines("records/limits")]
        new = tuple(rule for rule in old if rule.key not in known)
        if new:
            limits.change(Changes(put=new), by=_BY, why=_WHY)
        return sum(known.get(rule.key, rule) != rule for rule in old)

    def _rule(self, line: Line) -> Rule:
        scope = str(self.named) if self.named else line["for"]
        return Rule(scope_of(scope), quantity_of(line["measure"]), line["limit"])

    def _history(self) -> int:
        return sum(
            bring_back(
                self.own.past,
                self.own.history,
                holder_named(str(self._tenant(tenant))),
                days,
                self.own.now(),
            )
            for tenant, days in days_of(self._lines("records/history")).items()
        )

    # --- what these share ---

    def _tenant(self, written: str) -> TenantKey:
        """Return a tenant of the archive under its new name; another one's name stays."""
        return self.archive.called(TenantKey.written(written), self.named)

    def _lines(self, name: str) -> Iterator[Line]:
        return self.archive.records(name)


def _card(line: Line, tenant: TenantKey) -> Card:
    hold = line["hold"]
    return Card(
        tenant, name_of(line["name"] or ""), contact_of(line["contact"] or ""), line["labels"],
        notes_of(line["notes"] or ""),
        None if hold is None else Hold(
            hold["reason"] or "", hold["by"] or "", datetime.fromisoformat(hold["since"])
        ),
    )  # fmt: skip


def _called_as(card: Card, other: Card) -> Card:
    """Return the other with what this one is called, and whom to write to for it."""
    return replace(other, name=card.name, contact=card.contact)


def _texts(card: Card) -> tuple[object, ...]:
    return card.name, card.contact, dict(card.labels), card.notes
