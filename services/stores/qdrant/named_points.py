"""The points of a collection that name a purge's target in their payload, read one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.stores.qdrant.calls import VectorCalls
from services.stores.qdrant.facts import TENANT
from services.stores.qdrant.payloads import PATHS, Named


@dataclass(slots=True)
class Owned:
    """The points that name one owner: alone, by form, and `mixed` with others."""

    forms: Counter[str] = field(default_factory=Counter)
    mixed: int = 0

    @property
    def alone(self) -> int:
        """How many name nobody else."""
        return self.forms.total()


@dataclass(frozen=True, slots=True)
class Tally:
    """The points by owner, and how many a filter found that name no one of them after all."""

    owners: Mapping[str, Owned]
    others: int

    @property
    def mine(self) -> int:
        """How many name any of the owners."""
        return sum(owned.alone + owned.mixed for owned in self.owners.values())


def tally_of(calls: VectorCalls, named: Named, collection: str) -> Tally:
    """Read every point of a collection that may name the target. Raises a StoreError."""
    found, others = dict[str, Owned](), 0
    for page in calls.pages(collection, named.filter, PATHS):
        for _, payload in page:
            naming = named.read(payload)
            if naming is None:
                others += 1
                continue
            owned = found.setdefault(naming.owner, Owned())
            owned.forms[naming.form] += naming.alone
            owned.mixed += not naming.alone
    return Tally(dict(sorted(found.items())), others)


def forms_said(forms: Counter[str]) -> str:
    """Say in which forms points name an owner, where it is not only the one of the guide."""
    found = {form: count for form, count in sorted(forms.items()) if count}
    if found.keys() <= {TENANT}:
        return ""
    return ": " + ", ".join(f"{form} {count:,}" for form, count in found.items())
