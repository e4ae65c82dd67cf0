"""What a purge would do, and whether a plan still holds. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.figures import Measure
from services.names import bytes_of
from services.purging.models import Item, LeftOut, Look, Plan, Request, Surface
from services.purging.targeting import Selection
from services.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Looks:
    """One look at every chosen store: what was found, what could not be asked, what is not set."""

    items: tuple[Item, ...] = ()
    blockers: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()
    problems: Mapping[Measure, str] = field(default_factory=dict)
    absent: tuple[Measure, ...] = ()


def merged(
    looks: Iterable[Look], problems: Mapping[Measure, str], absent: Sequence[Measure],
    stores: frozenset[Measure],
) -> Looks:  # fmt: skip
    """Put the looks at single stores together, with the items of the chosen stores only."""
    seen = list(looks)
    items = (item for look in seen for item in look.items if item.store in stores)
    return Looks(
        items=tuple(sorted(items, key=_order)),
        blockers=tuple(dict.fromkeys(text for look in seen for text in look.blockers)),
        disclosed=tuple(dict.fromkeys(text for look in seen for text in look.disclosed)),
        problems=dict(problems),
        absent=tuple(absent),
    )


def unread(snapshot: Snapshot, stores: frozenset[Measure]) -> dict[Measure, str]:
    """Return the chosen stores of which the snapshot has not the whole, with why.

    The names that a purge goes by come out of it: with a part unread, a kb_id may be missing.
    """
    reasons = {store: snapshot.stores[store].unread for store in sorted(stores)}
    return {store: why for store, why in reasons.items() if why is not None}


def plan_of_looks(request: Request, selection: Selection, looks: Looks, at: datetime) -> Plan:
    """Return the plan that these looks come to."""
    return Plan(
        request=request,
        surface=selection.surface,
        items=looks.items,
        left_out=selection.left_out,
        disclosed=looks.disclosed,
        blockers=looks.blockers,
        problems=looks.problems,
        absent=looks.absent,
        created_at=at,
        digest=_digest(request, selection.surface, looks, selection.left_out),
    )


def moved_on(plan: Plan, selection: Selection, looks: Looks) -> tuple[str, ...]:
    """Say what forbids to run a plan now; empty when the stores differ by growth at most.

    More or less of what was planned is growth, or done already; another kb_id, collection, table
    or owner is not, nor is a kb_id whose ownership is no longer sure.
    """
    new, old = selection.surface, plan.surface
    doubtful = {left.kb_id: left.why for left in selection.left_out}
    found = [f"{kb_id} is no longer surely the target's: {doubtful[kb_id]}"
             for kb_id in sorted(old.kb_ids & doubtful.keys())]  # fmt: skip
    found += [f"{name} is new" for name in sorted(new.kb_ids - old.kb_ids)]
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


def _digest(request: Request, surface: Surface, looks: Looks, left: Sequence[LeftOut]) -> str:
    """SHA-256 over everything that the plan says, but its time, bytes and samples."""
    said = [
        str(request.target), sorted(request.stores), sorted(request.included), request.trim_streams,
        sorted(surface.kb_ids), sorted(surface.tenant_ids), sorted(surface.nodes),
        sorted(surface.collections), sorted(surface.shared_collections),
        [[item.store, item.owner, item.kind, item.count] for item in looks.items],
        [[each.kb_id, each.why, sorted(map(str, each.losers))] for each in left],
        sorted(looks.blockers), sorted(looks.problems), sorted(looks.absent),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()
