"""What a restore brings back into this product's own records: node_ids, and limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.limits.models import Rule
from services.limits.preview import Changes
from services.limits.service import LimitsService
from services.limits.written import quantity_of, scope_of
from services.restore.renaming import Renaming
from services.restore.source import OpenArchive
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Source

_BY = "restore"


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Writes them. `saw` records node_ids with where each was seen."""

    saw: Callable[[Mapping[str, str]], None]
    limits: LimitsService

    def bring_back(self, archive: OpenArchive, renaming: Renaming, named: TenantKey | None) -> int:
        """Bring them back; a limit that is set now stays, and is counted."""
        nodes = {
            renaming.nodes.get(line["node_id"], line["node_id"]): line["source"] or Source.OTHER
            for line in _lines(archive, "records/nodes")
        }
        self.saw({node: str(source) for node, source in nodes.items()})
        return self._limits(archive, named)

    def _limits(self, archive: OpenArchive, named: TenantKey | None) -> int:
        known = {kept.rule.key: kept.rule for kept in self.limits.rules()}
        old = [_rule(line, named) for line in _lines(archive, "records/limits")]
        new = tuple(rule for rule in old if rule.key not in known)
        if new:
            self.limits.change(Changes(put=new), by=_BY, why="restored with its archive")
        return sum(known.get(rule.key, rule) != rule for rule in old)


def _rule(line: Mapping[str, Any], named: TenantKey | None) -> Rule:
    scope = str(named) if named else line["for"]
    return Rule(scope_of(scope), quantity_of(line["measure"]), line["limit"])


def _lines(archive: OpenArchive, name: str) -> Iterator[Mapping[str, Any]]:
    part = archive.manifest.part(name)
    if part is not None:
        yield from map(json.loads, archive.lines(part))
