"""What an archive is to take: told by the same looks as what a purge is to erase."""

from __future__ import annotations

from dataclasses import replace

from services.archive.errors import ArchiveError
from services.archive.models import Change
from services.archive.tools import Planned, Tools
from services.figures import Measure
from services.purge.models import Item, Plan, Request
from services.purge.plan import plan_of_looks
from services.purge.target import may_be, select, wanting
from services.purge.unknown_target import refuse_unseen


def plan(tools: Tools, request: Request, *, unseen: bool = False) -> Planned:
    """Return what an archive of a request takes; nothing is written but node_ids that were seen.

    One pass over Redis. Raises PurgeRefused for a target that cannot be resolved or, unless it may
    be `unseen`, of which nothing was ever seen, StoreError when this product's records fail.
    """
    request = replace(request, stores=frozenset(Measure))
    names = tools.erasers.names(may_be(request.target, tools.ownership()))
    tools.saw(names.nodes)
    ownership = tools.ownership()
    selection = select(request, names, ownership)
    looks = tools.erasers.look(
        request, selection.surface, wanting(request, ownership), survey=names.survey, weigh=True
    )
    looks = replace(looks, problems={**names.problems, **looks.problems})
    if not (looks.problems or unseen):
        refuse_unseen(request.target, names, ownership, {item.owner for item in looks.items})
    return Planned(plan_of_looks(request, selection, looks, tools.now()), names.survey, ownership)


def check(plan: Plan) -> None:
    """Raise ArchiveError where a plan cannot be archived: a store could not be asked."""
    for store, why in plan.problems.items():
        raise ArchiveError(f"{store.value} could not be asked: {why}")


def changed_since(tools: Tools, planned: Planned, *, quiesced: bool) -> tuple[Change, ...]:
    """Look again, in a pass over everything, and return what is otherwise than when planned.

    Where sessions were ended, that they and what goes with them are gone is no change. A store
    that cannot be asked now has None for what is there.
    """
    plan = planned.plan
    wants = wanting(plan.request, planned.ownership)
    looks = tools.erasers.look(plan.request, plan.surface, wants)
    before, after = _counts(plan.items), _counts(looks.items)
    unknown = looks.problems.keys()
    found = []
    for key in before | after:
        store, owner, kind = key
        if quiesced and owner in plan.surface.nodes and not after.get(key):
            continue
        there = None if store in unknown else after.get(key, 0)
        if there != before.get(key, 0):
            found.append(Change(store, owner, kind, before.get(key, 0), there))
    return tuple(found)


def _counts(items: tuple[Item, ...]) -> dict[tuple[Measure, str, str], int]:
    return {item.key: item.count for item in items}
