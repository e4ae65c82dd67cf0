"""What a purge would do, and whether a plan still holds. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.errors import Problem
from services.figures import Measure
from services.purge.models import Item, LeftOut, Look, Plan, Reckoning, Request, Surface
from services.purge.target import Selection
from services.tenancy.kb_ids import held_names
from services.tenancy.layout import bytes_of
from services.tenancy.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Looks:
    """One look at every chosen store: what was found, what could not be asked, what is not set.

    `unsure` has, by store, why there may be more in it than was found.
    """

    items: tuple[Item, ...] = ()
    blockers: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()
    problems: Mapping[Measure, Problem] = field(default_factory=dict)
    absent: tuple[Measure, ...] = ()
    left: tuple[LeftOut, ...] = ()
    everything: Mapping[str, Reckoning] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    servers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unsure: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def as_proof(self) -> Looks:
        """The same as a proof that nothing is left: what is not sure is a problem then."""
        found = {Measure(name): Problem("; ".join(why)) for name, why in self.unsure.items()}
        return replace(self, problems={**found, **self.problems}) if found else self

    @property
    def found(self) -> int:
        """How many rows, keys, points and sessions were found."""
        return sum(item.count for item in self.items)


def merged(
    looks: Mapping[str, Look], problems: Mapping[Measure, Problem], absent: Sequence[Measure],
    stores: frozenset[Measure],
) -> Looks:  # fmt: skip
    """Put the looks at single stores together, with the items of the chosen stores only."""
    seen = list(looks.values())
    items = (item for look in seen for item in look.items if item.store in stores)
    return Looks(
        items=tuple(sorted(items, key=_order)),
        blockers=tuple(dict.fromkeys(text for look in seen for text in look.blockers)),
        disclosed=tuple(
            dict.fromkeys(text for look in seen for text in (*look.disclosed, *look.unsure))
        ),
        problems=dict(problems),
        absent=tuple(absent),
        left=tuple(left for look in seen for left in look.left),
        everything={n: look.everything for n, look in looks.items() if look.everything},
        streams=tuple(name for look in seen for name in look.streams),
        servers={name: look.servers for name, look in looks.items() if look.servers},
        unsure={name: look.unsure for name, look in looks.items() if look.unsure},
    )


def plan_of_looks(request: Request, selection: Selection, looks: Looks, at: datetime) -> Plan:
    """Return the plan that these looks come to."""
    left_out = (*selection.left_out, *looks.left)
    return Plan(
        request=request,
        surface=selection.surface,
        items=looks.items,
        left_out=left_out,
        disclosed=looks.disclosed,
        blockers=looks.blockers,
        problems=looks.problems,
        absent=looks.absent,
        created_at=at,
        digest=_digest(request, selection, looks),
        taken=selection.taken,
        whose=selection.whose,
        streams=looks.streams,
    )


def names_alone(plan: Plan, ownership: Ownership) -> tuple[str, ...]:
    """Return what a job holds for itself alone: its tenants and its kb_ids."""
    surface = plan.surface
    tenants = {tenant for kb_id in surface.kb_ids for tenant in ownership.kb(kb_id).tenants}
    tenants |= {ownership.tenant_of(node) for node in surface.nodes}
    return held_names({*tenants, *plan.request.target.tenants}, surface.kb_ids)


def moved_on(plan: Plan, selection: Selection, looks: Looks) -> tuple[str, ...]:
    """Say what forbids to run a plan now; empty when the stores differ by growth at most.

    More or less of what was planned is growth, or done already; another kb_id, collection, table
    or owner is not. Whether a kb_id is still the target's, `no_longer` says.
    """
    new, old = selection.surface, plan.surface
    found = [f"{name} is new" for name in sorted(new.kb_ids - old.kb_ids)]
    found += [f"the collection {name} is new" for name in sorted(new.collections - old.collections)]
    found += [f"the collection {name} holds points of tenants now"
              for name in sorted(new.shared_collections - old.shared_collections)]  # fmt: skip
    planned = {_place(item) for item in plan.items}
    strangers = {_place(item): item for item in looks.items if _is_strange(item, planned, old)}
    found += [f"{item.kind} of {item.owner} is new" for item in strangers.values()]
    found += [f"{store.value} is configured now" for store in plan.absent
              if store not in looks.absent]  # fmt: skip
    found += [f"{store.value} could not be asked: {why}" for store, why in looks.problems.items()]
    found += [text for text in looks.blockers if text not in plan.blockers]
    return tuple(found)


def _is_strange(item: Item, planned: set[tuple[Measure, str]], surface: Surface) -> bool:
    """Whether a thing is neither planned nor more of a name that the plan goes by."""
    known = surface.kb_ids | surface.nodes | surface.tenant_ids
    return _place(item) not in planned and item.owner not in known


def _place(item: Item) -> tuple[Measure, str]:
    return item.store, item.owner


def _order(item: Item) -> tuple[int, bytes, bytes]:
    return list(Measure).index(item.store), bytes_of(item.owner), bytes_of(item.kind)


def no_longer(left: Iterable[LeftOut]) -> tuple[str, ...]:
    """Say of kb_ids that were to go why they may not any more, and who came to them."""
    return tuple(
        f"{each.kb_id} is no longer surely the target's: {each.why}"
        + (f" ({', '.join(map(str, each.losers))})" if each.losers else "")
        for each in left
    )


def _digest(request: Request, selection: Selection, looks: Looks) -> str:
    """SHA-256 over everything that the plan says, but its time, bytes and samples."""
    surface = selection.surface
    said = [
        str(request.target), [str(tenant) for tenant in request.target.many],
        sorted(request.stores), sorted(request.included), request.trim_streams,
        request.include_inferred, sorted(request.passed_over), request.drop_collections,
        sorted(surface.kb_ids), sorted(surface.tenant_ids), sorted(surface.nodes),
        sorted(surface.collections), sorted(surface.shared_collections),
        [[item.store, item.owner, item.kind, item.count] for item in looks.items],
        [_said(each) for each in (*selection.left_out, *looks.left)],
        [_said(each) for each in selection.taken],
        sorted(looks.blockers), sorted(looks.problems), sorted(looks.absent),
        *(["an archive first"] if request.archive_first else []),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()


def _said(left: LeftOut) -> list[object]:
    return [left.kb_id, left.why, left.place, sorted(map(str, left.losers))]
