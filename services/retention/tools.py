"""What planning and running retention need of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.cards.models import LabelsOf
from services.errors import StoreError, StoreNotConfigured
from services.purge.ports import KeyEraser, SessionEnder as Kato
from services.retention.judge import Judge, Policies
from services.retention.models import Policy
from services.retention.ports import KeyRetention, PatternRetention, PolicyRecords
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Tools:
    """What retention needs.

    `index` tells the sessions that came to KATO's index; `saw` records node_ids with where each
    was seen, `ownership` says who owns what by all that are recorded. `labels` and `holds` are
    those of the tenants' cards, `busy` returns what says of a name, as `held_names` makes
    it, whether a purge or another job has it now.
    """

    keys: KeyRetention
    patterns: PatternRetention
    kato: Kato
    index: KeyEraser
    records: PolicyRecords
    saw: Callable[[Mapping[str, str]], None]
    ownership: Callable[[], Ownership]
    labels: Callable[[], LabelsOf]
    holds: Callable[[], frozenset[TenantKey]]
    busy: Callable[[], Callable[[str], bool]]
    versions: Callable[[], Mapping[str, str]]
    now: Callable[[], datetime]

    def policies(self) -> tuple[Policy, ...]:
        """Return every policy that is set. Raises StoreUnavailable."""
        return tuple(each.policy for each in self.records.every())

    def judge(self, only: tuple[Policy, ...], *, every: tuple[Policy, ...]) -> Judge:
        """Return what says what may go by now, on a fresh reading of who owns what.

        `only` of `every` policy are to run. Raises StoreError where that cannot be read.
        """
        self._read_anew()
        return Judge(
            Policies(every, self.labels()), only, self.ownership(), holds=self.holds(),
            busy=self.busy(),
        )  # fmt: skip

    def _read_anew(self) -> None:
        """Take in the node_ids of sessions that came, and of KATO's processors.

        What a KATO that is down had in memory is gone, and it writes nothing.
        """
        with suppress(StoreNotConfigured):
            came = self.index.nodes(frozenset())
            self.saw(dict.fromkeys(came.values(), "session"))
        with suppress(StoreError):
            found = self.kato.cached_processors()
            self.saw({each.node_id: "kato" for each in found.processors})
