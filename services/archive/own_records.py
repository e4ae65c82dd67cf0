"""What an archive takes of this product's own records: names, owners, limits, the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.access.viewer import TenantPattern
from services.archive.formats import json_line, packed
from services.archive.models import Format, Part, Piece
from services.archive.tools import Planned
from services.cards.formats import card_json
from services.cards.models import Card
from services.history.formats import COLUMNS, holder_named, rows
from services.history.models import Grain
from services.history.read import HistoryService
from services.isolation.formats import finding_json
from services.isolation.models import Report
from services.limits.formats import rules_json
from services.limits.models import QUANTITIES, Kept
from services.purge.models import Plan
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Reads them. `report` is the last audit, None where there was none."""

    rules: Callable[[], tuple[Kept, ...]]
    history: HistoryService
    report: Callable[[], Report | None]
    now: Callable[[], datetime]
    card: Callable[[TenantKey], Card]

    def pieces(self, planned: Planned) -> Iterator[Piece]:
        """Yield them, part by part. What is said of tenants is of whole ones alone."""
        plan = planned.plan
        whole = plan.request.target.whole
        parts: dict[str, Iterator[Line]] = {
            "nodes": _nodes(plan, planned.ownership),
            "owners": _owners(plan, planned.ownership),
            "cards": (card_json(card) for card in map(self.card, whole) if card.says),
            "limits": self._limits(whole),
            "history": self._history(whole),
            "findings": self._findings(whole),
        }
        for name, lines in parts.items():
            part = Part(f"records/{name}", Format.JSON_LINES)
            yield from packed(part, (json_line(line) for line in lines))

    def _limits(self, whole: tuple[TenantKey, ...]) -> Iterator[Line]:
        scopes = {TenantPattern(tenant.kind, tenant.id) for tenant in whole}
        mine = [kept for kept in self.rules() if kept.rule.scope in scopes]
        found: list[Line] = rules_json(mine)["limits"]  # type: ignore[assignment]  # as it says
        yield from found

    def _history(self, whole: tuple[TenantKey, ...]) -> Iterator[Line]:
        """Yield every day of which anything is known, of each figure."""
        for tenant in whole:
            holder = holder_named(str(tenant))
            since = self.history.first_of(holder) or self.now()
            for quantity in QUANTITIES:
                cells = self.history.series(holder, quantity, since, self.now(), Grain.DAY.seconds)
                for row in rows(cells):
                    named = dict(zip(COLUMNS, row, strict=True))
                    if named["last"] is not None:
                        yield {"tenant": str(tenant), "measure": quantity, **named}

    def _findings(self, whole: tuple[TenantKey, ...]) -> Iterator[Line]:
        """Yield the findings that are about these tenants and nobody else."""
        report = self.report()
        for record in report.records if report else ():
            about = record.finding.tenants
            if about and set(about) <= set(whole):
                yield {
                    "finding": finding_json(record.finding),
                    "first_seen": record.first_seen.isoformat(),
                    "last_seen": record.last_seen.isoformat(),
                }


def _nodes(plan: Plan, ownership: Ownership) -> Iterator[Line]:
    for node in sorted(plan.surface.nodes):
        origin = ownership.origins.get(node)
        yield {
            "node_id": node, "tenant": str(ownership.tenant_of(node)),
            "kb_id": ownership.kb_id_of(node),
            "source": str(origin.source) if origin else None,
            "since": origin.since.isoformat() if origin else None,
        }  # fmt: skip


def _owners(plan: Plan, ownership: Ownership) -> Iterator[Line]:
    """Yield what admins confirmed of the kb_ids."""
    for kb_id in sorted(plan.surface.kb_ids):
        word = ownership.confirmed.get(kb_id)
        if word is not None:
            yield {
                "kb_id": kb_id, "tenant": str(word.tenant), "by": word.who, "why": word.why,
                "at": word.at.isoformat(),
            }  # fmt: skip
